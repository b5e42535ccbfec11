"""Measure the latency of the app: start it, drive it in headless Chromium, and time it inside the page.

python app/tools/latency.py --json bench.json

A measurement starts with performance.now() at the input event or the choice of a file. It ends when the new picture is
painted: after it is decoded and placed, the next animation frame, and a message posted in that frame, which arrives
when the frame is done.

drag         a slider of Fine-tune moves, from the event to the finished frame; drawn in the browser where it can
drag_server  the same where it cannot, so that the server draws
upload       from the choice of a photo of 12 megapixels until it is on the stage, ready to be edited
save         from the click until the edited photo is downloaded at its full size
first_page   from the address to the edited example, in a browser that has nothing of the page yet

The API endpoints are measured from Python with gradio_client.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]  # app/
PHOTO = HERE / "examples" / "astronaut.jpg"
LARGE = (4000, 3000)
PORT = 7899
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
TARGETS = {
    "drag_ms_p50": 33,
    "drag_ms_p95": 60,
    "upload_ms_p50": 300,
    "save_ms_p50": 500,
    "start_s": 10,
}
SERVER_DRAWS = "**/page/js/live-*.js"  # without it, the browser has nothing to draw with
TIMER = """
window.painted = (names) => new Promise((done) => {
  const seen = new MutationObserver(() => {
    seen.disconnect();
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(performance.now());
      channel.port2.postMessage(0);
    });
  });
  seen.observe(document.querySelector(".rb.faces .stage"), { attributes: true, subtree: true, attributeFilter: names });
});
window.drag = async (ticks) => {
  const range = document.querySelector(".rb.faces .tune input[type=range]");
  const times = [];
  for (let i = 0; i < ticks; i++) {
    const painted = window.painted(["data-frames", "data-draws"]);
    range.value = (i % 2 ? -1 : 1) * (10 + 2 * (i % 30));
    await new Promise((next) => setTimeout(next, 3 + (i * 7) % 16)); // at a varying time within a frame
    const start = performance.now();
    range.dispatchEvent(new Event("input", { bubbles: true }));
    times.push((await painted) - start);
  }
  return times;
};
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns 2 if Chromium is not installed."""
    parser = argparse.ArgumentParser(
        prog="python app/tools/latency.py",
        description=__doc__.split("\n\n")[0],
        epilog="example: python app/tools/latency.py --json bench.json",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this JSON file")
    parser.add_argument("--ticks", type=int, default=100, help="number of slider ticks to time (default: 100)")
    parser.add_argument("--repeats", type=int, default=7, help="number of other actions to time (default: 7)")
    options = parser.parse_args(argv)
    if (chromium := installed()) is None:
        print("error: no chromium, chromium-browser or google-chrome is installed; install one", file=sys.stderr)
        return 2
    figures = measure(chromium, options.ticks, options.repeats)
    print(f"{'':<18}{'measured':>10}{'target':>10}")
    for name, value in figures.items():
        print(f"{name:<18}{value:>10.1f}{TARGETS.get(name, ''):>10}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def installed() -> str | None:
    """Return the path of Chromium or Chrome, or None if neither is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def measure(chromium: str, ticks: int, repeats: int) -> dict[str, float]:
    """Start the app, run all measurements and stop it. Returns times in ms, or s where the name ends in _s."""
    began = time.perf_counter()
    with served() as url:
        figures = {"start_s": time.perf_counter() - began}
        with tempfile.TemporaryDirectory() as folder:
            large = _large_photo(Path(folder))
            figures |= _in_the_page(chromium, url, large, ticks, repeats)
        return figures | _endpoints(url, repeats)


@contextmanager
def served() -> Iterator[str]:
    """Run the app in a subprocess. Yields its URL once it responds."""
    url = f"http://127.0.0.1:{PORT}/"
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(PORT), "GRADIO_ANALYTICS_ENABLED": "False"}
    app = subprocess.Popen([sys.executable, str(HERE / "app.py")], env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait(url, app)
        yield url
    finally:
        app.terminate()
        app.wait(timeout=20)


def _wait(url: str, app: subprocess.Popen[bytes]) -> None:
    while app.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("error: the app did not start; run python app/app.py to see why")


def _large_photo(folder: Path) -> Path:
    from PIL import Image

    path = folder / "large.jpg"
    with Image.open(PHOTO) as photo:
        photo.resize(LARGE, Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def _in_the_page(chromium: str, url: str, large: Path, ticks: int, repeats: int) -> dict[str, float]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        began = time.perf_counter()
        page.goto(url)
        page.wait_for_selector(".rb.faces .stage .patch")
        figures = {"first_page_ms": round(1000 * (time.perf_counter() - began), 1)}
        figures |= _drag("drag", page, ticks)
        figures |= _spread("upload", [_upload(page, large) for _ in range(repeats + 2)][2:])
        page.locator(".rb.faces .tiles [data-tile]").nth(1).dispatch_event("click")
        page.wait_for_load_state("networkidle")
        figures |= _spread("save", [_save(page) for _ in range(repeats + 1)][1:])
        page.close()
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.route(SERVER_DRAWS, lambda route: route.abort())
        page.goto(url)
        page.wait_for_selector(".rb.faces .stage .patch")
        figures |= _drag("drag_server", page, ticks)
        browser.close()
    return figures


def _drag(name: str, page: Any, ticks: int) -> dict[str, float]:
    page.wait_for_load_state("networkidle")
    page.evaluate(TIMER)
    page.get_by_role("tab", name="Fine-tune").click()
    page.wait_for_timeout(1000)
    page.evaluate("(n) => window.drag(n)", 10)
    times = _spread(name, page.evaluate("(n) => window.drag(n)", ticks))
    page.locator(".rb.faces .tune input[type=range]").first.dispatch_event("change")
    page.locator(".rb.faces .foot .reset").click()
    page.get_by_role("tab", name="Expressions").click()
    return times


def _upload(page: Any, photo: Path) -> float:
    """Return the time in ms from the choice of a file until the photo is on the stage and can be edited."""
    page.evaluate(
        """() => { const input = document.querySelector('.rb.faces input[name=photo]');
           window.uploaded = new Promise((done) => input.addEventListener('change', () => {
             const start = performance.now();
             window.painted(['src']).then((end) => done(end - start));
           }, { once: true, capture: true })); }"""
    )
    page.set_input_files(".rb.faces input[name=photo]", str(photo))
    taken = page.evaluate("window.uploaded")
    page.wait_for_load_state("networkidle")  # let the tiles and other requests finish
    page.wait_for_timeout(300)
    return float(taken)


def _save(page: Any) -> float:
    """Return the time in ms from the click until the edited photo at full size is downloaded."""
    began = time.perf_counter()
    with page.expect_download() as download:
        page.locator(".rb.faces .saving .save").click()
    download.value.path()
    return 1000 * (time.perf_counter() - began)


def _endpoints(url: str, repeats: int) -> dict[str, float]:
    from gradio_client import Client, handle_file

    client = Client(url, verbose=False)
    photo = handle_file(str(PHOTO))
    calls: dict[str, tuple[tuple[Any, ...], str]] = {
        "edit": ((photo, {}), "/edit"),
        "transfer": ((photo, photo, 1.0), "/transfer"),
    }
    figures: dict[str, float] = {}
    for name, (arguments, endpoint) in calls.items():
        times = []
        for _ in range(repeats + 1):
            began = time.perf_counter()
            client.predict(*arguments, api_name=endpoint)
            times.append(1000 * (time.perf_counter() - began))
        figures |= _spread(name, times[1:])
    client.close()
    return figures


def _spread(name: str, times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        f"{name}_ms_p50": round(statistics.median(ordered), 1),
        f"{name}_ms_p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
    }


if __name__ == "__main__":
    sys.exit(main())

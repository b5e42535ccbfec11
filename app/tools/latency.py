"""Measure the latency of the app: start it, drive it in headless Chromium, and time it inside the page.

python app/tools/latency.py --json bench.json

A measurement starts with performance.now() at the input event or the choice of a file. It ends when the new image is
painted: after the <img> has its new source (or the <canvas> its pixels), img.decode(), the next animation frame, and
a message posted in that frame, which arrives when the frame is done.

drag         the model's edit, drawn in the browser while the slider moves
drag_server  the same, drawn by the server
drag_pasted  the edit in a 12-megapixel photo while the slider moves
paste        the edit in that photo after the slider stops
paste_full   the download of that photo at full size

Each is measured separately. The API endpoints are measured from Python with gradio_client.
"""

from __future__ import annotations

import argparse
import json
import os
import re
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
    "paste_ms_p50": 500,
    "paste_full_ms_p50": 500,
    "start_s": 10,
}
TIMER = """
window.painted = (selector) => new Promise((done) => {
  const image = document.querySelector(selector);
  const seen = new MutationObserver(async () => {
    seen.disconnect();
    await image.decode?.();
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(performance.now());
      channel.port2.postMessage(0);
    });
  });
  seen.observe(image, { attributes: true, attributeFilter: ["src", "data-sketches"] });
});
window.drag = async (selector, ticks, settles) => {
  const range = document.querySelector(".rb.faces .sliders input[type=range]");
  const times = [];
  for (let i = 0; i < ticks; i++) {
    const painted = window.painted(selector);
    range.value = (i % 2 ? -1 : 1) * (0.2 + 0.05 * (i % 30));
    await new Promise((next) => setTimeout(next, 3 + (i * 7) % 16)); // at a varying time within a frame
    const start = performance.now();
    range.dispatchEvent(new Event("input"));
    if (settles) range.dispatchEvent(new Event("change"));
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
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        began = time.perf_counter()
        page.goto(url)
        page.wait_for_selector(".rb.faces .patch:not([hidden])")
        figures = {"first_picture_s": time.perf_counter() - began}
        page.evaluate(TIMER)
        page.wait_for_selector(".rb.faces[data-drawn]")
        here = page.get_attribute(".rb.faces", "data-drawn") == "here"  # the server draws for a model of codes
        figures |= _drag("drag", page, "canvas" if here else "img", ticks)
        figures |= _spread("upload", [_upload(page, large) for _ in range(repeats + 2)][2:])
        page.wait_for_timeout(500)
        stage = "moving" if here else "patch"
        figures |= _spread("drag_pasted", page.evaluate(f"window.drag('.rb.faces .{stage}', {repeats + 2})")[2:])
        figures |= _spread("paste", page.evaluate(f"window.drag('.rb.faces .patch', {repeats + 2}, true)")[2:])
        page.wait_for_timeout(1000)
        figures |= _spread("paste_full", [_download(page) for _ in range(repeats + 1)][1:])
        page.close()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.route(re.compile("/generator[?]"), lambda route: route.abort())  # as if the browser cannot draw
        page.goto(url)
        page.wait_for_selector(".rb.faces .patch:not([hidden])")
        page.wait_for_selector(".rb.faces[data-drawn='by the server']")
        page.evaluate(TIMER)
        figures |= _drag("drag_server", page, "img", ticks)
        browser.close()
    return figures


def _drag(name: str, page: Any, drawn_on: str, ticks: int) -> dict[str, float]:
    place = f".rb.faces .edit {drawn_on}"
    page.evaluate("([place, n]) => window.drag(place, n)", [place, 10])
    return _spread(name, page.evaluate("([place, n]) => window.drag(place, n)", [place, ticks]))


def _upload(page: Any, photo: Path) -> float:
    """Return the time in ms from the choice of a file until the crop of the face and the edit are painted."""
    page.evaluate(
        """() => { const input = document.querySelector('.rb.faces input[name=photo]');
           const pictures = ['.rb.faces .original img', '.rb.faces .edit img'];
           window.uploaded = new Promise((done) => input.addEventListener('change', async () => {
             const start = performance.now();
             const ends = await Promise.all(pictures.map(window.painted));
             done(Math.max(...ends) - start);
           }, { once: true, capture: true }));
           pictures.forEach((picture) => { document.querySelector(picture).src = ''; }); }"""
    )
    page.set_input_files(".rb.faces input[name=photo]", str(photo))
    taken = page.evaluate("window.uploaded")
    page.wait_for_timeout(600)  # let the strips and other requests finish
    return float(taken)


def _download(page: Any) -> float:
    """Return the time in ms from the click until the edited photo at full size is downloaded."""
    began = time.perf_counter()
    with page.expect_download() as download:
        page.locator(".rb.faces .download").click()
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

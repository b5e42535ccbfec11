"""Measure the latency of the app with the checkpoints it comes with, in headless Chromium on this machine.

python app/tools/latency.py --json bench.json

A measurement starts with performance.now() at the input event or the choice of a file. It ends when the new picture is
painted: after it is decoded and placed, the next animation frame, and a message posted in that frame, which arrives
when the frame is done.

start        from the start of the process until it responds
first_page   from the address to the edited example, in a browser that has nothing of the page yet
first_...    the same over a slow connection, see app.tools.first_page
drag         a slider of Fine-tune moves, from the event to the finished frame, drawn in the browser
drag_server  the same where the browser cannot draw, so that the server does
upload       from the choice of a photo of 12 megapixels until it is on the stage, ready to be edited
tiles        from then until all tiles show it
save...      from the click until the edited photo of 12 megapixels is downloaded: JPEG, PNG, WebP

/edit and /transfer are called from Python with gradio_client. Ends with 2 if something cannot be measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.tools.first_page import EDITED, first_page
from app.tools.latency_page import in_the_page, spread
from app.tools.served import NotMeasuredError, running

HERE = Path(__file__).resolve().parents[1]  # app/
PHOTO = HERE / "examples" / "astronaut.jpg"
LARGE = (4000, 3000)
FLAGS = [
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking"),
]
TARGETS = {
    "start_s": 10,
    "first_content_ms": 2500,
    "first_drop_zone_ms": 5000,
    "first_shift": 0.02,
    "drag_ms_p50": 16,
    "drag_ms_p95": 25,
    "upload_ms_p50": 500,
    "tiles_ms_p50": 400,
    "save_ms_p50": 500,
    "save_png_ms_p50": 1500,
    "save_webp_ms_p50": 1500,
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns 2 if something cannot be measured."""
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
    try:
        figures = measure(chromium, options.ticks, options.repeats)
    except NotMeasuredError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{'':<20}{'measured':>10}{'target':>10}")
    for name, value in figures.items():
        print(f"{name:<20}{value:>10.5g}{TARGETS.get(name, ''):>10}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def installed() -> str | None:
    """Return the path of Chromium or Chrome, or None if neither is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def measure(chromium: str, ticks: int, repeats: int) -> dict[str, float]:
    """Start the app, run all measurements and stop it. Returns times in ms, or s where the name ends in _s."""
    from playwright.sync_api import sync_playwright

    began = time.perf_counter()
    with running() as (url, _), sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        figures = {"start_s": round(time.perf_counter() - began, 1)}
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        figures |= {"first_page_ms": _first(browser, url)} | first_page(browser, url)
        figures |= in_the_page(browser, url, large_photos(Path(folder)), ticks, repeats)
        browser.close()
        return figures | _endpoints(url, repeats)


def large_photos(folder: Path) -> list[Path]:
    """Write two photos of 12 megapixels, one the mirror image of the other, so that their tiles differ."""
    from PIL import Image, ImageOps

    paths = [folder / "large.jpg", folder / "mirrored.jpg"]
    with Image.open(PHOTO) as photo:
        large = photo.resize(LARGE, Image.Resampling.BICUBIC)
        for path, picture in zip(paths, (large, ImageOps.mirror(large)), strict=True):
            picture.save(path, quality=90)
    return paths


def _first(browser: Any, url: str) -> float:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(EDITED, timeout=60_000)
    seconds = time.perf_counter() - began
    page.close()
    return round(1000 * seconds, 1)


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
        figures |= spread(name, times[1:])
    client.close()
    return figures


if __name__ == "__main__":
    sys.exit(main())

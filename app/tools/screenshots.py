"""Take the screenshots in docs/: start the app and drive it in headless Chromium at a desktop and a phone size.

python -m app.tools.screenshots --out docs
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from app.tools.latency import FLAGS, PHOTO, installed, served

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns 2 if Chromium is not installed."""
    parser = argparse.ArgumentParser(
        prog="python -m app.tools.screenshots",
        description="Take the screenshots of the app for the docs.",
        epilog="example: python -m app.tools.screenshots --out docs",
    )
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="output folder (default: docs)")
    options = parser.parse_args(argv)
    if (chromium := installed()) is None:
        print("error: no chromium, chromium-browser or google-chrome is installed; install one", file=sys.stderr)
        return 2
    from playwright.sync_api import sync_playwright

    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for size, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, has_touch=size == "phone")
            page.goto(url)
            page.wait_for_selector(".rb.faces .patch:not([hidden])")
            _take(page, size, options.out)
        browser.close()
    return 0


def _take(page: Any, size: str, out: Path) -> None:
    """Take a screenshot of every tool of the Faces tab, and of the Digits tab, at one size."""
    bench = page.locator(".rb.faces")
    bench.locator("input[name=photo]").set_input_files(str(PHOTO))
    page.wait_for_timeout(3000)
    bench.locator(".strip button").nth(4).click()
    _save(page, out / f"app-faces-{size}.webp")
    bench.get_by_role("tab", name="Random").click()
    bench.locator(".random img").nth(7).wait_for()
    _save(page, out / f"app-random-{size}.webp")
    bench.get_by_role("tab", name="Copy a face").click()
    bench.locator(".donors button").nth(1).click()
    _save(page, out / f"app-copy-{size}.webp")
    bench.get_by_role("tab", name="Many photos").click()
    bench.locator("input[name=many]").set_input_files([str(path) for path in sorted(PHOTO.parent.glob("*.jpg"))])
    bench.get_by_role("button", name="Download all").wait_for()
    _save(page, out / f"app-many-{size}.webp")
    bench.get_by_role("tab", name="Grid").click()
    bench.get_by_role("button", name="Make the grid").click()
    bench.locator(".gridded td img").first.wait_for()
    _save(page, out / f"app-grid-{size}.webp")
    bench.get_by_role("tab", name="Film").click()
    bench.get_by_role("button", name="Make the film").click()
    bench.locator(".film video").wait_for()
    _save(page, out / f"app-film-{size}.webp")
    page.get_by_role("tab", name="Digits", exact=True).click()
    _save(page, out / f"app-digits-{size}.webp")


def _save(page: Any, path: Path) -> None:
    page.wait_for_timeout(1500)  # for strips, fonts and the first frame of the animation
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as picture:
        picture.convert("RGB").save(path, quality=55, method=6)


if __name__ == "__main__":
    sys.exit(main())

"""Take the screenshots of docs/app.md: start the app and drive it in headless Chromium, as on a computer and a phone.

python -m app.tools.screenshots --out docs
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from app.tools.latency import FLAGS, PHOTO, installed
from app.tools.served import running

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
GROUP = ("person-1", "person-3", "person-4")  # examples of which a group is made


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

    with running() as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for size, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, has_touch=size == "phone")
            page.goto(url)
            page.wait_for_selector(".rb.faces .stage .patch")
            with tempfile.TemporaryDirectory() as folder:
                _take(page, size, options.out, _group(Path(folder)))
        browser.close()
    return 0


def _group(folder: Path) -> Path:
    """Write a photo of several people side by side."""
    people = [Image.open(PHOTO.with_name(f"{name}.jpg")).crop((100, 0, 800, 900)) for name in GROUP]
    together = Image.new("RGB", (700 * len(people), 900))
    for number, one in enumerate(people):
        together.paste(one, (700 * number, 0))
    together.save(folder / "friends.jpg", quality=92)
    return folder / "friends.jpg"


def _take(page: Any, size: str, out: Path, group: Path) -> None:
    """Take a screenshot of the first view, of every mode, of a group and of the digits, at one size."""
    room = page.locator(".rb.faces")
    _save(page, out / f"app-first-{size}.webp")
    page.get_by_role("tab", name="Fine-tune").click()
    room.get_by_label("Smile", exact=True).fill("40")
    room.get_by_label("Smile", exact=True).dispatch_event("change")
    _save(page, out / f"app-tune-{size}.webp")
    page.get_by_role("tab", name="From a photo").click()
    room.locator(".donors button").first.click()
    _save(page, out / f"app-reference-{size}.webp")
    room.locator("input[name=photo]").set_input_files(str(group))
    page.locator("dialog[open]").get_by_role("button", name="Open without saving").click()
    room.locator(".chips button").nth(2).wait_for()
    page.get_by_role("tab", name="Expressions").click()
    for chip, tile in ((0, "big smile"), (1, "surprised"), (2, "brows up")):
        room.locator(".chips button").nth(chip).click()
        page.wait_for_load_state("networkidle")
        room.locator(f".tiles [data-tile='{tile}']").click()
        page.wait_for_load_state("networkidle")
    room.get_by_role("button", name="Whole photo").click()
    _save(page, out / f"app-group-{size}.webp")
    page.evaluate("location.hash = '#digits'")
    page.locator(".rb.digits .stage .edited").wait_for()
    page.locator(".rb.digits .donors button").nth(1).click()
    _save(page, out / f"app-digits-{size}.webp")


def _save(page: Any, path: Path) -> None:
    page.wait_for_timeout(1500)  # for tiles and fonts
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(path, quality=55, method=6)


if __name__ == "__main__":
    sys.exit(main())

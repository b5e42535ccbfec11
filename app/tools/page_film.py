"""Film a short use of the page, for the README: python -m app.tools.page_film PHOTO docs/app.webp."""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from app.tools.served import running

WIDTH, HEIGHT = 1200, 720
SCALE = 0.75  # of the film to the page
FRAME, REST = 90, 900  # ms that a moving and a resting picture are shown
CURSOR = """() => {
  const dot = document.createElement("div");
  Object.assign(dot.style, { position: "fixed", zIndex: 99999, width: "22px", height: "22px", margin: "-11px",
    left: "50%", top: "50%", borderRadius: "50%", pointerEvents: "none", background: "#0008",
    border: "2px solid #fff" });
  document.body.append(dot);
  const follow = ({ clientX, clientY }) => Object.assign(dot.style, { left: `${clientX}px`, top: `${clientY}px` });
  addEventListener("pointermove", follow, true);
}"""


class Filming:
    """A page, the frames taken of it so far, and how long each is shown, in ms."""

    def __init__(self, page: Any) -> None:
        self.page, self.at = page, (WIDTH / 2, HEIGHT / 2)
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def take(self, ms: int = FRAME) -> None:
        """Take a picture of the page."""
        shot = Image.open(io.BytesIO(self.page.screenshot(type="png"))).convert("RGB")
        side = round(shot.width * SCALE), round(shot.height * SCALE)
        self.frames.append(shot.resize(side, Image.Resampling.LANCZOS))
        self.times.append(ms)

    def move(self, x: float, y: float, steps: int = 4) -> None:
        """Move the pointer in a line."""
        left, top = self.at
        for k in range(1, steps + 1):
            self.at = left + (x - left) * k / steps, top + (y - top) * k / steps
            self.page.mouse.move(*self.at)
            self.page.wait_for_timeout(60)
            self.take()

    def to(self, found: Any, share: float = 0.5, steps: int = 4) -> None:
        """Move the pointer to an element, `share` of its width from the left."""
        box = found.bounding_box()
        self.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps)

    def press(self, found: Any, ms: int = REST) -> None:
        """Press an element, and rest."""
        self.to(found)
        self.page.mouse.down()
        self.page.mouse.up()
        self.page.wait_for_timeout(1500)
        self.take(ms)

    def drag(self, found: Any, first: float, last: float, steps: int = 8) -> None:
        """Drag over an element, from and to a share of its width."""
        self.to(found, first)
        self.page.mouse.down()
        self.to(found, last, steps)
        self.page.mouse.up()
        self.page.wait_for_timeout(1200)
        self.take(REST)

    def save(self, target: Path) -> None:
        """Write the frames as an animated WebP that starts again."""
        options = {"duration": self.times, "quality": 70, "method": 6, "minimize_size": True, "loop": 0}
        self.frames[0].save(target, "WEBP", save_all=True, append_images=self.frames[1:], **options)


def use(filming: Filming, photo: Path) -> None:
    """Open a photo, choose expressions, move two sliders, and compare before and after."""
    page, faces = filming.page, filming.page.locator(".rb.faces")
    page.set_input_files(".rb.faces input[name=photo]", str(photo))
    page.wait_for_timeout(5000)
    filming.take(REST)
    for name in ("Big smile", "Surprised"):
        filming.press(faces.get_by_role("button", name=name, exact=True))
    filming.press(faces.get_by_role("button", name="As is", exact=True), 300)
    filming.press(page.get_by_role("tab", name="Fine-tune"), 300)
    for name, last in (("Smile", 0.9), ("Look sideways", 0.8), ("Brows", 0.9), ("Turn", 0.75)):
        slider = faces.get_by_label(name, exact=True)
        slider.scroll_into_view_if_needed()
        filming.drag(slider, 0.5, last)
    handle, stage = faces.locator(".handle"), faces.locator(".stage").bounding_box()
    filming.to(handle)
    page.mouse.down()
    for share in (0.75, 0.15):
        filming.move(stage["x"] + share * stage["width"], filming.at[1], 8)
    page.mouse.up()
    filming.take(REST)


def main() -> None:
    """Film the page with one photo."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with running() as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(url)
        page.wait_for_selector(".rb.faces .stage .patch", timeout=60_000)
        page.evaluate(CURSOR)
        filming = Filming(page)
        use(filming, options.photo)
        browser.close()
    filming.save(options.target)
    print(f"{options.target}: {len(filming.frames)} frames, {options.target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

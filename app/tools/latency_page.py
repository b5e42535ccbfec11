"""Times in the page, in headless Chromium: dragging a slider, opening a photo, its tiles, and saving."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Error

from app.tools.served import NotMeasuredError

VIEWPORT = {"width": 1280, "height": 800}
SERVER_DRAWS = "**/page/js/live-*.js"  # without it, the browser has nothing to draw with
READY = ".rb.faces .stage .patch"
KINDS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP"}
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
window.upload = () => {
  const input = document.querySelector(".rb.faces input[name=photo]");
  const all = [...document.querySelectorAll(".rb.faces [data-tile] img")].slice(1); // the first is the photo itself
  const tiles = all.filter((tile) => tile.src); // "Surprise me" has none
  const before = tiles.map((tile) => tile.src);
  window.uploaded = new Promise((done, failed) => input.addEventListener("change", async () => {
    setTimeout(() => failed(new Error("a photo took more than a minute")), 60_000);
    const start = performance.now();
    const usable = await window.painted(["src"]);
    while (tiles.some((tile, i) => tile.src === before[i] || !tile.complete)) await new Promise(requestAnimationFrame);
    done([usable - start, performance.now() - usable]);
  }, { once: true, capture: true }));
};
"""


def opened(browser: Any, url: str, here: bool) -> Any:
    """Return a page with its edited example, drawn `here`, in the browser, or by the server.

    Raises NotMeasuredError if the browser does not draw although it should.
    """
    page = browser.new_page(viewport=VIEWPORT)
    if not here:
        page.route(SERVER_DRAWS, lambda route: route.abort())
    page.goto(url)
    page.wait_for_selector(READY, timeout=60_000)
    page.wait_for_selector(".rb.faces[data-drawn]", timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.evaluate(TIMER)
    drawn = page.locator(".rb.faces").get_attribute("data-drawn") or "nowhere"
    if drawn != ("here" if here else "by the server"):
        raise NotMeasuredError(f"edits are drawn {drawn}; this needs the checkpoint in checkpoints/faces and WebGL 2")
    return page


def drag(page: Any, ticks: int) -> list[float]:
    """Return the times in ms from an event of a slider to the finished frame."""
    page.get_by_role("tab", name="Fine-tune").click()
    page.wait_for_timeout(1000)
    page.evaluate("(n) => window.drag(n)", 10)
    times: list[float] = page.evaluate("(n) => window.drag(n)", ticks)
    page.locator(".rb.faces .tune input[type=range]").first.dispatch_event("change")
    page.locator(".rb.faces .foot .reset").click()
    page.get_by_role("tab", name="Expressions").click()
    return times


def upload(page: Any, photo: Path) -> tuple[float, float]:
    """Return the times in ms from the choice of a photo until it can be edited, and from then until its tiles."""
    page.evaluate("window.upload()")
    page.set_input_files(".rb.faces input[name=photo]", str(photo))
    try:
        usable, tiles = page.evaluate("window.uploaded")
    except Error as error:
        raise NotMeasuredError(f"{photo.name} could not be opened: {error.message.splitlines()[0]}") from error
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    return float(usable), float(tiles)


def saving(page: Any, kind: str) -> float:
    """Return the time in ms from the click until the edited photo is downloaded, as one of KINDS."""
    page.locator(".rb.faces .saving .more").click()
    item = page.locator(".rb.faces .saving .sheet").get_by_role("menuitem", name=kind, exact=True)
    began = time.perf_counter()
    with page.expect_download() as download:
        item.click()
    download.value.path()
    return 1000 * (time.perf_counter() - began)


def spread(name: str, times: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile of times in ms, as figures of this name."""
    ordered = sorted(times)
    return {
        f"{name}_ms_p50": round(statistics.median(ordered), 1),
        f"{name}_ms_p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
    }


def in_the_page(browser: Any, url: str, photos: Sequence[Path], ticks: int, repeats: int) -> dict[str, float]:
    """Measure everything in the page with two photos in turn; see `app.tools.latency`."""
    page = opened(browser, url, here=True)
    figures = spread("drag", drag(page, ticks))
    uploads = [upload(page, photos[k % 2]) for k in range(repeats + 2)][2:]
    figures |= spread("upload", [usable for usable, _ in uploads]) | spread("tiles", [tiles for _, tiles in uploads])
    page.locator(".rb.faces .tiles [data-tile]").nth(2).dispatch_event("click")
    page.wait_for_load_state("networkidle")
    for name, kind in KINDS.items():
        times = [saving(page, kind) for _ in range(repeats + 1)][1:]
        figures |= spread("save" if name == "jpeg" else f"save_{name}", times)
    page.close()
    page = opened(browser, url, here=False)
    figures |= spread("drag_server", drag(page, ticks))
    page.close()
    return figures

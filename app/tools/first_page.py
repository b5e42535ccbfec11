"""The first visit over a slow connection: what it loads and when, in a browser that has nothing of the page yet.

The connection has 1.6 Mbit/s and a delay of 150 ms, as Chromium emulates it. Gradio's share is what was loaded before
the first request for a script of this app, and all of Gradio's own files.
"""

from __future__ import annotations

import time
from typing import Any

CONNECTION = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
OURS = "/page/"  # in the addresses of the app's own files
DROP_ZONE = ".rb.faces > .dropzone"  # added last, once photos can be dropped
EDITED = ".rb.faces .stage .patch"
SETTLED = 1.0  # seconds after the edited example until the layout is at rest
WATCH = """
window.layoutShift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def first_page(browser: Any, url: str) -> dict[str, float]:
    """Return the times of a first visit in ms, its layout shift, and what it loads in KB."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(WATCH)
    loaded = Loaded(context.new_cdp_session(page))
    page.goto(url, wait_until="commit", timeout=60_000)
    page.wait_for_selector(DROP_ZONE, state="attached", timeout=60_000)
    accepts = loaded.now()
    page.wait_for_selector(EDITED, timeout=60_000)
    edited = loaded.now()
    page.wait_for_timeout(1000 * SETTLED)
    figures = {
        "first_content_ms": page.evaluate(PAINTED),
        "first_drop_zone_ms": accepts,
        "first_edit_ms": edited,
        "first_gradio_ms": loaded.ours_ms,
        "first_shift": page.evaluate("window.layoutShift"),
        "first_kb": sum(loaded.sizes.values()) / 1000,
        "first_gradio_kb": sum(size for path, size in loaded.sizes.items() if OURS not in path) / 1000,
    }
    context.close()
    return {name: round(value, 3 if "shift" in name else 1) for name, value in figures.items()}


class Loaded:
    """Counts what a page loads over the slow connection: `sizes` in bytes by address, `ours_ms` until our script."""

    def __init__(self, session: Any) -> None:
        self.began, self.ours_ms = time.perf_counter(), 0.0
        self.sizes: dict[str, float] = {}
        self._address: dict[str, str] = {}
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", CONNECTION)

    def now(self) -> float:
        """Return the time since the beginning, in ms."""
        return 1000 * (time.perf_counter() - self.began)

    def _asked(self, event: dict[str, Any]) -> None:
        address = event["request"]["url"]
        self._address[event["requestId"]] = address
        if OURS in address and not self.ours_ms:
            self.ours_ms = self.now()

    def _finished(self, event: dict[str, Any]) -> None:
        address = self._address.get(event["requestId"], "")
        self.sizes[address] = self.sizes.get(address, 0) + event["encodedDataLength"]

"""A page with nothing but live drawing, in a headless browser with software WebGL: for its tests and its figures."""

from __future__ import annotations

import base64
import http.server
import io
import json
import shutil
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import ConsoleMessage, sync_playwright

from rbvae import Portrait
from rbvae.editing.portrait_file import PortraitFiles

JS = Path(__file__).resolve().parents[1] / "js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run", "--disable-quic"]
TYPES = {".js": "text/javascript", ".png": "image/png", ".html": "text/html"}
PAGE = """<!doctype html><html lang="en"><link rel="icon" href="data:,"><body style="margin:0">
<div id="host" style="position:relative;width:1000px;height:1000px"></div><script type="module">
import { LiveStage } from "/js/live/stage.js";
window.bytes = async (address) => (await fetch(address)).arrayBuffer();
window.openPhoto = async (raster) => {
  window.live?.dispose();
  const blob = await (await fetch("/photo.png")).blob();
  const photo = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  window.live = await LiveStage.create(document.getElementById("host"), {
    modelUrl: "/model", fetchPortrait: () => bytes("/portrait"), photo, size: [photo.width, photo.height], raster });
};
window.picture = async (edits) => {
  await live.draw(edits);
  return live.snapshot().toDataURL("image/png");
};
window.ready = true;
</script></body></html>"""


class LivePage:
    """A browser on that page. `files` writes the model and the portraits; use it in a `with` statement."""

    def __init__(self, files: PortraitFiles) -> None:
        self.files = files
        self.served = {"/": PAGE.encode(), "/model": files.packed_model}
        self.errors: list[str] = []

    def __enter__(self) -> LivePage:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(self.served))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        self.page = self._browser.new_page(viewport={"width": 1100, "height": 1050})
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        self.page.goto(f"http://127.0.0.1:{self._server.server_address[1]}/")
        self.page.wait_for_function("window.ready", timeout=30_000)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._browser.close()
        self._playwright.stop()
        self._server.shutdown()

    def _note(self, line: ConsoleMessage) -> None:
        if line.type in ("error", "warning"):
            self.errors.append(line.text)

    def open(self, portrait: Portrait, raster: str = "gl") -> None:
        """Open a photo and its face, "face", drawn by `raster`, "gl" or "cpu"; the whole photo is shown at 1:1."""
        photo = io.BytesIO()
        Image.fromarray(portrait.source).save(photo, "PNG", compress_level=1)
        self.served |= {"/photo.png": photo.getvalue(), "/portrait": self.files.of(portrait)}
        self.page.evaluate("(raster) => openPhoto(raster)", raster)
        height, width = portrait.source.shape[:2]
        self.view(zoom=1, x=0, y=0, width=width, height=height)

    def add(self, key: str, portrait: Portrait) -> None:
        """Add another face of the opened photo under a name."""
        self.served["/portrait"] = self.files.of(portrait)
        self.page.evaluate("async (key) => live.addFace(key, await bytes('/portrait'))", key)

    def lend(self, donor: Portrait, to: Portrait) -> None:
        """Let a donor's mouth fill that of the opened face in edits with {"mouth": "donor"}."""
        self.served["/mouth"] = self.files.mouth(to, donor)
        self.page.evaluate("async () => live.addMouth('face', 'donor', await bytes('/mouth'))")

    def view(self, **place: float) -> None:
        """Show another part of the photo, see app/js/live/stage.js."""
        self.page.evaluate("(place) => live.view(place)", place)

    def draw(self, *edits: dict[str, Any]) -> np.ndarray:
        """Draw edits of the face and return the stage, uint8 [height, width, 3]."""
        named = [{"key": "face", **edit} for edit in edits]
        url = self.page.evaluate("(edits) => picture(edits)", json.loads(json.dumps(named)))
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def handler(served: dict[str, bytes]) -> type[http.server.BaseHTTPRequestHandler]:
    """Return a handler of requests for `served`, by path, and for the scripts in app/js."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            content = served.get(path)
            if content is None and path.startswith("/js/live/"):
                content = (JS / "live" / Path(path).name).read_bytes()
            self.send_response(200 if content is not None else 404)
            kind = TYPES.get(Path(path).suffix, "text/html" if path == "/" else "application/octet-stream")
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args: object) -> None:
            pass

    return Handler

"""Measures live drawing in a headless browser with software WebGL: python -m app.tools.live_latency PHOTO.

For each slider: the time from an event to the finished frame, read back from the canvas, and that of JavaScript alone,
in ms. The face takes up a part of a stage of 1,000 pixels, and then fills it. The figures are those of the machine as
it is: measure on an idle one.
"""

from __future__ import annotations

import argparse

from app.tools.live_page import LivePage
from rbvae import PortraitEditor
from rbvae.editing.portrait_file import PortraitFiles

STAGE = 1000  # pixels
FACES = (0.45, 0.8)  # of the stage: heights of the face
SLIDERS = {"smile": 2.0, "mouth open": 2.0, "brows up": 2.0, "close eyes": 1.0, "gaze right": 1.0, "turn right": 8.0}
MOVES = """async ([name, most, count]) => {
  const [frames, scripts, pixel] = [[], [], new Uint8Array(4)];
  const { expression } = live.faces.get("face");
  for (let i = -8; i < count; i++) {
    const edits = [{ key: "face", named: { [name]: most * Math.sin(i / 3) } }];
    await new Promise((resume) => setTimeout(resume, 20));
    const start = performance.now();
    await live.draw(edits);
    const { gl } = live.raster;
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    const end = performance.now();
    expression.frame({ ...edits[0], named: { [name]: most * Math.sin(i / 3 + 0.01) } });
    if (i >= 0) [frames, scripts].forEach((list, k) => list.push(k ? performance.now() - end : end - start));
  }
  const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(share * list.length)].toFixed(1);
  return [at(frames, 0.5), at(frames, 0.95), at(scripts, 0.5), at(scripts, 0.95)];
}"""


def main() -> None:
    """Print the figures of one photo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo")
    parser.add_argument("--checkpoint", default="checkpoints/faces")
    parser.add_argument("--raster", default="gl", choices=("gl", "cpu"))
    parser.add_argument("--moves", type=int, default=60)
    options = parser.parse_args()
    editor = PortraitEditor.from_pretrained(options.checkpoint)
    portrait = editor.infer(options.photo)
    left, top, right, bottom = portrait.box
    with LivePage(PortraitFiles(editor)) as live:
        live.open(portrait, options.raster)
        for share in FACES:
            zoom = share * STAGE / max(right - left, bottom - top)
            x, y = (left + right) / 2 - STAGE / zoom / 2, (top + bottom) / 2 - STAGE / zoom / 2
            live.view(zoom=zoom, x=x, y=y, width=STAGE, height=STAGE)
            print(f"a face of {share * STAGE:.0f} px: event to frame p50, p95, JavaScript p50, p95, in ms")
            for name, most in SLIDERS.items():
                print(f"  {name:12}", *live.page.evaluate(MOVES, [name, most, options.moves]), flush=True)


if __name__ == "__main__":
    main()

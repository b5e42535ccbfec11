"""Measures live drawing in a headless browser with software WebGL: python -m app.tools.live_latency PHOTO.

For each slider, in ms: the time from an event to the finished frame, read back from the canvas; that of JavaScript
alone, with its calls of WebGL; and the interval between the frames that the browser shows while the slider moves in
each of them. The face takes up a part of a stage of 1,000 pixels, and then fills it. The figures are those of the
machine as it is, so that its load is printed, too: measure on an idle one.
"""

from __future__ import annotations

import argparse
import os

from app.tools.live_page import LivePage
from rbvae import PortraitEditor
from rbvae.editing.portrait_file import PortraitFiles

STAGE = 1000  # pixels
FACES = (0.45, 0.8)  # of the stage: heights of the face
SLIDERS = {"smile": 2.0, "mouth open": 2.0, "brows up": 2.0, "close eyes": 1.0, "gaze right": 1.0, "turn right": 8.0}
MOVES = """async ([name, most, count]) => {
  const [events, scripts, intervals, pixel] = [[], [], [], new Uint8Array(4)];
  const { loop, raster: { gl } } = live;
  const { draw } = loop;
  let script = 0;
  loop.draw = (edits) => {
    const start = performance.now();
    draw(edits);
    script = performance.now() - start;
  };
  const move = (i) => live.draw([{ key: "face", named: { [name]: most * Math.sin(i / 3) } }]);
  const frame = () => new Promise(requestAnimationFrame);
  for (let i = -8; i < count; i++) {
    await new Promise((resume) => setTimeout(resume, 20));
    const start = performance.now();
    await move(i);
    gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    if (i < 0) continue;
    events.push(performance.now() - start);
    scripts.push(script);
  }
  let last = await frame();
  for (let i = 0; i < count; i++) {
    await move(i);
    const now = await frame();
    intervals.push(now - last);
    last = now;
  }
  loop.draw = draw;
  const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(share * list.length)].toFixed(1);
  return [events, scripts, intervals].flatMap((list) => [at(list, 0.5), at(list, 0.95)]);
}"""
HEADING = "event to frame p50, p95, JavaScript p50, p95, frame interval p50, p95, in ms"


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
            print(f"a face of {share * STAGE:.0f} px, load {os.getloadavg()[0]:.1f}: {HEADING}")
            for name, most in SLIDERS.items():
                print(f"  {name:12}", *live.page.evaluate(MOVES, [name, most, options.moves]), flush=True)


if __name__ == "__main__":
    main()

"""Draw photos of people, neutral and smiling, with edits of them: the picture at the top of the README.

python -m training.tools.portraits --pairs photos/london --people 135 126 130 037 137 --out docs/faces.webp
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rbvae.editing import Portrait, PortraitEditor
from training.engine.cli import run_command

SIDE, GAP, HEAD = 260, 4, 24
COLUMNS = ("photo", "smile", "surprised", "eyes closed", "smile of the next", "photo", "neutral")


def tile(picture: Image.Image, portrait: Portrait) -> Image.Image:
    """Crops a square around a face, resized to SIDE pixels."""
    left, top, right, bottom = portrait.box
    half = 0.66 * max(right - left, bottom - top)
    x, y = (left + right) / 2, (top + bottom) / 2 - 0.06 * (bottom - top)
    return picture.convert("RGB").resize(
        (SIDE, SIDE), Image.Resampling.LANCZOS, box=(x - half, y - half, x + half, y + half), reducing_gap=3.0
    )


def row(editor: PortraitEditor, neutral: Portrait, smiling: Portrait, donor: Portrait) -> list[Image.Image]:
    """Returns one person's pictures in the order of COLUMNS."""
    moves = [{"smile": 2.0}, {"brows up": 2.0, "mouth open": 1.5, "squint": -0.8}, {"close eyes": 1.0}]
    edits = editor.edits(neutral, moves)
    photos = [Image.fromarray(neutral.source), *(edit.photo for edit in edits), editor.transfer(donor, neutral).photo]
    pictures = [tile(photo, neutral) for photo in photos]
    return [*pictures, tile(Image.fromarray(smiling.source), smiling), tile(editor.neutral(smiling).photo, smiling)]


def sheet(rows: list[list[Image.Image]]) -> Image.Image:
    """Arranges rows of pictures below the column names."""
    width, height = len(COLUMNS) * (SIDE + GAP) - GAP, len(rows) * (SIDE + GAP) - GAP + HEAD
    canvas = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(canvas)
    for column, name in enumerate(COLUMNS):
        pen.text((column * (SIDE + GAP) + SIDE / 2, HEAD / 2), name, fill="black", anchor="mm", font_size=15)
    for y, pictures in enumerate(rows):
        for x, picture in enumerate(pictures):
            canvas.paste(picture, (x * (SIDE + GAP), HEAD + y * (SIDE + GAP)))
    return canvas


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkpoint", default="checkpoints/faces", metavar="DIR", help="default checkpoints/faces")
    parser.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="ID_neutral.jpg and ID_smiling.jpg")
    parser.add_argument("--people", nargs="+", required=True, metavar="ID", help="people to show, one per row")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .webp or .png file")
    options = parser.parse_args(argv)
    editor = PortraitEditor.from_pretrained(options.checkpoint)
    seen = {
        (one, name): editor.infer(options.pairs / f"{one}_{name}.jpg")
        for one in options.people
        for name in ("neutral", "smiling")
    }
    following = np.roll(options.people, -1)
    rows = [
        row(editor, seen[one, "neutral"], seen[one, "smiling"], seen[other, "smiling"])
        for one, other in zip(options.people, following, strict=True)
    ]
    sheet(rows).save(options.out, quality=88)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

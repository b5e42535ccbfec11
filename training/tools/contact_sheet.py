"""Photos of people a checkpoint has not seen, each through a transfer and two sliders, whole, as one picture.

python training/tools/contact_sheet.py --checkpoint checkpoints/faces --photos photos/lfw --out twenty.webp
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rbvae import FaceNotFoundError, Portrait, PortraitEditor
from rbvae.errors import DatasetError
from training.data.folders import PreparedFolder
from training.engine.cli import run_command

SIDE, GAP, HEAD, PEOPLE_A_ROW = 120, 3, 18, 2
SIGMAS = 2.0


def held_out(data: str, photos: Path, count: int, seed: int) -> list[Path]:
    """Photos of the dataset's test side, drawn by the seed; one a person."""
    table = PreparedFolder(data).table("test", ["source", "identity"])
    first = dict(zip(reversed(table["identity"].to_pylist()), reversed(table["source"].to_pylist()), strict=True))
    people = sorted(first)
    chosen = np.random.default_rng(seed).permutation(len(people))[:count]
    paths = [photos / first[people[i]] for i in chosen]
    if missing := [path for path in paths if not path.is_file()]:
        raise DatasetError(f"no photo at {missing[0]}; --photos is the folder that --data was prepared from")
    return paths


def row(editor: PortraitEditor, portrait: Portrait, donor: Portrait, names: list[str]) -> list[Image.Image]:
    """The photo, the donor, the photo with the donor's expression, and the photo along each direction."""
    edits = [editor.transfer(donor, portrait)]
    edits += [editor.edit(portrait, editor.moved(portrait.e, {name: SIGMAS})) for name in names]
    return [Image.fromarray(portrait.source), Image.fromarray(donor.source), *(edit.photo for edit in edits)]


def pasted_row(editor: PortraitEditor, portrait: Portrait, donor: Portrait) -> list[Image.Image]:
    """The photo, the donor, what the model draws, and the two ways of getting that into the photo."""
    edit = editor.transfer(donor, portrait)
    return [Image.fromarray(portrait.source), Image.fromarray(donor.source), edit.crop, edit.photo, edit.replaced]


def sheet(rows: list[list[Image.Image]], captions: list[str]) -> Image.Image:
    """Rows of pictures, PEOPLE_A_ROW people side by side, captions above."""
    pitch, columns = SIDE + GAP, len(captions) * PEOPLE_A_ROW
    lines = -(-len(rows) // PEOPLE_A_ROW)
    canvas = Image.new("RGB", (columns * pitch + (PEOPLE_A_ROW - 1) * SIDE // 4, HEAD + lines * pitch), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(11)
    for number, pictures in enumerate(rows):
        side, line = number % PEOPLE_A_ROW, number // PEOPLE_A_ROW
        left = side * (len(captions) * pitch + SIDE // 4)
        for column, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
            at = (left + column * pitch, HEAD + line * pitch)
            canvas.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), at)
            if line == 0:
                draw.text((at[0], 3), caption, fill="black", font=font)
    return canvas


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Draw held-out photos through a transfer and two sliders, as one picture.",
        epilog="example: python training/tools/contact_sheet.py --checkpoint checkpoints/faces --photos photos/lfw "
        "--data data/lfw96 --out twenty.webp",
    )
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="checkpoint folder, or a Hub id user/name")
    parser.add_argument("--photos", required=True, type=Path, metavar="DIR", help="what --data was prepared from")
    parser.add_argument("--data", required=True, metavar="DIR", help="prepared faces, for who was held out")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .webp or .png picture")
    parser.add_argument("--count", type=int, default=20, help="people (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="which people (default 0)")
    parser.add_argument("--pasted", action="store_true", help="the ways of a transfer into its photo, no sliders")
    options = parser.parse_args(argv)
    editor = PortraitEditor.from_pretrained(options.checkpoint)
    clearest = sorted(editor.directions, key=lambda direction: -abs(direction.correlation))
    names = [direction.name for direction in clearest[:2]]
    portraits: list[Portrait] = []
    for path in held_out(options.data, options.photos, 2 * options.count, options.seed):
        try:
            portraits.append(editor.infer(path))
        except FaceNotFoundError as error:
            print(error)
    portraits, donors = portraits[: options.count], portraits[-options.count :]
    pairs = zip(portraits, donors, strict=True)
    captions = ["photo", "expression of"]
    if options.pasted:
        rows = [pasted_row(editor, portrait, donor) for portrait, donor in pairs]
        captions += ["the model's edit", "its change added", "its face laid over"]
    else:
        rows = [row(editor, portrait, donor, names) for portrait, donor in pairs]
        captions += ["transfer", *(f"{name} +{SIGMAS:.0f}" for name in names)]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet(rows, captions).save(options.out, quality=72)
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

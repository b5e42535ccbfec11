"""Draw sheets for a blind look: photos of people, half of them edited, to be called "photo" or "edit" by somebody else.

python -m training.tools.blind_sheet --photos photos/lfw --donors photos/smiles --split test --out sheets/lfw

Writes pages of four pictures, a sheet of all, and key.json, which says what each is: "photo" or one of KINDS.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from rbvae.editing import Portrait, PortraitEditor
from rbvae.errors import DatasetError, FaceNotFoundError, ImageError
from training.data.photo_folders import Photo, list_photos
from training.data.progress import track
from training.engine.cli import run_command
from training.evaluation.strangers import framed

KINDS = ("smile", "neutral", "surprise", "random", "transfer", "closed eyes")
NAMED = {
    "smile": {"smile": 2.0},
    "surprise": {"brows up": 2.0, "mouth open": 1.5, "squint": -0.8},
    "closed eyes": {"close eyes": 1.0},
}
SIDE, AROUND, HEAD, PAGE = 512, 0.75, 22, 4  # pixels; half a crop's side in face heights; pixels; pictures a page
SMILING, CALM = 0.5, 0.3  # sigmas of smile above which a face is made neutral, and below which it is made to smile


def crop(picture: np.ndarray, portrait: Portrait) -> np.ndarray:
    """Crops the head, SIDE pixels wide; edge pixels are repeated."""
    left, top, right, bottom = portrait.box
    half = AROUND * max(right - left, bottom - top)
    scale = SIDE / (2 * half)
    shift = SIDE / 2 - scale * np.array([left + right, top + bottom]) / 2
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)


def suits(editor: PortraitEditor, portrait: Portrait, kind: str) -> bool:
    """Returns whether a face is a fair case for a kind of edit: laughing faces are made neutral, calm ones smile."""
    direction = editor.direction("smile")
    smile = float(portrait.e @ direction.vector) / direction.sigma
    return smile > SMILING if kind == "neutral" else smile < CALM if kind in ("smile", "transfer") else True


def edited(editor: PortraitEditor, portrait: Portrait, kind: str, donor: Portrait, seed: int) -> np.ndarray:
    """Returns the photo after an edit of this kind."""
    if kind == "neutral":
        edit = editor.neutral(portrait)
    elif kind == "random":
        edit = editor.sample(portrait, 1, seed)[0]
    elif kind == "transfer":
        edit = editor.transfer(donor, portrait)
    else:
        edit = editor.edit(portrait, NAMED[kind])
    return np.asarray(edit.photo)


def portraits(editor: PortraitEditor, photos: Sequence[Photo]) -> Iterator[tuple[str, Portrait]]:
    """Infers photos in turn, without those in which no face is found or of which the editor warns."""
    for photo in photos:
        try:
            portrait = editor.infer(framed(Path(photo.path)))
        except (FaceNotFoundError, ImageError):
            continue
        if not any(word in warning for warning in portrait.warnings for word in ("turned", "cover")):
            yield photo.identity, portrait


def draw(
    editor: PortraitEditor, photos: Sequence[Photo], donors: list[Portrait], count: int, rng: np.random.Generator
) -> list[tuple[str, np.ndarray]]:
    """Returns `count` pictures with their kinds, half of them edits, each of another person, in random order.

    Raises DatasetError if there are too few photos.
    """
    wanted = ["photo" if number % 2 else KINDS[number // 2 % len(KINDS)] for number in range(count)]
    used: set[tuple[str, bool]] = set()
    found = []
    for person, portrait in track(list(portraits(editor, photos)), "face"):
        for kind in wanted:
            if (person, kind == "photo") in used or not (kind == "photo" or suits(editor, portrait, kind)):
                continue
            donor = donors[int(rng.integers(len(donors)))]
            seed = int(rng.integers(1 << 16))
            picture = portrait.source if kind == "photo" else edited(editor, portrait, kind, donor, seed)
            found.append((kind, crop(picture, portrait)))
            used.add((person, kind == "photo"))
            wanted.remove(kind)
            break
        if not wanted:
            break
    if wanted:
        raise DatasetError(f"Too few photos: {len(wanted)} pictures are missing ({wanted[0]}). Give more photos.")
    return [found[number] for number in rng.permutation(len(found))]


def arranged(pictures: Sequence[np.ndarray], first: int, columns: int) -> Image.Image:
    """Arranges pictures below their numbers, which begin with `first`."""
    rows = -(-len(pictures) // columns)
    canvas = Image.new("RGB", (columns * SIDE, rows * (SIDE + HEAD)), "white")
    pen = ImageDraw.Draw(canvas)
    for number, picture in enumerate(pictures):
        x, y = number % columns * SIDE, number // columns * (SIDE + HEAD)
        pen.text((x + 6, y + 3), str(first + number), fill="black", font_size=16)
        canvas.paste(Image.fromarray(picture), (x, y + HEAD))
    return canvas


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkpoint", default="checkpoints/faces", metavar="DIR", help="default checkpoints/faces")
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="photos of many people")
    parser.add_argument("--split", choices=("train", "test"), help="only the people of this split of prepare_faces")
    parser.add_argument("--donors", type=Path, required=True, metavar="DIR", help="smiles that transfers take")
    parser.add_argument("--count", type=int, default=40, help="pictures, half of them edited (default 40)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the pages and the key")
    options = parser.parse_args(argv)
    rng = np.random.default_rng(options.seed)
    editor = PortraitEditor.from_pretrained(options.checkpoint)
    photos = [photo for photo in list_photos(options.photos) if options.split in (None, photo.split)]
    photos = [photos[number] for number in rng.permutation(len(photos))[: 6 * options.count]]
    donors = [portrait for _, portrait in portraits(editor, list_photos(options.donors)[:12])]
    kinds, pictures = zip(*draw(editor, photos, donors, options.count, rng), strict=True)
    options.out.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(pictures), PAGE):
        page = arranged(pictures[start : start + PAGE], start + 1, 2)
        page.save(options.out / f"page_{start // PAGE + 1:02d}.png")
    arranged(pictures, 1, 8).save(options.out / "sheet.webp", quality=85)
    (options.out / "key.json").write_text(json.dumps(dict(enumerate(kinds, start=1)), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

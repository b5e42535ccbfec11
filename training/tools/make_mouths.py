"""Write the bank of mouths, rbvae/faces/mouths.webp and mouths.json, from synthetic faces with open mouths.

python -m training.tools.make_mouths --photos photos/omi --out rbvae/faces/mouths.webp

The shipped bank was made from One Million Impressions (Peterson et al. 2022, CC BY-NC-SA 4.0), which shows no real
people.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rbvae.errors import DatasetError
from rbvae.faces.face import Face
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import INNER_LIPS, POINTS
from rbvae.faces.mouth import BANK, skin_colour
from rbvae.faces.openings import Opening
from rbvae.faces.shading import regions
from rbvae.faces.texture import canonical_frame
from rbvae.images.decoding import load_photo
from training.data.photo_folders import list_photos
from training.data.progress import track
from training.engine.cli import run_command

WIDTH, HEIGHT, COLUMNS = 144, 96, 12  # size of a cell in pixels, and cells per row
ACROSS = 112  # mouth width in pixels
LEAST_GAP, MOST_YAW = 0.12, 14.0
SIZE = 96
MOST_YELLOW = 1.4  # maximum ratio of red or green to blue in teeth
TEETH = (110.0, 0.26)  # minimum brightness inside the mouth, with the skin scaled to 160, and maximum colourfulness


def cell(photo: np.ndarray, face: Face) -> tuple[np.ndarray, Opening]:
    """Crops a face's mouth, upright and ACROSS pixels wide, uint8 [HEIGHT, WIDTH, 3]; also returns its lip line."""
    opening = Opening.of(face.points, INNER_LIPS)
    along, normal = opening.axes()
    scale = ACROSS / opening.width
    middle = (opening.outline.min(axis=0) + opening.outline.max(axis=0)) / 2
    linear = scale * np.stack([along, normal])
    shift = np.array([WIDTH, HEIGHT]) / 2 - linear @ middle
    centred = shift - 0.5 + linear @ [0.5, 0.5]
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.warpAffine(photo, np.column_stack([linear, centred]), (WIDTH, HEIGHT), flags=flags)
    return picture, Opening(opening.upper @ linear.T + shift, opening.lower @ linear.T + shift)


def shows_teeth(picture: np.ndarray, opening: Opening, skin: np.ndarray) -> bool:
    """Returns whether the inside of a mouth is bright and nearly colourless, like teeth."""
    inside = opening.mask((0, 0, WIDTH, HEIGHT), 0) > 0.99
    colours = picture[inside].astype(np.float64) * (160 / np.maximum(skin, 1))
    brightness = np.median(colours.mean(axis=1))
    colourfulness = np.median((colours.max(axis=1) - colours.min(axis=1)) / (colours.max(axis=1) + 1))
    red, green, blue = np.median(picture[inside].astype(np.float64), axis=0)
    return bool(brightness > TEETH[0] and colourfulness < TEETH[1] and max(red, green) < MOST_YELLOW * blue)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="synthetic faces with open mouths")
    parser.add_argument("--out", type=Path, default=BANK, metavar="FILE", help=f"default rbvae/faces/{BANK.name}")
    options = parser.parse_args(argv)
    frame, skin_texels = canonical_frame(SIZE), regions(SIZE).skin > 0.9
    pictures, entries = [], []
    with FaceLandmarker() as landmarker:
        for photo in track(list_photos(options.photos), "photo"):
            pixels = load_photo(photo.path)
            for face in landmarker.glance(pixels)[:1]:
                skin = skin_colour(frame.sample(pixels, face.points[:POINTS]).values, skin_texels)
                picture, opening = cell(pixels, face)
                if opening.gap < LEAST_GAP or abs(face.yaw) > MOST_YAW or not shows_teeth(picture, opening, skin):
                    continue
                pictures.append(picture)
                lines = {"upper": opening.upper.round(1).tolist(), "lower": opening.lower.round(1).tolist()}
                entries.append({**lines, "yaw": round(face.yaw, 1), "skin": skin.round(1).tolist()})
    if not entries:
        raise DatasetError(f"No open mouth that shows teeth in {options.photos}. Give faces that smile.")
    sheet = np.zeros((-(-len(pictures) // COLUMNS) * HEIGHT, COLUMNS * WIDTH, 3), np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        sheet[row * HEIGHT : (row + 1) * HEIGHT, column * WIDTH : (column + 1) * WIDTH] = picture
    Image.fromarray(sheet).save(options.out, "WEBP", quality=92, method=6)
    record = {"width": WIDTH, "height": HEIGHT, "columns": COLUMNS, "mouths": entries}
    options.out.with_suffix(".json").write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(entries)} mouths, {options.out.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

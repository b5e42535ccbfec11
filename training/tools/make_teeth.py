"""Write the bank of teeth, rbvae/faces/teeth.webp and teeth.json, from synthetic faces that smile.

python -m training.tools.make_teeth --photos photos/omi --out rbvae/faces/teeth.webp \\
    --without 0059 0089 0100 0244 0388 0408 0430 0438 0487 0561 0582 0637 0745 0755 0839 0853 0854 0878 0907 0977

This made the shipped bank, from One Million Impressions (Peterson et al. 2022, CC BY-NC-SA 4.0), which shows no real
people. Rows with gaps, with lips at their edge or with lower teeth are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d, median_filter

from rbvae.errors import DatasetError
from rbvae.faces.face import Face
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import INNER_LIPS, POINTS
from rbvae.faces.openings import Opening
from rbvae.faces.shading import regions, skin_colour
from rbvae.faces.teeth import BANK, unit_of
from rbvae.faces.teeth_colours import redness
from rbvae.faces.texture import canonical_frame
from rbvae.images.decoding import load_photo
from training.data.photo_folders import list_photos
from training.data.progress import track
from training.engine.cli import run_command

WIDTH, HEIGHT, COLUMNS = 128, 56, 12  # size of a cell in pixels, and cells per row
ACROSS = 112  # mouth width in pixels
LEAST_GAP, MOST_YAW = 0.12, 14.0
SIZE = 96
MOST_YELLOW = 1.3  # maximum ratio of red or green to blue in teeth
TEETH = (110.0, 0.26)  # minimum brightness inside the mouth, with the skin scaled to 160, and maximum colourfulness
TOOTH, BREAK = 0.55, 2  # brightness of a tooth relative to the row's, and dark pixels that end it
MOST_RAGGED = 2.2  # pixels: median deviation of the row's edge from a parabola
LIP = 2.0, 5.0  # pixels below the lip line: the lower lip
SHADED = 0.72  # brightness, relative to that of teeth, halfway to the shadow below them
TRIMMED = 0.5  # pixels left out along the edge, which are partly of the lip
LEAST_HEIGHT = 9.5  # pixels of teeth visible in the middle


def cell(photo: np.ndarray, face: Face) -> tuple[np.ndarray, Opening, float]:
    """Crop a face's mouth, upright and ACROSS pixels wide: uint8 [HEIGHT, WIDTH, 3], its lip line, and the scale."""
    opening = Opening.of(face.points, INNER_LIPS)
    along, normal = opening.axes()
    scale = ACROSS / opening.width
    middle = (opening.outline.min(axis=0) + opening.outline.max(axis=0)) / 2
    linear = scale * np.stack([along, normal])
    shift = np.array([WIDTH, HEIGHT]) / 2 - linear @ middle
    centred = shift - 0.5 + linear @ [0.5, 0.5]
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.warpAffine(photo, np.column_stack([linear, centred]), (WIDTH, HEIGHT), flags=flags)
    return picture, Opening(opening.upper @ linear.T + shift, opening.lower @ linear.T + shift), scale


def shows_teeth(picture: np.ndarray, opening: Opening, skin: np.ndarray) -> bool:
    """Return whether the inside of a mouth is bright and nearly colourless, like teeth."""
    inside = opening.mask((0, 0, WIDTH, HEIGHT), 0) > 0.99
    colours = picture[inside].astype(np.float64) * (160 / np.maximum(skin, 1))
    brightness = np.median(colours.mean(axis=1))
    colourfulness = np.median((colours.max(axis=1) - colours.min(axis=1)) / (colours.max(axis=1) + 1))
    red, green, blue = np.median(picture[inside].astype(np.float64), axis=0)
    return bool(brightness > TEETH[0] and colourfulness < TEETH[1] and max(red, green) < MOST_YELLOW * blue)


def lower_edge(picture: np.ndarray, opening: Opening) -> np.ndarray:
    """Return the y of the lower edge of the upper teeth at each column, float64 [WIDTH]; NaN beyond the mouth."""
    luma = picture.astype(np.float64).mean(axis=2)
    inside = opening.mask((0, 0, WIDTH, HEIGHT), 0) > 0.5
    tooth = luma > TOOTH * np.percentile(luma[inside], 80)
    edge = np.full(WIDTH, np.nan)
    for x in range(WIDTH):
        column = np.flatnonzero(inside[:, x])
        if len(column) < 6:
            continue
        bright = tooth[column[1] : column[-1], x]
        if not bright.any():
            continue
        start = int(np.argmax(bright))
        dark = np.convolve(~bright[start:], np.ones(BREAK), "valid") >= BREAK
        edge[x] = column[1] + start + (int(np.argmax(dark)) if dark.any() else len(bright) - start)
    return edge


def tips(picture: np.ndarray, opening: Opening, edge: np.ndarray) -> np.ndarray:
    """Return the y of the teeth's tips at each column, float64 [WIDTH], at most `edge`.

    Below them are the lower lip, redder than teeth, and the shadow between the two.
    """
    rows = np.arange(HEIGHT)[:, None] + 0.5
    top = np.interp(np.arange(WIDTH), *opening.upper.T)
    colours = picture.astype(np.float64)
    luma, red = colours.mean(axis=2), redness(colours.reshape(-1, 3)).reshape(HEIGHT, WIDTH)
    middle = (rows > top + 0.3 * (edge - top)) & (rows < top + 0.7 * (edge - top))
    lip_line = np.interp(np.arange(WIDTH), *opening.lower.T)
    lip = (rows > lip_line + LIP[0]) & (rows < lip_line + LIP[1]) & np.isfinite(edge)
    of_tooth, of_lip = float(np.median(red[middle])), float(np.median(red[lip]))
    pale = (of_lip - red) / (of_lip - of_tooth)  # 1 in teeth, 0 in the lip
    lit = luma / np.median(luma[middle]) / (2 * SHADED)
    tooth = np.minimum(pale, lit)
    found = edge.copy()
    for x in np.flatnonzero(np.isfinite(edge)):
        start = int(top[x] + 0.5 * (edge[x] - top[x]))
        column = tooth[start:, x]
        below = np.flatnonzero(column < 0.5)
        if len(below) and (first := int(below[0])):
            before, after = column[first - 1], column[first]
            found[x] = min(edge[x], start + first - 0.5 + (before - 0.5) / max(before - after, 1e-6))
    return found


def matte(picture: np.ndarray, opening: Opening) -> tuple[np.ndarray, float, float] | None:
    """Return the opacity uint8 [HEIGHT, WIDTH] of the upper teeth and the middle (x, y) of their edge.

    None if the row is ragged or little of it is visible.
    """
    edge = lower_edge(picture, opening)
    known = np.flatnonzero(np.isfinite(edge))
    if len(known) < 0.7 * ACROSS:
        return None
    columns = np.arange(WIDTH)
    rough = median_filter(np.interp(columns, known, edge[known]), 5)
    line = np.polynomial.Polynomial.fit(known, rough[known], 2)
    x = float(opening.upper[len(opening.upper) // 2, 0])
    top = float(np.interp(x, opening.upper[:, 0], opening.upper[:, 1]))
    if np.median(np.abs(rough - line(columns))[known]) > MOST_RAGGED or line(x) - top < LEAST_HEIGHT:
        return None
    fine = median_filter(tips(picture, opening, np.where(np.isfinite(edge), rough, np.nan))[known], 3)
    fine = gaussian_filter1d(np.interp(columns, known, fine), 0.7)
    line = np.polynomial.Polynomial.fit(known, fine[known], 2)
    rows = np.arange(HEIGHT)[:, None] + 0.5
    opaque = (fine - TRIMMED - rows + 0.5).clip(0, 1) * (columns > known[0] + 1) * (columns < known[-1] - 1)
    return np.rint(cv2.GaussianBlur(opaque.astype(np.float32), (0, 0), 0.5) * 255).astype(np.uint8), x, float(line(x))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="synthetic faces that smile")
    parser.add_argument("--without", nargs="*", default=[], metavar="NAME", help="photos to leave out, by file name")
    parser.add_argument("--out", type=Path, default=BANK, metavar="FILE", help=f"default rbvae/faces/{BANK.name}")
    options = parser.parse_args(argv)
    frame, skin_texels = canonical_frame(SIZE), regions(SIZE).skin > 0.9
    pictures, entries = [], []
    with FaceLandmarker() as landmarker:
        for photo in track(list_photos(options.photos), "photo"):
            if Path(photo.path).stem in options.without:
                continue
            pixels = load_photo(photo.path)
            for face in landmarker.glance(pixels)[:1]:
                skin = skin_colour(frame.sample(pixels, face.points[:POINTS]).values, skin_texels)
                picture, opening, scale = cell(pixels, face)
                if opening.gap < LEAST_GAP or abs(face.yaw) > MOST_YAW or not shows_teeth(picture, opening, skin):
                    continue
                found = matte(picture, opening)
                if found is None:
                    continue
                opaque, x, y = found
                pictures.append(np.dstack([picture, opaque]))
                entries.append(
                    {
                        "name": Path(photo.path).stem,
                        "upper": opening.upper.round(1).tolist(),
                        "edge": [round(x, 1), round(y, 1)],
                        "unit": round(unit_of(face.points[:POINTS]) * scale, 1),
                        "yaw": round(face.yaw, 1),
                        "skin": [round(float(value)) for value in skin],
                    }
                )
    if not entries:
        raise DatasetError(f"No row of teeth in {options.photos}. Give faces that smile.")
    sheet = np.zeros((-(-len(pictures) // COLUMNS) * HEIGHT, COLUMNS * WIDTH, 4), np.uint8)
    for number, one in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        sheet[row * HEIGHT : (row + 1) * HEIGHT, column * WIDTH : (column + 1) * WIDTH] = one
    Image.fromarray(sheet).save(options.out, "WEBP", quality=92, method=6, exact=True)
    record = {"width": WIDTH, "height": HEIGHT, "columns": COLUMNS, "rows": entries}
    options.out.with_suffix(".json").write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(entries)} rows of teeth, {options.out.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

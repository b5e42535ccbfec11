"""Write the picture of a mouth's inside, rbvae/faces/cavity.webp, from a synthetic face with an open mouth.

python -m training.tools.make_cavity --photo photos/omi/0336.jpg

This made the shipped picture, from One Million Impressions (Peterson et al. 2022, CC BY-NC-SA 4.0), which shows no real
people. The upper teeth are painted over, and colours are paler and darker than in that photo, taken with a flash: the
tongue is as red as in 46 photos of open mouths.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rbvae.errors import DatasetError
from rbvae.faces.cavity import BRIGHT_TEETH, DARK, GAP, PICTURE
from rbvae.faces.easing import ramp, smoothstep
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening, sample
from rbvae.images.decoding import load_photo
from training.engine.cli import run_command

WIDTH, HEIGHT = 96, 64  # pixels of the picture
ALONG, ACROSS = (0.05, 0.95), (0.0, 0.97)  # what it shows along the mouth, and from its upper to its lower lip
LOWER_TEETH = (slice(47, 58), slice(30, 66))  # rows and columns that show nothing else
UPPER_TEETH = 0.3  # share of its height that they reach down to
COLOURFUL = 0.4  # factor of its colourfulness
LOWER_COLOUR = np.array([0.86, 0.77, 0.77])  # red, green and blue of lower teeth, of the upper ones'; in 8 photos alike
SHADED = (0.0, 0.5), 0.6  # range of its height in which the shade of the upper teeth ends, and light in that shade
SOFT = 3.0  # pixels: blur where the upper teeth were
DARKEST = 0.7  # of DARK: least brightness
GAPS = (GAP - 0.03, GAP + 0.03)  # of the mouth, on which rbvae.faces.cavity relies


def inside_of(photo: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the picture uint8 [HEIGHT, WIDTH, 3] of the mouth of a face with landmarks [468 or more, 3].

    Raises DatasetError if the mouth is not open as it should be.
    """
    opening = Opening.of(points, INNER_LIPS)
    if not GAPS[0] <= opening.gap <= GAPS[1]:
        raise DatasetError(
            f"The mouth's gap is {opening.gap:.2f} of its width. Give a face whose gap is from {GAPS[0]:.2f} to "
            f"{GAPS[1]:.2f}."
        )
    rows, columns = (np.arange(HEIGHT) + 0.5) / HEIGHT, (np.arange(WIDTH) + 0.5) / WIDTH
    s, v = np.meshgrid(np.interp(columns, (0, 1), ALONG), np.interp(rows, (0, 1), ACROSS))
    upper, lower = opening.lines(s)
    picture = sample(photo, *opening.positions(s, upper + v * (lower - upper)))
    picture /= np.median(picture[LOWER_TEETH], axis=(0, 1))
    grey = picture.mean(axis=2, keepdims=True)
    picture = np.float32(LOWER_COLOUR * BRIGHT_TEETH * (grey + COLOURFUL * (picture - grey)))
    top = round(UPPER_TEETH * HEIGHT)
    picture[:top] = picture[top : top + 3].mean(axis=0)
    picture[: top + 6] = cv2.GaussianBlur(picture, (0, 0), SOFT)[: top + 6]
    shade = SHADED[1] + (1 - SHADED[1]) * smoothstep(ramp(rows, *SHADED[0]))
    return np.rint((picture * shade[:, None, None]).clip(DARKEST * DARK, 255)).astype(np.uint8)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photo", type=Path, required=True, metavar="FILE", help="a synthetic face, mouth wide open")
    parser.add_argument("--out", type=Path, default=PICTURE, metavar="FILE", help=f"default rbvae/faces/{PICTURE.name}")
    options = parser.parse_args(argv)
    photo = load_photo(options.photo)
    with FaceLandmarker() as landmarker:
        faces = landmarker.glance(photo)
    if not faces:
        raise DatasetError(f"No face in {options.photo}. Give a photo of one face.")
    Image.fromarray(inside_of(photo, faces[0].points)).save(options.out, "WEBP", lossless=True, method=6)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.1f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

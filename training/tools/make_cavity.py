"""Write the picture of a mouth's inside, rbvae/faces/cavity.webp, from a synthetic face with an open mouth.

python -m training.tools.make_cavity --photo photos/omi/0336.jpg

This made the shipped picture, from One Million Impressions (Peterson et al. 2022, CC BY-NC-SA 4.0), which shows no real
people. Its lower teeth are those of that face, taken with a flash, in paler and darker colours. The throat and the
tongue are drawn, the tongue as red as in 46 photos of open mouths.
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
COLOURFUL = 0.4  # factor of its colourfulness
LOWER_COLOUR = np.array([0.86, 0.77, 0.77])  # red, green and blue of lower teeth, of the upper ones'; in 8 photos alike
BRIGHT, PALE, HIGHEST = (85, 120), (1.75, 1.5), (0.62, 0.7)  # grey levels, redness and heights over which it is a tooth
SIDES, SIDES_DARKER = (0.18, 0.4), 0.45  # distances from the middle over which teeth darken, and by how much
BEHIND, BEHIND_DARKER = 3.0, 0.5  # pixels that the shade behind the teeth is soft, and its darkness
DARKEST = 0.7  # of DARK: least brightness
PALATE, CHEEKS = np.array([30.0, 13, 12]), np.array([34.0, 13, 12])  # grey levels that both add to the darkness
TONGUE = np.array([140.0, 80, 77])  # grey levels
TOP, HALF_WIDTH, ROUND = 0.3, 0.44, 2.4  # of the tongue: height of its top, half its width, and power of its curve
EDGE = (-0.2, 0.2)  # heights around its curve over which it appears
BACK, FRONT = 0.5, 0.4  # light at its back, and the height from there to where it is all lit
GROOVE, GROOVE_WIDTH = 0.1, 0.05  # darkness and width of its middle
GRAIN, WET = 0.05, np.array([16.0, 14, 14])  # spread of its roughness, and grey levels of reflections
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
    teeth = np.float32(LOWER_COLOUR * BRIGHT_TEETH * (grey + COLOURFUL * (picture - grey)))
    light, red = teeth.mean(axis=2), teeth[..., 0] / np.maximum(teeth[..., 1:].mean(axis=2), 1)
    there = ramp(light, *BRIGHT) * ramp(red, *PALE) * ramp(rows, *HIGHEST)[:, None]
    there = cv2.GaussianBlur(np.maximum.accumulate(there, axis=0), (0, 0), 0.6)[..., None]
    behind = throat() * (1 - BEHIND_DARKER * cv2.GaussianBlur(there, (0, 0), BEHIND))[..., None]
    teeth *= 1 - SIDES_DARKER * smoothstep(ramp(np.abs(columns - 0.5), *SIDES))[:, None]
    return np.rint((behind + there * (teeth - behind)).clip(0, 255)).astype(np.uint8)


def throat() -> np.ndarray:
    """Draw a dark mouth with a tongue, float32 [HEIGHT, WIDTH, 3], in grey levels."""
    v, s = ((np.arange(count) + 0.5) / count for count in (HEIGHT, WIDTH))
    v, beside = v[:, None], np.abs(s - 0.5)
    palate = np.exp(-((beside / 0.28) ** 2)) * np.exp(-(((v - 0.3) / 0.3) ** 2))
    cheeks = np.exp(-(((beside - 0.4) / 0.1) ** 2)) * ramp(v, 0.1, 0.8)
    dark = DARKEST * DARK + palate[..., None] * PALATE + cheeks[..., None] * CHEEKS
    back = v - TOP - 0.62 * (beside / HALF_WIDTH) ** ROUND
    front = ramp(back, 0, FRONT)
    light = BACK + (1 - BACK) * smoothstep(front)
    light *= 1 - GROOVE * np.exp(-((beside / GROOVE_WIDTH) ** 2)) * ramp(front, 0, 0.7)
    light *= 1 - 0.35 * ramp(beside, 0.18, 0.42)
    fine, coarse = (rough(size) for size in (1.0, 3.0))
    light *= 1 + GRAIN * (fine + coarse) / 2
    tongue = light[..., None] * TONGUE + (front * np.maximum(coarse - 0.5, 0))[..., None] * WET
    return np.float32(dark + smoothstep(ramp(back, *EDGE))[..., None] * (tongue - dark))


def rough(size: float) -> np.ndarray:
    """Return noise [HEIGHT, WIDTH] of spread 1, blurred by `size` pixels."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(HEIGHT, WIDTH)), (0, 0), size)
    return np.asarray(noise / noise.std())


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

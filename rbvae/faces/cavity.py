"""The inside of an open mouth behind the upper teeth: darkness, the tongue and the lower teeth.

It is a picture of a synthetic face's mouth, written by training/tools/make_cavity.py, in the light of the photo.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rbvae.faces.easing import ramp
from rbvae.faces.openings import sample

PICTURE = Path(__file__).with_name("cavity.webp")
GAP = 0.36  # gap of the mouth in the picture
DARK = np.array([42.0, 24, 22])  # grey levels where no light reaches
LIT_GAPS = (0.05, 0.35)  # gaps of the mouth between which the light reaches its inside
# Share of the picture's height that the lower lip covers, with the lower teeth, and gaps between which it bares them.
COVERED, UNCOVERED_GAPS = 0.28, (0.2, 0.45)
TOOTHLESS = 0.62  # share of the picture's height above the lower teeth
SMOOTH = 2.5  # pixels of the picture: blur of a tongue that is drawn that much larger
UNIT, OWN_BLUR = 175.0, 1.0  # pixels of the picture per distance between the eyes, and its blur
BRIGHT_TEETH = np.array([199.0, 176, 165])  # grey levels: teeth in the light of the picture


@dataclass(frozen=True)
class Cavity:
    """What is behind the teeth: a `picture` float32 [h, w, 3], in grey levels, in a photo's `light` [3] and `haze`."""

    picture: np.ndarray
    light: np.ndarray
    haze: float

    @classmethod
    def beside(cls, teeth: np.ndarray, haze: float, blur: float = 0.0, toothless: bool = False) -> Cavity:
        """Return the cavity in the light that teeth of this colour [3] are in, in a photo with this `haze`.

        `blur` is that of the photo, in distances between the eyes. Without lower teeth it is `toothless`.
        """
        picture = cavity_picture(toothless)
        extra = (blur * UNIT) ** 2 - OWN_BLUR**2
        if extra > 0:
            picture = cv2.GaussianBlur(picture, (0, 0), float(np.sqrt(extra)))
        return cls(picture, teeth / BRIGHT_TEETH * (1 - haze / 255), haze)

    def at(self, s: np.ndarray, v: np.ndarray, gap: float) -> np.ndarray:
        """Return the colours float32 [h, w, 3] of a mouth with this `gap`.

        `s` runs along the mouth and `v` across it, from the upper lip (0) to the lower lip (1). Lower teeth keep their
        height: a mouth that is less open shows less of what is above them.
        """
        height, width = self.picture.shape[:2]
        y = 1 - (1 - v) * gap / GAP - COVERED * (1 - ramp(gap, *UNCOVERED_GAPS))
        seen = sample(self.picture, s * width, y * height)
        lit = DARK + ramp(gap, *LIT_GAPS) * (seen - DARK)
        return np.float32(self.haze + lit * self.light)


@functools.cache
def cavity_picture(toothless: bool) -> np.ndarray:
    """Return the picture float32 [h, w, 3], in grey levels; of a `toothless` mouth it shows no lower teeth."""
    picture = np.asarray(Image.open(PICTURE).convert("RGB")).astype(np.float32)
    if not toothless:
        return picture
    height, width = picture.shape[:2]
    tongue = cv2.resize(picture[: round(TOOTHLESS * height)], (width, height))
    return cv2.GaussianBlur(tongue, (0, 0), SMOOTH)

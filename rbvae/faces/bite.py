"""Where upper and lower teeth meet in an open mouth that shows both: a jaw that drops parts them there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from rbvae.faces.openings import Opening
from rbvae.faces.tooth_map import ROWS, tooth_map

ALONG = np.linspace(0.15, 0.85, 41)  # places along the mouth
NEAR, FAR = 4, 17  # rows above and below the line between which there are teeth
UPPER, LOWER = 0.55, 0.5  # least shares of the line with teeth above and below
LEAST = 0.04  # how much darker than both, relative to teeth, the line is at least
MIDDLES, CURVES = np.linspace(0.25, 0.9, 53), np.linspace(-1.2, 1.2, 13)  # where it is looked for
WITHIN, LEAST_WITHIN = (0.1, 0.92), 0.6  # range in which it counts, and least share of it there


@dataclass(frozen=True)
class Bite:
    """The line v = `middle` + `curve` (s - 1/2)**2, between upper lip (0) and lower lip (1)."""

    middle: float
    curve: float

    def at(self, s: np.ndarray) -> np.ndarray:
        """Return its v at places `s` along the mouth."""
        return self.middle + self.curve * (s - 0.5) ** 2


def find_bite(photo: np.ndarray, opening: Opening, lips: np.ndarray) -> Bite | None:
    """Return where upper and lower teeth meet in a mouth of a photo uint8 [H, W, 3], None if it does not show both.

    It is the darkest line, a parabola, with teeth on both sides. `lips` [3] is their colour, in grey levels.
    """
    tooth, light = tooth_map(photo, opening, lips, ALONG)
    light = cv2.GaussianBlur(light, (0, 0), 0.8)
    darker = np.minimum(above(light), below(light)) - light
    line = MIDDLES[:, None, None] + CURVES[:, None] * (ALONG - 0.5) ** 2  # [M, C, S]
    rows, columns = np.rint(line * ROWS - 0.5).astype(int).clip(0, ROWS - 1), np.arange(len(ALONG))
    middle = np.clip(1 - np.abs(ALONG - 0.5) / 0.33, 0, 1)
    weight = middle * ((line > WITHIN[0]) & (line < WITHIN[1]))
    total = weight.sum(axis=2)

    def along(values: np.ndarray) -> np.ndarray:
        return (weight * values[rows, columns]).sum(axis=2) / np.maximum(total, 1e-6)

    depth = along(darker.clip(-0.1, 0.3))
    depth[(along(above(tooth)) < UPPER) | (along(below(tooth)) < LOWER) | (total < LEAST_WITHIN * middle.sum())] = -1
    best = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return Bite(float(MIDDLES[best[0]]), float(CURVES[best[1]])) if depth[best] > LEAST else None


def above(values: np.ndarray) -> np.ndarray:
    """Return the largest of values [ROWS, S] in the rows from NEAR to FAR above each."""
    size = FAR - NEAR + 1
    padded = np.pad(values, ((FAR, 0), (0, 0)), constant_values=-1)
    return maximum_filter1d(padded, size, axis=0, origin=-(size // 2), mode="constant", cval=-1)[: len(values)]


def below(values: np.ndarray) -> np.ndarray:
    """Return the largest of values [ROWS, S] in the rows from NEAR to FAR below each."""
    return above(values[::-1])[::-1]

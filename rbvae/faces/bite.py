"""Where upper and lower teeth meet in an open mouth that shows both: a jaw that drops parts them there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from rbvae.faces.openings import Opening, sample
from rbvae.faces.teeth_colours import brightness_of, redness

ALONG, ROWS = np.linspace(0.15, 0.85, 41), 50  # places along the mouth, and rows from its upper to its lower lip
NEAR, FAR = 4, 17  # rows above and below the line between which there are teeth
LIGHT = (0.35, 0.55)  # brightness relative to teeth over which something may be a tooth
UPPER, LOWER = 0.55, 0.5  # least shares of the line with teeth above and below
LEAST = 0.04  # how much darker than both, relative to teeth, the line is at least
MIDDLES, CURVES = np.linspace(0.25, 0.9, 53), np.linspace(-1.2, 1.2, 13)  # where it is looked for
WITHIN, LEAST_WITHIN = (0.1, 0.92), 0.6  # range in which it counts, and least share of it there
LEAST_REDDER = 0.05  # log ratio: lips are redder than teeth by this at least


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
    s, v = np.meshgrid(ALONG, (np.arange(ROWS) + 0.5) / ROWS)
    upper, lower = opening.lines(s)
    colours = sample(photo, *opening.positions(s, upper + v * (lower - upper))).clip(0, 255).astype(np.float64)
    inside = opening.pixels(photo, 0.5).astype(np.float64)
    if not len(inside):
        return None
    teeth = brightness_of(inside)
    of_lips, of_teeth = redness(np.stack([lips, teeth]).astype(np.float64))
    red = redness(colours.reshape(-1, 3)).reshape(s.shape)
    light = colours.mean(axis=2) / teeth.mean()
    pale = ((of_lips - red) / max(of_lips - of_teeth, LEAST_REDDER)).clip(0, 1)
    tooth = pale * ((light - LIGHT[0]) / (LIGHT[1] - LIGHT[0])).clip(0, 1)
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

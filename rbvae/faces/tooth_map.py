"""What in an open mouth of a photo is a tooth: pale, compared with the lips, and light, compared with the brightest."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from rbvae.faces.easing import ramp
from rbvae.faces.openings import Opening, sample
from rbvae.faces.teeth_colours import brightness_of, redness

ROWS = 50  # from the upper to the lower lip
COLUMNS = (np.arange(48) + 0.5) / 48  # places along a mouth of the picture of what its teeth reach down to
LIGHT = (0.35, 0.55)  # brightness relative to teeth over which something may be a tooth
LEAST_REDDER = 0.05  # log ratio: lips are redder than teeth by this at least
UPPER = 0.6  # height down to which upper teeth, of those that show both rows, begin
LIKELY = (0.6, 0.85)  # likeness, relative to the most in a column, over which it is still a tooth
ANY = (0.15, 0.35)  # the most in a column, over which it has one
SMOOTHED, ACROSS, SOFT = 0.7, 5, 1.0  # rows of a blur; columns of a median; and rows and columns of the edge's blur


def tooth_map(photo: np.ndarray, opening: Opening, lips: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return how likely it is a tooth, in [0, 1], and the light, relative to teeth, at places in an open mouth.

    Both are [ROWS, S], at the places `along` the mouth [S]. The photo is uint8 [H, W, 3], and `lips` [3] their colour,
    in grey levels.
    """
    s, v = np.meshgrid(along, (np.arange(ROWS) + 0.5) / ROWS)
    upper, lower = opening.lines(s)
    colours = sample(photo, *opening.positions(s, upper + v * (lower - upper))).clip(0, 255).astype(np.float64)
    inside = opening.pixels(photo, 0.5).astype(np.float64)
    if not len(inside):
        return np.zeros(s.shape), np.zeros(s.shape)
    teeth = brightness_of(inside)
    of_lips, of_teeth = redness(np.stack([lips, teeth]).astype(np.float64))
    red = redness(colours.reshape(-1, 3)).reshape(s.shape)
    light = colours.mean(axis=2) / teeth.mean()
    pale = ((of_lips - red) / max(of_lips - of_teeth, LEAST_REDDER)).clip(0, 1)
    return pale * ramp(light, *LIGHT), light


def down_to_teeth(photo: np.ndarray, opening: Opening, lips: np.ndarray) -> np.ndarray:
    """Return what of an open mouth lies above the lower edge of its upper teeth, in [0, 1]: float32 [ROWS, COLUMNS].

    Below is darkness, the tongue, lower teeth, or the edge of the lower lip. See `tooth_map`.
    """
    tooth, _ = tooth_map(photo, opening, lips, COLUMNS)
    tooth = gaussian_filter1d(tooth, SMOOTHED, axis=0)
    upper = tooth[: round(UPPER * ROWS)]
    most, first = upper.max(axis=0), upper.argmax(axis=0)
    likely = ramp(tooth / np.maximum(most, 1e-6), *LIKELY)
    likely[np.arange(ROWS)[:, None] < first] = 1
    above = ramp(most, *ANY) * np.minimum.accumulate(likely, axis=0)
    above = median_filter(above, (1, ACROSS), mode="nearest")
    return cv2.GaussianBlur(above.astype(np.float32), (0, 0), SOFT)

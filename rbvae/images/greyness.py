"""Black-and-white photos, whose edits have no colour either."""

from __future__ import annotations

import cv2
import numpy as np

COLOURLESS = (2, 12)  # grey levels between the channels of a black-and-white photo: the median, and almost the most


def is_grey(pixels: np.ndarray) -> bool:
    """Whether uint8 pixels [h, w, 3] have no colour, as in black-and-white photos."""
    coarse = np.ptp(pixels[::8, ::8].astype(np.int16), axis=2)
    usual, most = COLOURLESS
    if np.median(coarse) > usual or np.percentile(coarse, 95) > most:
        return False
    colourful = np.ptp(pixels[::2, ::2].astype(np.int16), axis=2)
    return bool(np.median(colourful) <= usual and np.percentile(colourful, 98) <= most)


def coloured_like(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return an edit `after` of pixels `before`, both uint8 [h, w, 3]: without colour if they have none."""
    if not before.size or not is_grey(before):
        return after
    return cv2.cvtColor(cv2.cvtColor(after, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)

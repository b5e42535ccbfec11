"""Monochrome photos, in black and white or toned as in sepia, whose edits have no other colours either."""

from __future__ import annotations

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])
COLOURLESS = (2, 12)  # grey levels between the channels of a black-and-white photo: the median, and almost the most
TONED = (2, 9)  # grey levels by which a toned photo differs from its tones: the median, and almost the most
LEAST_RANGE = 40  # grey levels between the luma of dark and light pixels from which tones can be told from a colour
GREY = np.array([[0.0, 1.0, 0.0]] * 3)  # the tones of a black-and-white photo


def tones_of(pixels: np.ndarray) -> np.ndarray | None:
    """Return the tones of uint8 pixels [h, w, 3] if they are monochrome, else None.

    They are coefficients [3, 3]: a channel is 255 (a + b y + c y^2), where y is the luma in 0..1.
    """
    tones = None
    for step in (8, 2):  # most photos are coloured, which a few pixels show
        some = pixels[::step, ::step].reshape(-1, 3).astype(np.float64)
        tones = GREY if _below(np.ptp(some, axis=1), COLOURLESS, 98) else _fitted(some)
        if tones is None:
            return None
    return tones


def toned(pixels: np.ndarray, tones: np.ndarray) -> np.ndarray:
    """Return uint8 pixels [..., 3] in the colours that `tones` [3, 3] give to their luma."""
    return np.rint(255 * _powers(pixels @ LUMA / 255) @ tones.T).clip(0, 255).astype(np.uint8)


def coloured_like(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return an edit `after` of pixels `before`, both uint8 [h, w, 3]: in their tones if they are monochrome."""
    tones = tones_of(before) if before.size else None
    if tones is None:
        return after
    changed = (after != before).any(axis=2)
    out = after.copy()
    out[changed] = toned(after[changed], tones)
    return out


def _fitted(colours: np.ndarray) -> np.ndarray | None:
    luma = colours @ LUMA
    if np.ptp(np.percentile(luma, (5, 95))) < LEAST_RANGE:
        return None
    powers = _powers(luma / 255)
    tones = np.linalg.lstsq(powers, colours / 255, rcond=None)[0]
    return tones.T if _below(np.abs(colours - 255 * powers @ tones).max(axis=1), TONED, 99) else None


def _powers(y: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(y), y, y * y], axis=-1)


def _below(differences: np.ndarray, limits: tuple[int, int], almost_all: int) -> bool:
    usual, most = limits
    return bool(np.median(differences) <= usual and np.percentile(differences, almost_all) <= most)

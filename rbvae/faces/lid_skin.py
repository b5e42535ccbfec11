"""The skin of an eye's lids without the eye and its lashes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import median_filter

from rbvae.faces.easing import ramp
from rbvae.faces.mesh import BROWS, LIDS
from rbvae.faces.openings import Opening, Places, pixel_grid

UNIT = 56  # pixels of the eye's width in the small picture in which skin is filled in
EDGE = 0.075  # of the eye's width: how far the eye's dark and wet edges reach beyond the lids' lines
LEAST_EDGE = 3.0  # pixels: the same where the blur of a sharp photo is larger
SPREAD, SOFTENED = 1.2, 0.7  # pixels per pixel of `beyond`: how much further they reach, and softness of lifting
ROOTS = 0.06  # of the eye's width: lashes hide the skin above the upper lid this far
HAIRS = 0.24  # of the eye's width: lashes are thinner than half of this
WET = 0.12  # of the eye's width: the edge of the lower lid, whose wet reflections a closed lid covers
SHINING = (1.08, 1.25)  # share of the skin's lightness at which a pixel there starts to count as a reflection, and does
LIFTED = (0.95, 0.85)  # share of the skin's lightness at which a pixel starts to count as a lash, and does
ISLANDS = 0.05  # of the eye's width: smaller remains between lashes are lifted, too
WISPS, WISPS_FROM = 0.02, 40  # of the eye's width: the fringe of lashes; pixels of an eye in which it is visible
LEAST_WISPS = 0.5  # pixels
BESIDE = 0.55  # of the eye's width: how far lashes reach beyond its outer corner; .2 beyond the inner one
SHADED = 0.85  # share of the skin's usual lightness below which a pixel near an eye is a lash or its shadow
FILLED = 16.0, 8.0, 4.0, 2.0, 1.0  # pixels: sizes over which skin is filled in
ROUNDS = 4  # of the fit of the skin's usual lightness, which leaves out darker pixels


@dataclass(frozen=True)
class EyeSide:
    """An eye with its lids, `opening`, whose outer corner is at s = 0 (`outer` 0) or s = 1 (`outer` 1), below a `brow`.

    That is points [K, 2] along the brow's lower edge.
    """

    opening: Opening
    outer: int
    brow: np.ndarray

    @classmethod
    def at(cls, points: np.ndarray, eye: int) -> EyeSide:
        """Create the left eye (0) or the right eye (1) of a picture with landmarks [468, 2 or more]."""
        return cls(Opening.of(points, LIDS[eye]), eye, np.asarray(points[BROWS[eye][5:], :2], np.float64))

    def outwards(self, s: np.ndarray) -> np.ndarray:
        """Return how far positions `s` along the eye lie beyond its outer corner, in widths of the eye."""
        return s - 1 if self.outer else -s

    def inwards(self, s: np.ndarray) -> np.ndarray:
        """Convert positions `s` along the eye to those from its outer corner (0) to the inner one (1), or back."""
        return 1 - s if self.outer else s

    def brow_line(self, s: np.ndarray) -> np.ndarray:
        """Return the distances of the brow's lower edge from the eye's axis, in pixels, at each `s`: negative above."""
        at, across = self.opening.coordinates(self.brow[:, 0], self.brow[:, 1])
        order = np.argsort(at)
        return np.interp(s, at[order], across[order])

    def moved(self, x: float, y: float) -> EyeSide:
        """Return the eye moved by `x` and `y` pixels."""
        return EyeSide(self.opening.moved(x, y), self.outer, self.brow + [x, y])

    def scaled(self, by: np.ndarray) -> EyeSide:
        """Return the eye in a picture resized by the factors `by` [2]."""
        return EyeSide(Opening(self.opening.upper * by, self.opening.lower * by), self.outer, self.brow * by)


def lightness(pixels: np.ndarray) -> np.ndarray:
    """Return the mean of red, green and blue of pixels [h, w, 3], float32 [h, w]."""
    return cv2.transform(np.float32(pixels), np.full((1, 3), 1 / 3))


def disc(radius: float) -> np.ndarray:
    """Return a round structuring element."""
    size = max(1, round(radius))
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1,) * 2)


def places_of(opening: Opening, shape: tuple[int, ...]) -> Places:
    """Describe the pixels of a patch of this shape by the opening."""
    return opening.at(*pixel_grid((0, 0, shape[1], shape[0])))


def beside(eye: EyeSide, s: np.ndarray) -> np.ndarray:
    """Return how far positions `s` are near enough to an eye for its lashes, in [0, 1]."""
    outwards = eye.outwards(s)
    return ramp(outwards, BESIDE, 0.8 * BESIDE) * ramp(outwards, -1.2, -1.03)


def low_lashes(eye: EyeSide, at: Places) -> np.ndarray:
    """Return how far below the lower lid lashes and shadows are looked for, in pixels: more at the outer corner."""
    return max(WET * eye.opening.width, LEAST_EDGE) * (1 + ramp(eye.outwards(at.s), -0.3, 0.0))


def beyond(blur: float) -> float:
    """Return what blurs a sharp photo, which has a blur of a pixel, as much as this `blur`, in pixels."""
    return math.sqrt(max(0.0, blur * blur - 1))


def eye_mask(eye: EyeSide, shape: tuple[int, ...], blur: float) -> np.ndarray:
    """Return how far pixels show the eye with its dark and wet edges, and not skin: float32 [h, w] in [0, 1]."""
    edge = max(EDGE * eye.opening.width, LEAST_EDGE) + SPREAD * beyond(blur)
    mask = eye.opening.mask((0, 0, shape[1], shape[0]), 0)
    inside = np.rint(255 * mask).astype(np.uint8)  # OpenCV dilates it faster
    return cv2.GaussianBlur(cv2.dilate(inside, disc(edge)) / np.float32(255), (0, 0), max(0.7, 0.4 * edge))


def lift_of(share: np.ndarray, eye: EyeSide, reach: float, blur: float) -> np.ndarray:
    """Return where a patch shows eye, lashes or wet edges instead of skin, float32 [h, w] in [0, 1].

    `share` [h, w] is each pixel's lightness as a share of the skin's; lashes lie up to `reach` pixels above the eye;
    `blur` is that of the patch, in pixels.
    """
    at, width = places_of(eye.opening, share.shape), eye.opening.width
    below = at.across - at.lower
    lashes = ramp(share, *LIFTED)
    wisps = max(WISPS * width * (width > WISPS_FROM), SPREAD * beyond(blur))
    if wisps > LEAST_WISPS:
        lashes = cv2.dilate(lashes, disc(wisps))
    lashes = lashes * ramp(at.upper - at.across, reach, 0.67 * reach) * ramp(below / low_lashes(eye, at), 1, 0.5)
    wet = ramp(share, *SHINING) * ramp(below, 2 * WET * width, WET * width) * (below >= 0)
    lifted = np.maximum(eye_mask(eye, share.shape, blur), np.maximum(lashes, wet) * beside(eye, at.s))
    closed = cv2.morphologyEx(np.float32(lifted), cv2.MORPH_CLOSE, disc(ISLANDS * width))
    softness = SOFTENED * beyond(blur)
    return cv2.GaussianBlur(closed, (0, 0), softness) if softness > 0 else closed


def bare_skin(patch: np.ndarray, eye: EyeSide, reach: float, blur: float = 0.0) -> np.ndarray:
    """Fill in the eye and its lashes in a patch uint8 [h, w, 3] from the skin around: float32 [h, w, 3].

    Lashes reach up to `reach` pixels above the eye. They are thin across the eye's axis, while folds lie along it: a
    median along the axis removes lashes and keeps folds. Roots and shadows of lashes are filled in like the eye. A
    patch without skin, as around an eye of a few pixels, stays as it is. `blur` is that of the patch, in pixels.
    """
    scale = min(1.0, UNIT / eye.opening.width)
    extent = max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale))
    small = cv2.resize(patch, extent, interpolation=cv2.INTER_AREA)
    side = eye.scaled(np.array(extent) / patch.shape[1::-1])
    at, width = places_of(side.opening, small.shape), side.opening.width
    above = at.upper - at.across
    hairs = ramp(above, reach * scale, 0.8 * reach * scale) * (at.across < at.lower) * beside(side, at.s)
    smooth = median_filter(small, footprint=along(side.opening, HAIRS * width)[..., None])
    plain = small + hairs[..., None] * (smooth.astype(np.float32) - small)
    roots = (above > -0.05 * width) & (above < ROOTS * width) & (beside(side, at.s) > 0)
    hole = (eye_mask(side, small.shape, blur * scale) > 0.1) | roots
    near = (hairs > 0) | (np.abs(at.across - at.lower) < low_lashes(side, at)) & (beside(side, at.s) > 0)
    light = lightness(plain)
    brow = above > reach * scale
    shaded = near & (light < SHADED * usual_lightness(light, at, ~(hole | brow)))
    known = ~(hole | shaded | brow & (light < SHADED * np.median(light)))
    if not known.any():
        return patch.astype(np.float32)
    filled = means_around(plain, np.float32(known), FILLED, plain[known].mean(axis=0))
    return cv2.resize(filled, patch.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def along(opening: Opening, length: float) -> np.ndarray:
    """Return a structuring element: a line of `length` pixels along the axis of an opening."""
    half = max(1, round(length / 2))
    line = np.zeros((2 * half + 1,) * 2, np.uint8)
    offset = np.rint(half * opening.axes()[0]).astype(int)
    cv2.line(line, (half - offset[0], half - offset[1]), (half + offset[0], half + offset[1]), 1)
    return line


def usual_lightness(light: np.ndarray, at: Places, known: np.ndarray) -> np.ndarray:
    """Fit the lightness of skin [h, w] by a quadratic function of the place, without pixels that are darker than it."""
    s, across = at.s - 0.5, at.across / max(float(np.abs(at.across).max()), 1.0)
    terms = np.stack([np.ones_like(s), s, across, s * s, s * across, across * across], axis=-1)
    fit = np.zeros_like(light)
    for _ in range(ROUNDS):
        use = known & (light > SHADED * fit)
        if use.sum() < 2 * terms.shape[-1]:
            break
        fit = terms @ np.linalg.lstsq(terms[use], light[use], rcond=None)[0]
    return fit


def means_around(values: np.ndarray, weight: np.ndarray, sizes: Sequence[float], start: np.ndarray) -> np.ndarray:
    """Return weighted means of `values` [h, w, C] over smaller and smaller sizes, each where it has weight [h, w].

    `sizes` are widths of Gaussians in pixels; without any weight nearby, `start` [C] remains.
    """
    filled = np.broadcast_to(np.float32(start), values.shape)
    for size in sizes:
        share = cv2.GaussianBlur(weight, (0, 0), size)[..., None]
        mean = cv2.GaussianBlur(np.float32(values * weight[..., None]), (0, 0), size).reshape(values.shape)
        filled = filled + np.clip(4 * share, 0, 1) * (mean / np.maximum(share, 1e-6) - filled)
    return np.float32(filled)

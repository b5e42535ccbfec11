"""The iris: its place by landmarks, refined by the edge of its disc."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.openings import Opening
from rbvae.faces.region import box_of

IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))  # centre and rim, left eye of the picture first
UNIT = 16  # pixels of the radius in the patch that is searched
SHIFTS = np.linspace(-0.25, 0.25, 9)  # of the radius
RADII = np.linspace(0.85, 1.2, 8)  # of the radius
ANGLES = np.radians([*range(-30, 61, 10), *range(120, 211, 10)])  # of the rim, without its ends at the lids

STIFF, COARSE = 40.0, 600.0  # penalty of a squared shift in radii, and its increase for small irises


@dataclass(frozen=True)
class Iris:
    """A disc in a photo: centre (`x`, `y`) and `radius`, in pixels."""

    x: float
    y: float
    radius: float


def find_iris(photo: np.ndarray, points: np.ndarray, eye: int, opening: Opening) -> Iris:
    """Find an iris near its landmarks: the disc with the largest mean rise of lightness across its rim.

    Daugman's integro-differential operator (1993) on the parts of the rim that the lids do not hide. `points` [478, 2
    or more] are in photo pixels; `eye` is 0 for the left eye of the picture and 1 for the right.
    """
    centre, *rim = (points[number, :2] for number in IRISES[eye])
    radius = max(1.0, float(np.linalg.norm(np.array(rim) - centre, axis=1).mean()))
    scale = UNIT / radius
    half = 2 * UNIT
    left, top, right, bottom = box_of(np.array([centre - 3 * radius, centre + 3 * radius]), *photo.shape[1::-1])
    around = photo[top:bottom, left:right]
    if scale <= 0.7:
        around = cv2.GaussianBlur(around, (0, 0), 0.5 / scale)
    x, y = centre - half / scale - 0.5 - [left, top]
    matrix = np.array([[1 / scale, 0, x], [0, 1 / scale, y]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(around, matrix, (2 * half + 1,) * 2, flags=how, borderMode=cv2.BORDER_REPLICATE)
    light = cv2.GaussianBlur(patch.max(axis=2).astype(np.float32), (0, 0), 1.0)
    dx, dy, r, angle = np.meshgrid(SHIFTS, SHIFTS, RADII, ANGLES, indexing="ij")

    def at(ring: float) -> tuple[np.ndarray, np.ndarray]:
        return dx + (r + ring) * np.cos(angle), dy + (r + ring) * np.sin(angle)

    def value(ring: float) -> np.ndarray:
        u, v = (np.float32(half + UNIT * part).reshape(-1, len(ANGLES)) for part in at(ring))
        return cv2.remap(light, u, v, cv2.INTER_LINEAR).reshape(dx.shape)

    u, v = at(0.0)
    s, across = opening.coordinates(centre[0] + radius * u, centre[1] + radius * v)
    upper, lower = opening.lines(s)
    inside = (across > upper + 0.15 * radius) & (across < lower) & (s > 0.02) & (s < 0.98)
    rise = np.clip(value(0.12) - value(-0.12), -10, 60) * inside
    away = dx[..., 0] ** 2 + dy[..., 0] ** 2 + (r[..., 0] - 1) ** 2
    score = rise.sum(axis=-1) / np.maximum(inside.sum(axis=-1), 5) - (STIFF + COARSE / radius) * away
    best = np.unravel_index(int(score.argmax()), score.shape)
    return Iris(
        float(centre[0] + radius * SHIFTS[best[0]]),
        float(centre[1] + radius * SHIFTS[best[1]]),
        radius * float(RADII[best[2]]),
    )

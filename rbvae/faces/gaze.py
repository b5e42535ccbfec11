"""Moves of the lids and the irises: closing, opening wider, and looking elsewhere."""

from __future__ import annotations

import numpy as np

from rbvae.faces.iris import IRISES
from rbvae.faces.mesh import LIDS, POINTS
from rbvae.faces.openings import Opening

# Rows of points above the upper and below the lower lids, each row of an eye from left to right.
ABOVE = (
    ([247, 30, 29, 27, 28, 56, 190], [113, 225, 224, 223, 222, 221, 189]),
    ([414, 286, 258, 257, 259, 260, 467], [413, 441, 442, 443, 444, 445, 342]),
)
BELOW = (
    ([25, 110, 24, 23, 22, 26, 112], [31, 228, 229, 230, 231, 232, 233]),
    ([341, 256, 252, 253, 254, 339, 255], [453, 452, 451, 450, 449, 448, 261]),
)
FOLLOW_ABOVE, FOLLOW_BELOW = (0.35, 0.1), (0.5, 0.15)  # of the lid's motion, by row
SHUT = 0.05  # openness below which an eye shows no eyeball
MIDDLE = np.linspace(0.2, 0.8, 13)  # positions along an eye at which it is measured
MEET = 0.95  # closed lids meet here, between the upper lid (0) and the lower lid (1)
WIDE = 0.3  # of the lids' distance: how far the upper lid rises when the eye opens as wide as it may
ASIDE, UP = 0.75, 0.5  # of the iris's radius: how far it moves at most, sideways and up or down
KEEP = 0.75  # of the iris's radius: least distance of its centre from the corners of the eye
LIDS_FOLLOW = (0.75, 0.35)  # of the iris's motion up or down, by the upper and the lower lid


def iris_radius(points: np.ndarray, eye: int) -> float:
    """Return an iris's radius by landmarks [478, 2 or more], in their unit."""
    centre, *rim = IRISES[eye]
    return float(np.linalg.norm(points[rim, :2] - points[centre, :2], axis=1).mean())


def openness(opening: Opening) -> float:
    """Return the mean distance between the lids across the eye, divided by its width; 0 for a closed eye."""
    upper, lower = opening.lines(MIDDLE)
    return float(np.maximum(lower - upper, 0).mean()) / max(opening.width, 1e-6)


def gaze_move(points: np.ndarray, eye: int, right: float, up: float) -> np.ndarray:
    """Return the displacement [2] of an iris, in pixels, for a gaze in -1..1 to the right and up, in the picture.

    It is limited so that the iris keeps its distance from the corners of the eye; a closed eye does not move.
    """
    opening, radius = Opening.of(points, LIDS[eye]), iris_radius(points, eye)
    if openness(opening) < SHUT:
        return np.zeros(2)
    along, across = opening.axes()
    place = float((points[IRISES[eye][0], :2] - opening.upper[0]) @ along)
    low, high = KEEP * radius, max(KEEP * radius, opening.width - KEEP * radius)
    aside = right * ASIDE * radius
    aside = min(max(aside, min(0.0, low - place)), max(0.0, high - place))
    return aside * along - up * UP * radius * across


def lid_moves(points: np.ndarray, eye: int, closed: float, gaze: np.ndarray) -> np.ndarray:
    """Return displacements [468, 3] that close an eye's lids and let them follow the gaze, in photo pixels.

    `closed` is 1 for a closed eye, 0 for none of it, and -1 to open it wider; `gaze` [2] is the iris's displacement.
    """
    opening = Opening.of(points, LIDS[eye])
    if openness(opening) < SHUT and closed <= 0:
        return np.zeros((POINTS, 3))
    _, normal = opening.axes()
    down = float(gaze @ normal)
    upper, lower = LIDS[eye]
    moves = np.zeros((POINTS, 3))
    s, _ = opening.coordinates(points[:POINTS, 0], points[:POINTS, 1])
    above, below = opening.lines(s)
    height = np.maximum(below - above, 0)
    shape = np.clip(height / max(height[upper].max(), 1e-6), 0, 1)  # 0 at the corners, 1 in the middle
    by_upper = LIDS_FOLLOW[0] * down * shape
    by_lower = LIDS_FOLLOW[1] * down * shape
    if closed >= 0:  # of what the gaze leaves open
        open_height = height + by_lower - by_upper
        by_upper, by_lower = by_upper + closed * MEET * open_height, by_lower - closed * (1 - MEET) * open_height
    else:
        by_upper += closed * WIDE * height
    for rows, shares, by in (
        ((upper, *ABOVE[eye]), (1, *FOLLOW_ABOVE), by_upper),
        ((lower, *BELOW[eye]), (1, *FOLLOW_BELOW), by_lower),
    ):
        for row, share in zip(rows, shares, strict=True):
            moves[row, :2] += share * by[row, None] * normal
    return moves

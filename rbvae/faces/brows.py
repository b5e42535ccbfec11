"""Brows rise as far as there is skin below them."""

from __future__ import annotations

import numpy as np

from rbvae.faces.mesh import LIDS

LOWER_EDGES = [53, 52, 65, 283, 282, 295]  # points of the brows' lower edges, above the middle of the eyes
UPPER_LIDS = [point for upper, _ in LIDS for point in upper[3:6]]  # below them
# Predicted and drawn rise of the brows above the lids, in their distance at rest. Predicted moves are those of a mean
# face, and would stretch low brows, and the hair that hangs over the lids, to twice their height.
RISE = (0.3, 1.4), (0.3, 0.45)


def natural_brows(points: np.ndarray, moves: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the moves [468, 3] of landmarks [468 or more, 3] with brows that rise as far as real ones, see RISE.

    `weights` [468] say how far points move with the brows.
    """
    distance, rise, share = (
        values[LOWER_EDGES].mean(axis=0) - values[UPPER_LIDS].mean(axis=0)
        for values in (points[:, :2], moves[:, :2], weights)
    )
    predicted = float(rise @ distance) / max(float(distance @ distance), 1e-6)
    if predicted <= RISE[0][0]:
        return moves
    moves = moves.copy()
    moves[:, :2] += (np.interp(predicted, *RISE) - predicted) / share * weights[:, None] * distance
    return moves

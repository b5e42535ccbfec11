"""Skin between the lower lip and the chin, which a jaw that drops compresses evenly."""

from __future__ import annotations

import numpy as np

from rbvae.faces.easing import ramp

# Points from left to right: the lower edge of the lower lip, those next to it, and those further down.
LIP = [91, 181, 84, 17, 314, 405, 321]
BELOW = [106, 182, 83, 18, 313, 406, 335]
CHIN = [204, 194, 201, 200, 421, 418, 424]
# Distances between lip and skin, of those before, between which skin is compressed evenly. Predicted moves press the
# shadow below a lip into a thin line.
COMPRESSED = 0.75, 0.5


def natural_chin(points: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return the moves [468, 3] of landmarks [468 or more, 3] with skin below the lower lip that is not pressed thin.

    Where it would be, it moves in between lip and chin, in proportion to its distance from them.
    """
    lip, below, chin = (points[row, :2] for row in (LIP, BELOW, CHIN))
    to_lip, to_chin = (np.maximum(np.linalg.norm(below - other, axis=1), 1e-6) for other in (lip, chin))
    kept = np.linalg.norm(below - lip + (moves[BELOW] - moves[LIP])[:, :2], axis=1) / to_lip
    even = moves[CHIN] + (to_chin / (to_lip + to_chin))[:, None] * (moves[LIP] - moves[CHIN])
    moves = moves.copy()
    moves[BELOW] += ramp(kept, *COMPRESSED)[:, None] * (even - moves[BELOW])
    return moves

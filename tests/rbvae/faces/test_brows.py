"""Brows rise as far as there is skin below them."""

import numpy as np
import pytest

from rbvae.editing.parts import part_weights
from rbvae.faces.brows import LOWER_EDGES, RISE, UPPER_LIDS, natural_brows
from rbvae.faces.mesh import INNER_LIPS, POINTS
from rbvae.faces.texture import canonical_frame
from tests.mouths import smiling

WEIGHTS = part_weights(("brows",), canonical_frame(96))[0]


def rise(moves: np.ndarray) -> float:
    """How far the brows rise above the lids, in their distance."""
    distance, by = (values[UPPER_LIDS, 1].mean() - values[LOWER_EDGES, 1].mean() for values in (smiling(), moves))
    return float(by / distance)


def raised(by: float) -> np.ndarray:
    """Moves [468, 3] that raise brows and forehead by `by` distances, of a face that moves to the right."""
    moves = np.zeros((POINTS, 3))
    moves[:, 1] = -WEIGHTS
    moves *= by / rise(moves)
    moves[:, 0] += 3
    return moves


@pytest.mark.parametrize("by", [-0.5, 0.0, 0.25])
def test_brows_that_rise_a_little_or_are_lowered_move_as_predicted(by):
    moves = raised(by) if by else np.zeros((POINTS, 3))
    np.testing.assert_array_equal(natural_brows(smiling(), moves, WEIGHTS), moves)


def test_brows_rise_by_less_than_half_of_their_distance_and_by_degrees():
    rises = [rise(natural_brows(smiling(), raised(by), WEIGHTS)) for by in np.linspace(0.01, 2, 60)]
    assert (np.diff(rises) > -1e-9).all() and np.diff(rises).max() < 0.04
    assert rises[-1] == pytest.approx(RISE[1][1], abs=0.05)


def test_the_mouth_stays_where_it_is():
    moves = natural_brows(smiling(), raised(1.0), WEIGHTS)
    lips = [point for line in INNER_LIPS for point in line]
    np.testing.assert_allclose(moves[lips], raised(1.0)[lips], atol=1e-3)

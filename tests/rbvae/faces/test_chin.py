"""Skin below the lower lip is not pressed thin where the jaw drops."""

import numpy as np
import pytest

from rbvae.faces.chin import BELOW, CHIN, LIP, natural_chin
from rbvae.faces.mesh import POINTS
from tests.mouths import at_rest


def dropped(lip: float, below: float, chin: float) -> np.ndarray:
    """Moves [468, 3] down, of the lower edge of the lip, the points next to it, and those further down."""
    moves = np.zeros((POINTS, 3))
    for row, by in ((LIP, lip), (BELOW, below), (CHIN, chin)):
        moves[row, 1] = by
    return moves


def heights(moves: np.ndarray) -> np.ndarray:
    """How much is left of the distances from lip to skin, and from there to the chin, in the middle of the face."""
    columns = np.array([LIP, BELOW, CHIN])[:, 2:5]
    before, after = (
        np.diff(points[columns, 1], axis=0).mean(axis=1) for points in (at_rest(), at_rest()[:POINTS] + moves)
    )
    return after / before


@pytest.mark.parametrize("moves", [(0, 0, 0), (12, 12, 12), (-10, 0, 0), (4, 4, 0)])
def test_skin_that_is_not_pressed_moves_as_predicted(moves):
    np.testing.assert_array_equal(natural_chin(at_rest(), dropped(*moves)), dropped(*moves))


@pytest.mark.parametrize("chin", [0, 30])
def test_a_lip_that_comes_down_presses_all_the_skin_below_it_alike(chin):
    space = float(np.diff(at_rest()[[LIP[3], BELOW[3]], 1])[0])
    moves = dropped(chin + 0.9 * space, chin, chin)
    assert heights(moves)[0] < 0.2 and heights(moves)[1] > 0.95
    lip_to_skin, skin_to_chin = heights(natural_chin(at_rest(), moves))
    assert lip_to_skin == pytest.approx(skin_to_chin, abs=0.05)


def test_it_begins_by_degrees():
    space = float(np.diff(at_rest()[[LIP[3], BELOW[3]], 1])[0])
    kept = [heights(natural_chin(at_rest(), dropped(by * space, 0, 0)))[0] for by in np.linspace(0, 0.9, 91)]
    assert np.abs(np.diff(kept)).max() < 0.03

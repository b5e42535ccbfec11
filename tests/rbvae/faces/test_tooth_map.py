"""Where an open mouth of a photo shows teeth, and what lies below them."""

import numpy as np
import pytest

from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening
from rbvae.faces.tooth_map import COLUMNS, ROWS, down_to_teeth, tooth_map
from tests.mouths import DARK, LIP, TOOTH, coloured, edited, opened, sharp, toothy

RED = (150, 60, 55)  # of the inner side of a lip


def reach(*parts) -> np.ndarray:
    photo, points = coloured(0.2, *parts)
    return down_to_teeth(photo, Opening.of(points, INNER_LIPS), np.array(LIP, float))


def test_teeth_are_pale_and_light():
    photo, points = coloured(0.2, (0.0, TOOTH), (0.4, DARK), (0.7, RED))
    tooth, _ = tooth_map(photo, Opening.of(points, INNER_LIPS), np.array(LIP, float), COLUMNS[10:-10])
    rows = (np.arange(ROWS) + 0.5) / ROWS
    assert tooth[(rows > 0.1) & (rows < 0.3)].min() > 0.9 and tooth[(rows > 0.5) & (rows < 0.95)].max() < 0.1


@pytest.mark.parametrize("below", [DARK, RED])
@pytest.mark.parametrize("edge", [0.5, 0.75])
def test_it_ends_at_the_edge_of_the_teeth(edge, below):
    column = reach((0.0, TOOTH), (edge, below))[:, 20:28].mean(axis=1)
    assert np.interp(0.5, column[::-1], (np.arange(ROWS)[::-1] + 0.5) / ROWS) == pytest.approx(edge, abs=0.05)


def test_the_shade_above_teeth_belongs_to_them_and_lower_teeth_do_not():
    shaded = reach((0.0, DARK), (0.2, TOOTH), (0.6, DARK), (0.68, TOOTH), (0.85, RED))
    assert shaded[: int(0.52 * ROWS), 20:28].min() > 0.9 and shaded[int(0.7 * ROWS) :, 20:28].max() < 0.1


def test_a_speck_of_light_below_the_teeth_is_none():
    photo, points = coloured(0.2, (0.0, TOOTH), (0.5, RED))
    lips = Opening.of(points, INNER_LIPS)
    x, y = (int(value) for value in (lips.upper[5] + 0.6 * (lips.lower[5] - lips.upper[5])))
    photo[y - 8 : y + 20, x : x + 4] = TOOTH
    assert down_to_teeth(photo, lips, np.array(LIP, float))[int(0.65 * ROWS) :, 5:-5].max() < 0.1


def test_the_edge_of_the_lower_lip_does_not_hang_from_teeth_where_the_jaw_drops():
    photo, points = coloured(0.2, (0.0, TOOTH), (0.7, RED))
    after = opened(0.5)
    out = edited(sharp(photo, points), after).astype(float)
    lips = Opening.of(after, INNER_LIPS)
    x, top, bottom = int(lips.upper[:, 0].mean()), *(int(line[5, 1]) for line in (lips.upper, lips.lower))
    column = out[top:bottom, x - 3 : x + 4].mean(axis=1)
    edge = np.flatnonzero(np.diff(toothy(column).astype(int)) < 0)[0]
    assert column[edge + 3 : edge + 9, 0].max() < 100  # dark, not red


def test_a_smile_that_bares_more_of_the_teeth_has_no_dark_arc_below_them():
    photo, points = coloured(0.16, (0.0, TOOTH), (0.8, RED))
    view, after = sharp(photo, points), opened(0.17, 1.15)
    lips = Opening.of(after, INNER_LIPS)
    x, bottom = int(lips.upper[:, 0].mean()), int(lips.lower[5, 1])
    assert edited(view, after)[bottom - 12 : bottom - 3, x - 3 : x + 4, 0].min() > 100

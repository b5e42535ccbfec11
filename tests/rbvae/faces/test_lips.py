"""Lips that close, meet, cross or part, and the line between them."""

import cv2
import numpy as np
import pytest
from skimage import data

from rbvae.faces.lips import INSET, inset_lips, is_above, parting, shut
from rbvae.faces.mesh import INNER_LIPS, OUTER_LIPS, POINTS
from rbvae.faces.mouth import draw_mouth
from rbvae.faces.openings import Opening
from rbvae.faces.view import FaceView
from tests.mouths import LIP, TOOTH, WHOLE, at_rest, between, edited, opened, painted, plain, sharp, smiling


@pytest.mark.parametrize("size", [1, 3])
def test_closing_lips_leave_no_tooth_between_them(size):
    """Nothing between the lips has the colour of a tooth, and hardly anything at the corners is a mixture."""
    points = smiling() * size
    photo = cv2.resize(data.astronaut(), None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
    view, side = FaceView(painted(photo, points, TOOTH), points), 512 * size
    half = (LIP[1] + TOOTH[1]) / 2
    before = (view.photo[between(points, OUTER_LIPS, side)][:, 1] > half).mean()
    after = shut(points[:POINTS])
    lips = edited(view, after)[between(after, OUTER_LIPS, side)]
    assert before > 0.2
    assert lips[:, 1].max() < LIP[1] + 0.75 * (TOOTH[1] - LIP[1])
    assert (lips[:, 1] > half).mean() < 0.02 / size


def test_closed_lips_meet_in_a_dark_line():
    photo = painted(plain(), opened(0.15), TOOTH)
    out = photo.copy()
    draw_mouth(out, WHOLE, sharp(photo, opened(0.15)), at_rest(), None)
    lips = Opening.of(at_rest(), INNER_LIPS)
    x, y = ((lips.upper[5] + lips.lower[5]) / 2).astype(int)
    column = out[y - 12 : y + 13, x].mean(axis=1)
    red, *others = out[y - 12 + int(column.argmin()), x] / out[y - 8, x]
    assert red > 1.1 * max(others)  # it is redder than the lips, as in photos
    assert column[10:15].min() < photo[y - 12 : y + 13, x].mean(axis=1)[10:15].min() - 20


def test_shut_closes_the_lips_along_their_line_and_keeps_their_thickness():
    points, closed = smiling()[:POINTS], shut(smiling()[:POINTS])
    before, after = Opening.of(points, INNER_LIPS), Opening.of(closed, INNER_LIPS)
    assert before.gap > 0.15
    upper, lower = after.lines(np.linspace(0, 1, 50))
    assert np.abs(lower - upper).max() < 0.01 * after.width
    for of in (0, 1):
        thick = [np.linalg.norm(p[OUTER_LIPS[of], :2] - p[INNER_LIPS[of], :2], axis=1)[3:8] for p in (points, closed)]
        np.testing.assert_allclose(thick[1], thick[0], rtol=0.15)
    np.testing.assert_array_equal(closed[[33, 263, 1, 10]], points[[33, 263, 1, 10]])  # eyes, nose and forehead
    np.testing.assert_allclose(shut(closed), closed, atol=0.5)


def crossed(by: float) -> np.ndarray:
    """The face at rest with the middle of each lip moved across the line between them, by so many mouth widths."""
    points, rest = at_rest().copy(), at_rest()
    lips = Opening.of(rest, INNER_LIPS)
    s, across = lips.coordinates(rest[:, 0], rest[:, 1])
    share = np.sin(np.pi * s.clip(0, 1)) * (np.abs(across) < 0.4 * lips.width)
    points[:, :2] += (by * lips.width * share * np.where(is_above(rest), 1, -1))[:, None] * lips.axes()[1]
    return points


def test_lips_that_have_crossed_are_moved_apart_until_they_meet():
    rest, after = at_rest(), crossed(0.08)
    assert Opening.of(after, INNER_LIPS).gap < -0.1 and parting(rest, after) == 1
    met = shut(after, rest)
    assert abs(Opening.of(met, INNER_LIPS).gap) < 0.01
    middle = [row[len(row) // 2] for row in (OUTER_LIPS[0], INNER_LIPS[0], INNER_LIPS[1], OUTER_LIPS[1])]
    upper, lower = np.diff(met[middle, 1])[[0, 2]], np.diff(rest[middle, 1])[[0, 2]]
    np.testing.assert_allclose(upper, lower, rtol=0.1)  # as thick as before


def test_lips_that_open_are_drawn_without_the_edge_that_showed_teeth():
    before, after = opened(0.15), opened(0.3)
    np.testing.assert_array_equal(inset_lips(before, before), before)
    inset = inset_lips(before, after)
    for inner, outer in zip(INNER_LIPS, OUTER_LIPS, strict=True):
        lip = before[outer[1:-1]] - before[inner[1:-1]]
        np.testing.assert_allclose(inset[inner[1:-1]] - before[inner[1:-1]], INSET * lip)

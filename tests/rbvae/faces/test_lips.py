"""Lips that close, meet, cross or part, and the line between them."""

import cv2
import numpy as np
import pytest
from skimage import data

from rbvae.faces.lips import (
    CORNERS_SINK,
    INSET,
    LIP_THICKENS,
    inset_lips,
    is_above,
    lip_edges,
    lower_rim,
    parting,
    relaxed,
    shadow_between,
    shut,
)
from rbvae.faces.mesh import INNER_LIPS, LIP_ROWS, OUTER_LIPS, POINTS
from rbvae.faces.mouth import draw_mouth
from rbvae.faces.openings import Opening, pixel_grid
from rbvae.faces.view import FaceView
from tests.mouths import LIP, SIDE, TOOTH, WHOLE, at_rest, between, edited, opened, painted, plain, sharp, smiling


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


def test_corners_of_relaxing_lips_sink_and_the_upper_lip_becomes_thicker():
    before, closed = smiling()[:POINTS], at_rest()[:POINTS]
    after = relaxed(closed, before)
    lips = Opening.of(closed, OUTER_LIPS)
    _, down = lips.axes()
    sunk = (after - closed)[:, :2] @ down / lips.width
    np.testing.assert_allclose(sunk[[61, 291]], CORNERS_SINK, rtol=0.01)
    assert sunk[13] < -0.4 * CORNERS_SINK and abs(sunk[13] - sunk[14]) < 0.1 * CORNERS_SINK  # the lips stay closed
    assert sunk[13] - sunk[0] == pytest.approx(LIP_THICKENS, rel=0.05) and abs(sunk[17]) < 0.1 * CORNERS_SINK
    np.testing.assert_array_equal(after[[33, 263, 1, 10]], closed[[33, 263, 1, 10]])  # eyes, nose and forehead


def test_lips_that_have_not_moved_are_at_rest_already():
    np.testing.assert_array_equal(relaxed(at_rest()[:POINTS], at_rest()[:POINTS]), at_rest()[:POINTS])


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


@pytest.mark.parametrize(
    "before, after, shown", [(0.2, 0.07, 0.11), (0.09, 0.07, 0.09), (0.2, 0.15, 0.15), (0.2, 0.02, 0)]
)
def test_an_open_mouth_that_closes_stays_open_by_more_than_a_slit_until_it_shuts(before, after, shown):
    closing = parting(opened(before), opened(after))
    gap = Opening.of(opened(after), INNER_LIPS).gap
    assert (1 - closing) * gap == pytest.approx(shown, abs=0.01)


def test_lips_that_are_closed_in_the_photo_come_no_closer():
    """The line between them, with its own shadow, moves as a whole: it is neither squeezed nor torn."""
    before = opened(0.01)
    after = before.copy()
    after[:, 1] += np.where(is_above(before), -4.0, 4.0) * (np.abs(after[:, 0] - SIDE / 2) < 100)
    closed = shut(after, before)
    apart = [points[INNER_LIPS[1][3:8], 1] - points[INNER_LIPS[0][3:8], 1] for points in (before, closed)]
    np.testing.assert_allclose(apart[1], apart[0], atol=0.3)
    assert (after[INNER_LIPS[1][3:8], 1] - after[INNER_LIPS[0][3:8], 1] > apart[0] + 7).all()


NO_TEETH = np.zeros((2, 9))


@pytest.mark.parametrize("edge", [0.0, 0.4])
def test_lips_that_open_are_drawn_without_the_edge_that_shows_teeth_and_all_their_rows_keep_their_order(edge):
    before, after = opened(0.15), opened(0.3)
    np.testing.assert_array_equal(inset_lips(before, before, NO_TEETH), before)
    inset = inset_lips(before, after, NO_TEETH + edge)
    for inner, outer, rows in zip(INNER_LIPS, OUTER_LIPS, LIP_ROWS, strict=True):
        lip = before[outer[1:-1]] - before[inner[1:-1]]
        np.testing.assert_allclose(inset[inner[1:-1]] - before[inner[1:-1]], max(edge, INSET) * lip)
        ahead = [((inset[row[1:-1]] - inset[inner[1:-1]]) * lip).sum(axis=1) for row in (*rows, outer)]
        assert (ahead[0] > 0).all() and (ahead[1] > ahead[0]).all() and (ahead[2] > ahead[1]).all()
        np.testing.assert_array_equal(inset[outer], before[outer])


def test_where_lips_begin_is_seen_in_the_photo():
    """Teeth reach over the landmarks of the upper lip by 30% of its thickness, and not over those of the lower one."""
    photo, points = np.full((4 * SIDE, 4 * SIDE, 3), LIP, np.uint8), 4 * opened(0.2)
    over, inner = points.copy(), INNER_LIPS[0][1:-1]
    over[inner] += 0.3 * (points[OUTER_LIPS[0][1:-1]] - points[inner])
    upper, lower = lip_edges(painted(photo, over, TOOTH), points)
    assert (upper[2:-2] > 0.3).all() and (upper[2:-2] < 0.5).all()
    assert (lower[2:-2] < 0.2).all()
    assert not FaceView(plain(), at_rest()).lip_edges.any()


def test_the_shadow_between_lips_is_fainter_where_a_photo_is_blurred():
    """Closed lips of LFW and UTKFace are darker by .36 in the line between them, those of large photos by .56."""
    shadows = [shadow_between(plain(), at_rest(), sharpness) for sharpness in (10.0, 80.0)]
    blurred, in_focus = (float(np.log(np.array(LIP) / shadow).mean()) for shadow in shadows)
    assert 0.3 < blurred < 0.4 and 0.45 < in_focus < 0.6


def test_lips_that_close_in_a_large_photo_meet_in_a_smooth_line():
    """Each column's lowest pixel of the upper lip, green here, lies next to that of the next column."""
    points = smiling() * 4
    view = sharp(painted(np.full((2048, 2048, 3), LIP, np.uint8), points, TOOTH), points)
    upper = [p for line in (INNER_LIPS[0], OUTER_LIPS[0]) for p in line]
    outline = np.concatenate([points[OUTER_LIPS[0], :2], points[INNER_LIPS[0], :2][::-1]])
    cv2.fillPoly(view.photo, [np.rint(outline).astype(np.int32)], (40, 160, 40))
    after = shut(points[:POINTS])
    out = edited(view, after)
    left, right = np.rint(after[[INNER_LIPS[0][3], INNER_LIPS[0][-4]], 0]).astype(int)
    top, bottom = int(after[upper, 1].min()), int(after[:, 1].max())
    green = np.int32(out[top:bottom, left:right, 1]) > np.int32(out[top:bottom, left:right, 0]) + 20
    edge = np.array([np.flatnonzero(column).max() for column in green.T])
    assert np.abs(np.diff(edge)).max() <= 1


def test_the_inner_side_of_the_lower_lip_shows_in_the_middle_and_not_along_the_corners():
    lips = Opening.of(opened(0.3), INNER_LIPS)
    rim = lower_rim(lips, WHOLE)
    s, across = lips.coordinates(*pixel_grid(WHOLE))
    at_lip = np.abs(across - lips.lines(s)[1]) < 2
    assert rim[at_lip & (np.abs(s - 0.5) < 0.1)].min() > 0.5
    assert rim[at_lip & (np.abs(s - 0.5) > 0.42)].max() < 0.01

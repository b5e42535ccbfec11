"""A head turns by the angle asked for, takes hair and neck along, and leaves the background where it is."""

import numpy as np
import pytest
from skimage import data as pictures

from rbvae.faces.deforming import edge_triangles
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import OVAL, POINTS, face_mesh
from rbvae.faces.pose import fit_pose
from rbvae.faces.turning import DEPTH, REACH, Turn, draw_turned, turn_warnings, unfolded
from rbvae.faces.warping import signed_areas

PHOTO = pictures.astronaut()


@pytest.fixture(scope="module")
def landmarker():
    with FaceLandmarker() as one:
        yield one


@pytest.fixture(scope="module")
def points(landmarker) -> np.ndarray:
    return landmarker.detect(PHOTO)[0].points[:POINTS].astype(np.float64)


def pose_of(points: np.ndarray):
    return fit_pose(np.asarray(points[:POINTS], np.float64), face_mesh().mean)


def turned(points: np.ndarray, *degrees: float) -> np.ndarray:
    (left, top, right, bottom), pixels = draw_turned(PHOTO, points, Turn.of(points, pose_of(points), *degrees))
    photo = PHOTO.copy()
    photo[top:bottom, left:right] = pixels
    return photo


@pytest.mark.parametrize("degrees", [(8, 0, 0), (-8, 0, 0), (0, 8, 0), (0, -8, 0), (0, 0, 8)])
def test_a_turn_is_found_again_by_the_landmarker(landmarker, points, degrees):
    before, after = landmarker.detect(PHOTO)[0], landmarker.detect(turned(points, *degrees))[0]
    yaw = pose_of(after.points).yaw - pose_of(before.points).yaw
    up = pose_of(before.points).pitch - pose_of(after.points).pitch
    tilt = before.roll - after.roll
    np.testing.assert_allclose([yaw, up, tilt], degrees, atol=3)


def test_a_turn_of_landmarks_is_exact(points):
    pose = pose_of(points)
    right, up = (pose_of(Turn.of(points, pose, *way).apply(points)) for way in ((8, 0, 0), (0, 8, 0)))
    assert right.yaw - pose.yaw == pytest.approx(8 * DEPTH, abs=0.2) and right.pitch == pytest.approx(
        pose.pitch, abs=0.2
    )
    assert up.pitch - pose.pitch == pytest.approx(-8 * DEPTH, abs=0.2)


def test_the_background_is_still_bit_for_bit(points):
    edited = turned(points, 8, 0, 6)
    oval = points[OVAL, :2]
    middle = oval.mean(axis=0)
    y, x = np.indices(PHOTO.shape[:2])
    low, high = middle + REACH[1] * (oval.min(axis=0) - middle), middle + REACH[1] * (oval.max(axis=0) - middle)
    outside = (x < low[0] - 2) | (x > high[0] + 2) | (y < low[1] - 2) | (y > high[1] + 2)
    changed = (edited != PHOTO).any(axis=2)
    assert outside.sum() > 10_000 and not changed[outside].any() and changed.mean() > 0.05


def test_a_turn_of_almost_nothing_changes_almost_nothing(points):
    assert np.abs(turned(points, 0.01, 0.01, 0.01).astype(int) - PHOTO).max() <= 3


@pytest.mark.parametrize("degrees", [(12, 0, 0), (-12, 0, 0), (8, -8, 8)])
def test_the_outline_of_the_face_folds_much_less_than_turned_points_would(points, degrees):
    triangles = edge_triangles()
    before, after = signed_areas(points, triangles), Turn.of(points, pose_of(points), *degrees).apply(points)

    def folded(area: np.ndarray) -> float:
        return float(np.maximum(-np.sign(before) * area, 0).sum())

    assert folded(signed_areas(unfolded(points, after), triangles)) < 0.55 * folded(signed_areas(after, triangles))


def test_turning_far_and_cut_heads_are_warned_of(points):
    pose = pose_of(points)
    assert turn_warnings(points, pose, Turn.of(points, pose, 5, 0, 0), PHOTO) == ()
    (far,) = turn_warnings(points, pose, Turn.of(points, pose, -60, 0, 0), PHOTO)
    assert "turned by" in far
    aside = points - [points[OVAL, 0].min() - 5, 0, 0]
    (cut,) = turn_warnings(aside, pose, Turn.of(aside, pose, 5, 0, 0), PHOTO)
    assert "cuts the head" in cut

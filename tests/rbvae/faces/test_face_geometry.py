"""Claims about rbvae/faces: the pose of a head, the mesh over it and the texture under it, on skimage's astronaut."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.interpolate import griddata
from skimage import data

from rbvae.faces.landmarks import Face, FaceLandmarker
from rbvae.faces.mesh import BROWS, INNER_LIPS, LIDS, OUTER_LIPS, POINTS, face_mesh, mirrored
from rbvae.faces.pose import RIGID, fit_pose
from rbvae.faces.texture import CanonicalFrame, canonical_frame, rasterise

SIZE = 64


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:256, 96:352])


@pytest.fixture(scope="module")
def seen(astronaut: np.ndarray) -> tuple[Face, Face]:
    """The face, and that of the mirrored photo."""
    with FaceLandmarker() as landmarker:
        return landmarker.glance(astronaut)[0], landmarker.glance(np.ascontiguousarray(astronaut[:, ::-1]))[0]


@pytest.fixture(scope="module")
def points(seen: tuple[Face, Face]) -> np.ndarray:
    return seen[0].points[:POINTS]


@pytest.fixture(scope="module")
def frame() -> CanonicalFrame:
    return canonical_frame(SIZE)


def turned(degrees: float, axis: int) -> np.ndarray:
    """A rotation [3, 3] about one axis."""
    vector = np.zeros(3)
    vector[axis] = np.radians(degrees)
    return cv2.Rodrigues(vector)[0]


def flipped(points: np.ndarray, width: int) -> np.ndarray:
    """The landmarks of a photo's mirror image."""
    return (points[face_mesh().mirror] * [-1, 1, 1] + [width, 0, 0]).astype(np.float32)


# pose


def test_a_face_comes_back_from_the_head_frame_to_where_it_was(points):
    pose = fit_pose(points, face_mesh().mean)
    np.testing.assert_allclose(pose.to_photo(pose.to_head(points)), points, atol=1e-6)
    np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose.rotation) == pytest.approx(1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_shape_does_not_change_when_a_head_moves_turns_or_comes_nearer(points, axis: int):
    mean = face_mesh().mean
    moved = 1.7 * points.astype(np.float64) @ turned(25, axis) + [40.0, -12.0, 5.0]
    np.testing.assert_allclose(fit_pose(moved, mean).to_head(moved), fit_pose(points, mean).to_head(points), atol=1e-9)


def test_the_rigid_points_fit_the_mean_face_better_than_the_moving_ones(points):
    mean = face_mesh().mean
    apart = np.linalg.norm(fit_pose(points, mean).to_head(points) - mean, axis=1)
    assert apart[RIGID].mean() < 0.8 * apart[[*INNER_LIPS[0], *INNER_LIPS[1]]].mean()


def test_yaw_and_pitch_agree_with_the_landmarker_s_own_in_the_photo_and_in_its_mirror(seen):
    for face in seen:
        pose = fit_pose(face.points, face_mesh().mean)
        assert pose.yaw == pytest.approx(face.yaw, abs=1.5) and pose.pitch == pytest.approx(face.pitch, abs=3)


@pytest.mark.parametrize("yaw", [-20.0, 20.0])
def test_a_head_that_is_turned_in_the_photo_has_the_yaw_that_the_landmarker_sees(astronaut, points, yaw: float):
    """The photo is bent to where the turned landmarks lie, and its border stays."""
    middle = points.mean(axis=0)
    there = (points - middle) @ turned(yaw, 1) + middle
    border = np.array([[x, y] for x in range(0, 257, 64) for y in range(0, 257, 64) if {x, y} & {0, 256}])
    known = np.vstack([there[:, :2], border])
    moves = np.vstack([(points - there)[:, :2], np.zeros((len(border), 2))])
    x, y = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    move = griddata(known, moves, (x, y), method="linear", fill_value=0.0)
    source = (np.stack([x, y], axis=-1) + move - 0.5).astype(np.float32)
    with FaceLandmarker() as landmarker:
        face = landmarker.glance(cv2.remap(astronaut, source, None, cv2.INTER_LINEAR))[0]
    pose = fit_pose(face.points, face_mesh().mean)
    assert abs(pose.yaw) > 8 and pose.yaw * yaw > 0
    assert pose.yaw == pytest.approx(face.yaw, abs=5)


@pytest.mark.parametrize("yaw", [-30.0, 12.0])
def test_a_mean_face_turned_to_the_right_of_the_picture_has_that_yaw(yaw: float):
    mean = face_mesh().mean
    pose = fit_pose(mean @ turned(yaw, 1), mean)
    assert pose.yaw == pytest.approx(yaw) and pose.pitch == pytest.approx(0, abs=1e-9)
    nose = pose.to_photo(mean)[1] - pose.to_photo(mean)[[127, 356]].mean(axis=0)
    assert nose[0] * yaw > 0


def test_coinciding_points_have_no_pose():
    with pytest.raises(ValueError, match="no pose"):
        fit_pose(np.ones((POINTS, 3)), face_mesh().mean)


# mesh


def test_the_mesh_has_898_triangles_over_all_468_points():
    triangles = face_mesh().triangles
    assert triangles.shape == (898, 3) and set(triangles.ravel()) == set(range(POINTS))
    assert len({tuple(sorted(triangle)) for triangle in triangles.tolist()}) == 898


def test_every_point_has_a_counterpart_whose_counterpart_it_is():
    mesh = face_mesh()
    np.testing.assert_array_equal(mesh.mirror[mesh.mirror], np.arange(POINTS))
    for face in (mesh.mean, mesh.canonical):
        np.testing.assert_allclose(mirrored(face, mesh.mirror), face, atol=1e-6)
    for left, right in (*zip(*LIDS, strict=True), BROWS):
        assert set(mesh.mirror[left]) == set(right)
    for row in (*INNER_LIPS, *OUTER_LIPS):
        np.testing.assert_array_equal(mesh.mirror[row], row[::-1])


def test_mirroring_a_face_twice_changes_nothing(points):
    mirror = face_mesh().mirror
    shape = fit_pose(points, face_mesh().mean).to_head(points)
    np.testing.assert_allclose(mirrored(mirrored(shape, mirror), mirror), shape, atol=1e-12)


def test_the_canonical_face_lies_in_the_unit_square_and_none_of_its_triangles_is_turned_over():
    mesh = face_mesh()
    flat = mesh.canonical[:, :2]
    assert 1 / 50 < flat.min() and flat.max() < 1 - 1 / 50
    a, b, c = np.moveaxis(flat[mesh.triangles], 1, 0)
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    lips = cv2.contourArea(flat[[*INNER_LIPS[0], *INNER_LIPS[1][-2:0:-1]]].astype(np.float32))
    assert lips > 0.01  # the inside of the mouth has an area
    assert np.abs(areas).sum() == pytest.approx(cv2.contourArea(cv2.convexHull(flat.astype(np.float32))), rel=0.05)


# texture


def test_the_texels_are_mirror_symmetric(frame):
    np.testing.assert_array_equal(frame.mask, frame.mask[:, ::-1])
    np.testing.assert_array_equal(frame.mirror[frame.mirror], np.arange(len(frame.flat)))
    assert 2 * len(frame.left) == len(frame.flat) == frame.mask.sum()
    assert set(frame.left) | set(frame.mirror[frame.left]) == set(range(len(frame.flat)))


def test_the_texels_cover_the_face_without_a_hole(frame):
    holes = cv2.connectedComponents((~frame.mask).astype(np.uint8), connectivity=4)[0] - 1
    assert holes == 1  # all that is not face is connected: the outside
    triangle, _ = rasterise(face_mesh().canonical[:, :2] * SIZE, face_mesh().triangles, SIZE, SIZE)
    assert ((triangle >= 0) == frame.mask).mean() > 0.999


def test_the_canonical_face_s_texels_lie_at_their_own_centres(frame):
    rows, columns = np.divmod(frame.flat, SIZE)
    where = frame.positions(face_mesh().canonical[:, :2] * SIZE)
    np.testing.assert_allclose(where, np.stack([columns, rows], axis=1) + 0.5, atol=1e-3)


def test_a_square_and_its_values_hold_the_same(frame):
    values = np.random.default_rng(0).normal(size=(len(frame.flat), 3))
    square = frame.image(values)
    np.testing.assert_array_equal(frame.values(square), values)
    np.testing.assert_array_equal(frame.joined(frame.halves(values)), values)
    assert np.isin(square, values).all()  # off the face, the nearest texel's


@pytest.mark.parametrize(("size", "apart"), [(96, 0.3), (64, 2.0)])
def test_the_mirrored_photo_has_the_mirrored_texture(astronaut, points, size: int, apart: float):
    """At 96 px within OpenCV's rounding of positions to 1/32 of a pixel; at 64 the photo is averaged first."""
    frame = canonical_frame(size)
    plain = frame.sample(astronaut, points)
    other = frame.sample(np.ascontiguousarray(astronaut[:, ::-1]), flipped(points, astronaut.shape[1]))
    assert np.abs(other.values - plain.values[frame.mirror]).mean() < apart
    np.testing.assert_array_equal(other.visible, plain.visible[frame.mirror])


def test_a_photo_four_times_as_large_has_the_same_texture(frame, astronaut, points):
    large = cv2.resize(astronaut, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    small, fine = frame.sample(astronaut, points), frame.sample(large, points * 4)
    assert np.abs(small.values - fine.values).mean() < 2
    assert frame.density(points * 4) == pytest.approx(4 * frame.density(points))
    np.testing.assert_array_equal(small.visible, fine.visible)


def test_finer_detail_than_a_texel_is_averaged_and_does_not_alias(frame, points):
    checks = np.indices((2048, 2048)).sum(axis=0) % 2 * 255
    texture = frame.sample(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), points * 8)
    assert np.abs(texture.values - 127.5).mean() < 10


def test_what_the_frame_cuts_off_is_hidden_and_nothing_else(astronaut, points):
    frame = canonical_frame(96)
    left = int(np.quantile(points[:, 0], 0.3))
    whole = frame.sample(astronaut, points)
    cut = frame.sample(np.ascontiguousarray(astronaut[:, left:]), points - np.float32([left, 0, 0]))
    across = frame.positions(points[:, :2])[:, 0]
    assert 0.1 < (across < left).mean() < 0.5
    np.testing.assert_array_equal(cut.visible, whole.visible & (across >= left))
    np.testing.assert_allclose(cut.values[across > left + 1], whole.values[across > left + 1], atol=0.01)


def test_a_face_from_the_front_shows_everything_and_a_turned_one_hides_its_far_side(frame):
    mean = face_mesh().mean * 200
    assert frame.visible(mean, 1000, 1000).mean() > 0.9
    for yaw in (-60.0, 60.0):
        pose_of = mean @ turned(yaw, 1)
        seen = frame.visible(pose_of - pose_of.min(axis=0) + 10, 1000, 1000)
        on_left = np.zeros(len(seen), bool)
        on_left[frame.left] = True
        near, far = (on_left, ~on_left) if yaw > 0 else (~on_left, on_left)
        assert seen[near].mean() > seen[far].mean() + 0.3


def test_how_far_a_face_lies_outside_is_measured_on_every_side_in_its_heights():
    def outside(left: float, top: float, right: float, bottom: float) -> float:
        corners = np.array([[left, top, 0], [right, bottom, 0]], np.float32)
        return Face(corners, np.zeros(52, np.float32), 0.0, 0.0, 0.0).share_outside(height=100, width=200)

    assert outside(10, 10, 90, 90) == 0.0
    assert outside(-8, 10, 60, 90) == pytest.approx(0.1)
    assert outside(130, -20, 210, 80) == pytest.approx(0.2)
    assert outside(10, 20, 90, 120) == pytest.approx(0.2)

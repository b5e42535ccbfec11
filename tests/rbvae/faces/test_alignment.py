"""Claims about rbvae.faces.alignment, on a real face (skimage's astronaut)."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from rbvae.faces.alignment import STABLE, Alignment, align, crop, fit_similarity, generalised_mean, mean_shape
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.pasting import face_mask
from rbvae.faces.pasting import paste_back as paste

LEFT_EYE, RIGHT_EYE, CHIN, TOP = [33, 133], [362, 263], 152, 10
LOWER_FACE = [152, 148, 377, 13, 14, 17, 61, 291, 0, 200]  # chin, jaw and lips


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


@pytest.fixture(scope="module")
def points(astronaut: np.ndarray) -> np.ndarray:
    with FaceLandmarker() as landmarker:
        return landmarker.detect(astronaut)[0].points[:, :2].astype(np.float64)


def similarity(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def identity(size: int) -> Alignment:
    return Alignment(np.eye(2, 3), size)


def test_the_mean_shape_is_level_centred_symmetric_and_inside():
    shape = mean_shape()
    assert shape.shape == (478, 2) and shape.min() > 0.0 and shape.max() < 1.0
    left, right = shape[LEFT_EYE].mean(axis=0), shape[RIGHT_EYE].mean(axis=0)
    assert left[1] == pytest.approx(right[1], abs=1e-3)
    assert left[0] + right[0] == pytest.approx(1.0, abs=1e-3)
    assert 0.75 < shape[CHIN, 1] - shape[TOP, 1] < 0.9
    assert 1 - shape[CHIN, 1] > 0.1  # room for an open jaw


def test_a_known_similarity_is_recovered_exactly():
    truth = similarity(33.0, 0.4, (12.0, -7.0))
    source = np.random.default_rng(0).normal(size=(20, 2))
    np.testing.assert_allclose(fit_similarity(source, source @ truth[:, :2].T + truth[:, 2]), truth, atol=1e-12)


def test_a_mirror_image_is_not_undone_by_a_reflection():
    source = np.random.default_rng(0).normal(size=(20, 2))
    fit = fit_similarity(source, source * [-1.0, 1.0])
    assert np.linalg.det(fit[:, :2]) > 0


def test_points_that_coincide_or_are_not_finite_are_refused(points):
    with pytest.raises(ValueError, match="coincide"):
        align(np.ones((478, 2)), 96)
    with pytest.raises(ValueError, match="finite"):
        align(np.where(points > 200, np.nan, points), 96)


def test_a_turned_scaled_and_shifted_face_gives_the_same_crop_coordinates(points):
    change = similarity(-25.0, 2.3, (40.0, 90.0))
    moved = points @ change[:, :2].T + change[:, 2]
    np.testing.assert_allclose(align(moved, 96).apply(moved), align(points, 96).apply(points), atol=1e-9)


def test_opening_the_mouth_does_not_move_the_rest_of_the_face(points):
    opened = points.copy()
    opened[LOWER_FACE] += [0.0, 25.0]
    np.testing.assert_array_equal(align(opened, 96).matrix, align(points, 96).matrix)
    assert not set(LOWER_FACE) & set(STABLE.tolist())


def test_the_crop_is_upright_and_holds_the_whole_face(points):
    placed = align(points, 96).apply(points)
    assert placed.min() > 0 and placed.max() < 96
    tilt = placed[RIGHT_EYE].mean(axis=0) - placed[LEFT_EYE].mean(axis=0)
    assert abs(np.degrees(np.arctan2(tilt[1], tilt[0]))) < 5


def test_the_inverse_goes_back(points):
    alignment = align(points, 96)
    back = alignment.inverse()
    np.testing.assert_allclose(alignment.apply(points) @ back[:, :2].T + back[:, 2], points, atol=1e-9)


def test_the_identity_crop_is_the_photo(astronaut):
    np.testing.assert_array_equal(crop(astronaut, identity(512)), astronaut)


def test_shrinking_by_a_whole_number_averages_areas(astronaut):
    half = crop(astronaut, Alignment(np.array([[0.5, 0, 0], [0, 0.5, 0]]), 256))
    areas = astronaut.reshape(256, 2, 256, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(half - areas).max() <= 0.5 + 1e-6


def test_fine_stripes_in_a_large_face_shrink_to_grey_instead_of_aliasing():
    stripes = np.zeros((960, 960, 3), np.uint8)
    stripes[:, ::2] = 255
    small = crop(stripes, Alignment(similarity(7.0, 0.1, (5.0, -3.0)), 96))[20:76, 20:76]
    assert np.abs(small.astype(int) - 127).max() < 15


def test_a_crop_beyond_the_photo_has_no_black_border(astronaut):
    bright = np.full_like(astronaut, 200)
    assert (crop(bright, Alignment(similarity(10.0, 1.0, (150.0, 60.0)), 96)) == 200).all()


def test_the_mask_is_one_inside_and_nothing_at_the_border():
    mask = face_mask(96)
    assert mask[48, 48] == 1 and mask.min() == 0 and mask.max() == 1
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    assert np.abs(np.diff(mask, axis=0)).max() < 0.25  # soft
    chin = (mean_shape()[CHIN] * 96).astype(int)
    assert mask[chin[1], chin[0]] > 0.9


def test_align_then_paste_back_keeps_pixels_outside_mask(astronaut, points):
    alignment = align(points, 96)
    edited = 255 - crop(astronaut, alignment)
    pasted = paste(astronaut, edited, alignment)
    rows, columns = np.mgrid[:512, :512] + 0.5
    inside = alignment.apply(np.stack([columns, rows], axis=-1))
    outside = ((inside < 0.01 * 96) | (inside > 0.99 * 96)).any(axis=-1)
    assert outside.sum() > 200_000
    np.testing.assert_array_equal(pasted[outside], astronaut[outside])
    changed = np.abs(pasted.astype(int) - astronaut).max(axis=-1) > 20
    assert changed[110:150, 200:250].mean() > 0.9
    assert astronaut is not pasted and (data.astronaut() == astronaut).all()


def test_pasting_an_unedited_crop_is_near_lossless(astronaut, points):
    exact = identity(512)
    np.testing.assert_array_equal(paste(astronaut, crop(astronaut, exact), exact), astronaut)
    for size, least in ((96, 28.0), (192, 38.0)):  # the face is 106 pixels tall: 96 loses detail, 192 does not
        alignment = align(points, size)
        left, top, right, bottom = 185, 75, 265, 175
        pasted = paste(astronaut, crop(astronaut, alignment), alignment)
        face = np.s_[top:bottom, left:right]
        assert peak_signal_noise_ratio(astronaut[face], pasted[face]) > least


def test_a_pasted_crop_lies_where_it_was_cut(astronaut, points):
    alignment = align(points, 96)
    pasted = paste(astronaut, crop(astronaut, alignment), alignment).astype(float)
    face = np.s_[90:160, 195:255]
    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    errors = [np.square(np.roll(pasted, shift, axis=(0, 1))[face] - astronaut[face]).mean() for shift in shifts]
    assert shifts[int(np.argmin(errors))] == (0, 0)


def test_with_the_original_only_the_change_is_added(astronaut, points):
    alignment = align(points, 96)
    before = crop(astronaut, alignment)
    np.testing.assert_array_equal(paste(astronaut, before, alignment, original=before), astronaut)
    brighter = (before // 2 + 20, before // 2)
    lifted = paste(astronaut, brighter[0], alignment, original=brighter[1])
    centre = np.s_[110:140, 210:240]
    expected = np.minimum(astronaut[centre].astype(int) + 20, 255)
    assert np.abs(lifted[centre].astype(int) - expected).max() <= 1


def test_colour_match_takes_a_tint_back(astronaut, points):
    alignment = align(points, 96)
    before = crop(astronaut, alignment)
    tinted = (before * np.array([0.6, 0.8, 0.7]) + 20).astype(np.uint8)
    centre = np.s_[90:160, 195:255]

    def error(pasted: np.ndarray) -> float:
        return float(np.abs(pasted[centre].astype(float) - astronaut[centre]).mean())

    plain, matched = paste(astronaut, tinted, alignment), paste(astronaut, tinted, alignment, match_colour=True)
    assert error(matched) < 0.4 * error(plain)


def test_a_face_partly_or_wholly_outside_the_photo_is_pasted_without_harm(astronaut):
    red = np.zeros((96, 96, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    partly = paste(astronaut, red, Alignment(similarity(0.0, 1.0, (48.0, 48.0)), 96))
    assert (partly[0, 0] == [255, 0, 0]).all() and (partly[60:] == astronaut[60:]).all()
    wholly = paste(astronaut, red, Alignment(similarity(0.0, 1.0, (900.0, 0.0)), 96))
    np.testing.assert_array_equal(wholly, astronaut)


def test_a_crop_of_another_size_is_refused(astronaut):
    with pytest.raises(ValueError, match="64"):
        paste(astronaut, np.zeros((64, 64, 3), np.uint8), identity(96))


def test_the_generalised_mean_of_moved_copies_is_the_shape_itself():
    rng = np.random.default_rng(0)
    shape = mean_shape()
    moves = [similarity(*rng.uniform([-30, 0.5], [30, 2.0]), rng.uniform(-5, 5, 2)) for _ in range(6)]
    mean = generalised_mean(np.stack([shape @ move[:, :2].T + move[:, 2] for move in moves]))
    fit = fit_similarity(mean, shape)
    np.testing.assert_allclose(mean @ fit[:, :2].T + fit[:, 2], shape, atol=1e-9)


def test_a_crop_beyond_the_photo_shows_no_second_mouth(astronaut, points):
    cut = int(points[CHIN, 1]) - 5  # the photo ends just below the mouth
    placed = crop(astronaut[:cut], align(points, 96))
    ends = int(align(points, 96).apply(np.array([points[CHIN, 0], cut]))[1]) + 3
    assert ends < 92
    assert np.abs(np.diff(placed[ends:, 30:66].astype(int), axis=0)).max() < 12

"""Fine dark lines on the cheeks disappear with a smile, while pores, lips and what is outside the cheeks stay."""

import cv2
import numpy as np
import pytest

from rbvae.faces.creases import NONE, Creases
from tests.mouths import smiling

SKIN, DARK = np.array([200, 150, 130]), 40
WHOLE = (0, 0, 512, 512)
ENDS = (203, 206), (423, 426)  # landmarks along the folds from nose to mouth


def photo_of_skin(noise: float = 4.0, seed: int = 0) -> np.ndarray:
    grain = np.random.default_rng(seed).normal(scale=noise, size=(512, 512, 1))
    return np.rint((SKIN + grain).clip(0, 255)).astype(np.uint8)


def creased(photo: np.ndarray, points: np.ndarray, where=ENDS) -> tuple[np.ndarray, np.ndarray]:
    """The photo with a line on each cheek, 2 pixels wide and DARK levels darker, and where it is."""
    line = np.zeros(photo.shape[:2], np.uint8)
    for ends in where:
        cv2.line(line, *(tuple(int(value) for value in points[end, :2]) for end in ends), 1, 2)
    return (photo - DARK * line[..., None]).astype(np.uint8), line > 0


def filled(photo: np.ndarray, smile: float = 1.0) -> np.ndarray:
    return Creases.of(photo, smiling()).fill(photo, WHOLE, smile).astype(int) - photo


@pytest.mark.parametrize("smile", [1.0, 0.5])
def test_a_line_disappears_in_proportion_to_the_smile(smile):
    photo, line = creased(photo_of_skin(), smiling())
    added = filled(photo, smile)
    assert 0.25 < added[line].mean() / (DARK * smile) < 0.8
    assert np.abs(added[~cv2.dilate(line.astype(np.uint8), np.ones((15, 15))).astype(bool)]).mean() < 0.2


@pytest.mark.parametrize("box", [(180, 0, 512, 512), (0, 200, 300, 260), (0, 0, 20, 512)])
def test_a_box_that_cuts_the_cheeks_is_filled_alike(box):
    """A head that is turned far has cheeks beyond the outline that an edit draws."""
    photo, _ = creased(photo_of_skin(), smiling())
    (left, top, right, bottom), creases = box, Creases.of(photo, smiling())
    part = creases.fill(photo[top:bottom, left:right], box, 1.0)
    assert np.array_equal(part, creases.fill(photo, WHOLE, 1.0)[top:bottom, left:right])


def test_what_the_texels_fill_is_not_filled_twice():
    """A fold as broad as texels is left to the change of texture."""
    photo, points = photo_of_skin(0.0), smiling()
    for ends in ENDS:
        cv2.line(photo, *(tuple(int(value) for value in points[end, :2]) for end in ends), (SKIN - DARK).tolist(), 9)
    photo = cv2.GaussianBlur(photo, (0, 0), 2.0)
    assert filled(photo).max() < 0.45 * DARK


def test_pale_lines_that_texels_leave_beside_a_fold_disappear():
    """Texels fill a fold, blurred, so they lighten the skin beside it."""
    photo, points = photo_of_skin(0.0), smiling()
    fold = np.zeros(photo.shape[:2], np.float32)
    for ends in ENDS:
        cv2.line(fold, *(tuple(int(value) for value in points[end, :2]) for end in ends), 1, 5)
    fold = cv2.GaussianBlur(fold, (0, 0), 1.0)
    creases = Creases.of(np.rint(photo - 1.5 * DARK * fold[..., None]).astype(np.uint8), points)
    filling = creases.filling.astype(int).mean(axis=2) - NONE
    assert filling.min() < -1.5 and filling.max() > 6
    flat = Creases.of(photo, points).filling
    assert np.abs(flat.astype(int) - NONE).max() <= 1


@pytest.mark.parametrize("darkness", [0.6, 0.9])
def test_rims_of_glasses_and_hair_are_no_creases(darkness):
    photo, line = creased(photo_of_skin(), smiling(), ((117, 118), (346, 347)))
    photo[line] = np.rint((1 - darkness) * SKIN)
    assert filled(photo).max() <= 10


def test_folds_from_nose_to_mouth_may_be_deeper():
    photo, line = creased(photo_of_skin(), smiling())
    photo[line] = np.rint(0.55 * SKIN)
    assert filled(photo)[line].mean() > 10
    photo[line] = np.rint(0.1 * SKIN)
    assert filled(photo)[line].max() <= 10


def test_creases_beside_the_eyes_disappear_in_part():
    points = 3 * smiling()
    photo, line = np.full((1536, 1536, 3), SKIN, np.uint8), np.zeros((1536, 1536), np.uint8)
    for ends in ((143, 31), (372, 261)):
        cv2.line(line, *(tuple(int(value) for value in points[end, :2]) for end in ends), 1, 3)
    photo[line > 0] = SKIN - DARK
    added = Creases.of(photo, points).fill(photo, (0, 0, 1536, 1536), 1.0).astype(int) - photo
    assert 0.15 * DARK < added[line > 0].mean() < 0.7 * DARK


def test_nothing_is_cut_off_at_the_edge_of_the_box():
    photo, points = photo_of_skin(0.0), smiling()
    photo[:, ::4] -= DARK // 2  # lines over the whole photo
    filling = Creases.of(photo, points).filling.astype(int) - NONE
    assert filling.max() > 3 and max(np.abs(edge).max() for edge in (filling[:, 0], filling[:, -1], filling[-1])) <= 1


def test_skin_without_creases_keeps_its_grain():
    photo = photo_of_skin()
    added = filled(photo)
    assert added.max() <= 10 and (added > 2).mean() < 0.002


def test_a_crease_beside_the_dark_corner_of_an_open_mouth_disappears():
    points = 3 * smiling()
    photo = np.full((1536, 1536, 3), SKIN, np.uint8)
    for corner, side in ((61, -1), (291, 1)):
        x, y = points[corner, :2].astype(int)
        cv2.circle(photo, (int(x), int(y)), 4, (20, 10, 10), -1)
        cv2.line(photo, (int(x) + 13 * side, int(y) - 18), (int(x) + 13 * side, int(y) + 9), (SKIN - DARK).tolist(), 2)
    added = Creases.of(photo, points).fill(photo, (0, 0, 1536, 1536), 1.0).astype(int) - photo
    for corner, side in ((61, -1), (291, 1)):
        x, y = points[corner, :2].astype(int)
        assert added[y - 12 : y + 4, x + 13 * side].mean() > 0.3 * DARK


def test_moles_stay():
    photo, points = photo_of_skin(0.0), smiling()
    for point in (205, 425, 207):
        cv2.circle(photo, tuple(int(value) for value in points[point, :2]), 1, (SKIN - DARK).tolist(), -1)
    assert filled(photo).max() <= 0.15 * DARK


def test_lips_and_the_rest_of_the_face_stay():
    photo, points = photo_of_skin(0.0), smiling()
    for point in (0, 17, 13, 10, 151):  # lips and forehead
        x, y = points[point, :2].astype(int)
        photo[y - 1 : y + 2, x - 8 : x + 9] -= DARK
    assert filled(photo).max() <= 1


def test_a_face_at_the_edge_of_its_photo_is_filled_within_it():
    points = smiling().copy()
    points[:, :2] += [-points[0, 0], 0]  # half of it lies outside
    photo, line = creased(photo_of_skin(), points)
    creases = Creases.of(photo, points)
    added = creases.fill(photo, WHOLE, 1.0).astype(int) - photo
    assert creases.box[0] == 0 and added[line].mean() > 0.25 * DARK


@pytest.mark.parametrize("size", [0.1, 0.02])
def test_tiny_faces_are_no_error(size):
    points = smiling() * size
    photo = cv2.resize(photo_of_skin(), (60, 60))
    assert Creases.of(photo, points).fill(photo, (0, 0, 60, 60), 1.0).shape == photo.shape

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

from rbvae.faces.deforming import RingedMesh, covering_triangles, held_back
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.lips import shut
from rbvae.faces.mesh import INNER_LIPS, OVAL, POINTS, SKIN_TRIANGLES, face_mesh
from rbvae.faces.openings import Opening, pixel_grid
from rbvae.faces.rendering import Change, draw, draw_texture
from rbvae.faces.texture import canonical_frame
from rbvae.faces.view import FaceView
from rbvae.faces.warping import Grid, signed_areas, triangle_numbers
from rbvae.images.monochrome import GREY, LUMA, tones_of

ROOT = Path(__file__).parents[3]
FRAME = canonical_frame(96)
CHEEK = 205  # a point with large triangles round it
NO_TEXTURE = np.zeros((len(FRAME.flat), 3), np.float32)


@pytest.fixture(scope="module")
def view() -> FaceView:
    photo = pictures.astronaut()
    with FaceLandmarker() as landmarker:
        return FaceView(photo, landmarker.detect(photo)[0].points.astype(np.float64))


def drawn(view: FaceView, change: Change) -> np.ndarray:
    (left, top, right, bottom), pixels = draw(view, change, FRAME)
    photo = view.photo.copy()
    photo[top:bottom, left:right] = pixels
    return photo


def moved(view: FaceView, points: list[int], by: tuple[float, float]) -> Change:
    moves = np.zeros((POINTS, 3))
    moves[points, :2] = by
    return Change(moves, NO_TEXTURE)


def test_a_change_of_nothing_draws_nothing(view):
    box, pixels = draw(view, Change(np.zeros((POINTS, 3)), NO_TEXTURE), FRAME)
    assert box == (0, 0, 0, 0) and not pixels.size


def test_a_point_takes_its_pixels_with_it(view):
    edited = drawn(view, moved(view, [CHEEK], (3, 0)))
    x, y = np.round(view.points[CHEEK, :2] - 0.5).astype(int)
    assert np.abs(edited[y, x + 3].astype(int) - view.photo[y, x]).max() <= 6


def test_nothing_changes_outside_the_triangles_that_move(view):
    edited = drawn(view, moved(view, [CHEEK], (3, 0)))
    changed = np.argwhere((edited != view.photo).any(axis=2))
    around = view.points[np.unique(face_mesh().triangles[(face_mesh().triangles == CHEEK).any(axis=1)]), :2]
    assert len(changed)
    assert (changed.min(axis=0)[::-1] >= around.min(axis=0) - 3).all()
    assert (changed.max(axis=0)[::-1] <= around.max(axis=0) + 3).all()


def test_a_change_of_texture_is_added_rounded_and_not_cut(view):
    texture = NO_TEXTURE + np.float32(0.6)
    added = drawn(view, Change(np.zeros((POINTS, 3)), texture)).astype(int) - view.photo
    nose = np.round(view.points[4, :2]).astype(int)
    assert added[nose[1], nose[0]].tolist() == [1, 1, 1]
    assert added.min() == 0 and added.max() == 1


def test_lips_that_are_closed_cover_the_inside_of_the_mouth(view):
    """Where it has no area left, its triangles must not be drawn as lines of teeth between the lips."""
    before = view.points[:POINTS]
    mesh, after = RingedMesh(before), shut(before)
    points, (height, width) = mesh.with_ring(after), view.photo.shape[:2]
    numbers = triangle_numbers(points[:, :2], mesh.triangles, mesh.order(points), Grid(0, 0, 1, width, height))
    left, top, right, bottom = Opening.of(after, INNER_LIPS).box(2, width, height)
    assert (numbers[top:bottom, left:right] < SKIN_TRIANGLES).all()


def test_the_sides_of_a_face_do_not_fray(view):
    """Thin triangles at the oval must not sample far away: a small widening changes no pixel there by much."""
    cheeks = [234, 454, 93, 323, 132, 361]
    moves = np.zeros((POINTS, 3))
    moves[cheeks, 0] = np.where(view.points[cheeks, 0] > view.points[1, 0], 3, -3)
    edited = drawn(view, Change(moves, NO_TEXTURE))
    smooth = cv2.GaussianBlur(view.photo, (0, 0), 3).astype(int)
    assert np.abs(edited.astype(int) - smooth).max() < np.abs(view.photo.astype(int) - smooth).max() + 25


NOSE = [1, 4, 5, 195, 197, 6, 45, 275, 220, 440]


def test_cheek_and_nose_move_with_the_outlines_that_they_cover():
    """Beside the cheek and the nose of a turned head, what they cover would show part of them once more."""
    before = face_mesh().mean @ np.array([[0.8, 0, -0.6], [0, 1, 0], [0.6, 0, 0.8]]) * 300 + [256, 256, 0]
    triangles = covering_triangles()
    away = signed_areas(before, triangles) > 0
    assert np.isin(triangles[away], OVAL).any() and np.isin(triangles[away], NOSE).any()
    moves = 0.03 * (before - before.mean(axis=0)) * [1, 0, 0]
    moves[np.unique(triangles[away])[::2], 0] += 4
    held = held_back(before, before + moves) - before

    def spread(of: np.ndarray) -> float:
        return float(np.ptp(of[triangles[away]], axis=1).max())

    assert spread(held) < 0.2 * spread(moves)


def test_triangles_that_would_turn_over_are_held_back(view):
    before, skin = view.points[:POINTS], face_mesh().triangles[:SKIN_TRIANGLES]
    area = signed_areas(before, skin)
    sliver = 0.1 * np.median(np.abs(area))

    def turned(points: np.ndarray) -> int:
        return int(((area < -sliver) & (signed_areas(points, skin) > sliver)).sum())

    cheek = before.copy()
    cheek[CHEEK, :2] += [0, 30]  # far below its neighbours
    rng = np.random.default_rng(0)
    torn = [before + rng.normal(size=(POINTS, 3)) * [size, size, 0] for size in (2, 4, 8)]
    for after in (cheek, *torn):
        assert turned(after) > 0 and turned(held_back(before, after)) == 0
    np.testing.assert_array_equal(held_back(before, before + 0.5), before + 0.5)


@pytest.mark.parametrize("corner, beside, above", [(61, 57, 185), (291, 287, 409)])
def test_the_folded_corners_of_a_smile_unfold(corner, beside, above):
    after, skin = face_mesh().mean * 300, face_mesh().triangles[:SKIN_TRIANGLES]
    before = after.copy()
    before[corner] = after[beside] + after[above] - after[corner]  # on the other side of the line between them
    area = signed_areas(before, skin)
    assert area.max() > 0.1 * np.median(np.abs(area))
    np.testing.assert_allclose(held_back(before, after), after)


def test_a_texture_laid_over_the_photo_it_comes_from_is_the_photo(view):
    texture = FRAME.sample(view.photo, view.points).values
    again = draw_texture(view.photo, view.points[:POINTS], texture, FRAME)
    (left, top), (right, bottom) = (f(view.points[:, :2], axis=0).astype(int) for f in (np.min, np.max))
    inside = np.s_[top + 10 : bottom - 10, left + 10 : right - 10]
    assert np.abs(again[inside].astype(int) - view.photo[inside]).mean() < 4


def test_coordinates_of_an_opening_have_an_inverse(view):
    mouth = Opening.of(view.points, INNER_LIPS)
    x, y = pixel_grid(mouth.box(5, 512, 512))
    again = mouth.positions(*mouth.coordinates(x, y))
    np.testing.assert_allclose(again, (x, y), atol=1e-9)


SEPIA = (1.0, 0.9, 0.75)


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), SEPIA, (0.97, 1.0, 0.94)])
def test_a_monochrome_photo_stays_so(view, tint):
    grey = view.photo.mean(axis=2, keepdims=True)
    photo = np.rint(grey * tint).astype(np.uint8)
    red = Change(np.zeros((POINTS, 3)), NO_TEXTURE + np.float32([20, 0, 0]))
    edited = drawn(FaceView(photo, view.points), red)
    changed = edited[(edited != photo).any(axis=2)].astype(float)
    assert len(changed) > 1000
    np.testing.assert_allclose(changed, changed[:, 1:2] / tint[1] * tint, atol=3 if min(tint) < 1 else 0)


def test_photos_without_colours_of_their_own_are_monochrome():
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.integers(40, 220, (96, 96, 1)), 3, axis=2)
    compressed = grey + rng.integers(-3, 4, grey.shape) * (rng.random((96, 96, 1)) < 0.1)
    for pixels in (grey, compressed):
        np.testing.assert_array_equal(tones_of(pixels.astype(np.uint8)), GREY)
    sepia = tones_of((grey * SEPIA).astype(np.uint8))
    np.testing.assert_allclose(sepia[:, 1], np.array(SEPIA) / (LUMA @ SEPIA), atol=0.02)
    coloured = grey.copy()
    coloured[30:60, 30:60, 0] = 250  # a red balloon in a grey street
    assert tones_of(coloured.astype(np.uint8)) is None
    assert tones_of(np.full((96, 96, 3), (200, 150, 130), np.uint8)) is None  # a plain colour is no tone


@pytest.mark.parametrize("name", ["astronaut.jpg", "person-1.jpg", "person-3.jpg", "smile-2.jpg"])
def test_photos_in_colour_are_not_monochrome(name):
    pixels = np.asarray(Image.open(ROOT / "app/examples" / name).convert("RGB"))
    height, width = pixels.shape[:2]
    assert tones_of(pixels) is None
    assert tones_of(pixels[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4]) is None

"""Which faces a photo holds, however it was taken; on skimage's astronaut, turned, tiled, shrunk and enlarged."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae import ConfigError, FaceNotFoundError, PortraitEditor
from rbvae.faces.alignment import mean_shape
from rbvae.faces.finding import EYES, Faces, align_to_eyes


@pytest.fixture(scope="module")
def editor(tiny_faces):
    return PortraitEditor.from_pretrained(tiny_faces)


@pytest.fixture(scope="module")
def photo():
    return data.astronaut()


@pytest.fixture(scope="module")
def portrait(editor, photo):
    return editor.infer(photo)


def resized(pixels, width, height):
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def crowd(photo):
    """One large face at the left, a row of four small ones at the right."""
    bust = photo[20:260, 100:340]
    picture = np.full((960, 1600, 3), 90, np.uint8)
    picture[200:560, 100:460] = resized(bust, 360, 360)
    for k in range(4):
        picture[240 + 20 * k : 460 + 20 * k, 520 + 260 * k : 740 + 260 * k] = resized(bust, 220, 220)
    return picture


def far_away(photo):
    """One small face towards a corner of a large picture."""
    picture = np.full((1200, 1600, 3), 90, np.uint8)
    picture[700:900, 1200:1400] = resized(photo[20:260, 100:340], 200, 200)
    return picture


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_turned_photo_gives_the_same_upright_crop_and_stays_turned_itself(editor, photo, portrait, quarters):
    turned = np.rot90(photo, quarters)
    faces = editor.find(turned)
    assert faces.rotation == 90 * (-quarters % 4) and len(faces) == 1
    found = editor.infer(faces)
    assert np.array_equal(found.source, turned)
    difference = np.abs(np.asarray(found.crop, float) - np.asarray(portrait.crop, float)).mean()
    assert difference < 8  # any other rotation differs by 40 or more
    edited = np.asarray(editor.edit(found, found.e + 3).photo)
    assert edited.shape == turned.shape
    changed = np.abs(edited.astype(int) - turned).max(axis=2) > 8
    left, top, right, bottom = (round(edge) for edge in found.box)
    assert changed[top:bottom, left:right].mean() > 0.5


@pytest.mark.parametrize("quarters", [1, 2])
def test_a_small_face_in_a_turned_photo_is_found_upright(editor, photo, quarters):
    """Upside down too, where a search through tiles alone takes the chin for a forehead."""
    faces = editor.find(np.rot90(far_away(photo), quarters))
    assert faces.rotation == 90 * (4 - quarters) and len(faces) == 1
    left, top, right, bottom = faces.boxes[0]
    x, y = {1: (700, 200), 2: (200, 300)}[quarters]
    assert x < left < right < x + 200 and y < top < bottom < y + 200


def test_small_faces_beside_a_large_one_are_found_and_the_large_one_comes_first(editor, photo):
    faces = editor.find(crowd(photo))
    assert len(faces) == 5
    assert faces.boxes[0][2] < 500
    assert all(left > 500 for left, *_ in faces.boxes[1:])


@pytest.mark.parametrize("people", [1, 12])
def test_in_a_strip_twelve_times_as_wide_as_high_everybody_is_found(editor, photo, people):
    strip = np.full((200, 2400, 3), 90, np.uint8)
    for k in range(people):
        strip[:, 200 * k : 200 * k + 200] = resized(photo[:256, 100:356], 200, 200)
    assert len(editor.find(strip)) == people


def test_face_k_is_the_one_in_box_k_and_nothing_is_detected_again(editor, photo, monkeypatch):
    faces = editor.find(crowd(photo))
    monkeypatch.setattr(editor, "_landmarker", None)
    monkeypatch.setattr("rbvae.editing.portraits.FaceLandmarker", None)
    for k, box in enumerate(faces.boxes):
        assert editor.infer(faces, face=k).box == box
    with pytest.raises(FaceNotFoundError, match="face 7"):
        editor.infer(faces, face=7)


def test_several_faces_are_said_to_be_several(editor, photo):
    assert any("5 faces" in said for said in editor.infer(crowd(photo)).warnings)


def test_no_face_asks_for_the_two_eyes(editor):
    with pytest.raises(FaceNotFoundError, match="click the two eyes"):
        editor.find(data.coffee())


def test_two_clicked_eyes_give_nearly_the_crop_of_the_detector(editor, photo, portrait):
    (face,) = editor.find(photo).found
    left, right = (tuple(face.points[eye, :2].mean(axis=0)) for eye in EYES)
    for eyes in ((left, right), (right, left)):
        clicked = editor.infer(photo, eyes=eyes)
        assert "the crop follows the two eyes" in clicked.warnings[0]
        corners = np.array([[0, 0], [32, 0], [0, 32], [32, 32]], float)
        there = portrait.alignment.inverse()
        back = clicked.alignment.apply(corners @ there[:, :2].T + there[:, 2])
        assert np.abs(back - corners).max() < 0.15 * 32


def test_eyes_lie_where_the_mean_shape_has_them(photo):
    alignment = align_to_eyes(((300.0, 200.0), (200.0, 230.0)), photo, 96)
    expected = [mean_shape()[eye].mean(axis=0) * 96 for eye in EYES]
    assert np.allclose(alignment.apply(np.array([[200.0, 230.0], [300.0, 200.0]])), expected)
    assert np.linalg.det(alignment.matrix[:, :2]) > 0


def test_eyes_work_where_no_face_is_found(editor):
    portrait = editor.infer(data.coffee(), eyes=((200, 150), (300, 150)))
    left, top, right, bottom = portrait.box
    assert left < 200 < 300 < right and top < 150 < bottom
    assert editor.edit(portrait, portrait.e + 1).photo.size == (600, 400)


@pytest.mark.parametrize(
    ("eyes", "message"),
    [
        (((10, 10), (12, 10)), "apart"),
        (((10, 10), (9000, 10)), "outside"),
        (((10, 10),), "two points"),
        ("eyes", "two points"),
        (((10, float("nan")), (20, 20)), "two points"),
    ],
)
def test_points_that_cannot_be_two_eyes_are_named(editor, photo, eyes, message):
    with pytest.raises(ConfigError, match=message):
        editor.infer(photo, eyes=eyes)


def test_a_large_photo_keeps_its_own_resolution(editor, photo):
    large = resized(photo, 3000, 3000)
    faces = editor.find(large)
    assert isinstance(faces, Faces) and faces.source.shape == (3000, 3000, 3)
    left, top, right, bottom = faces.boxes[0]
    assert 900 < left < right < 1700 and 380 < top < bottom < 1150
    portrait = editor.infer(faces)
    assert editor.edit(portrait, portrait.e + 1).photo.size == (3000, 3000)

"""Glasses are told from bare faces, and keep their shape in edits."""

import cv2
import numpy as np
import pytest
from skimage import data

from rbvae import PortraitEditor
from rbvae.faces.glasses import below_glasses, held, worn
from rbvae.faces.mesh import BROWS, LIDS, OUTER_LIPS
from tests.glasses import with_glasses

RIMS = [70, 105, 107, 9, 336, 334, 300, 111, 340, 6]  # around the eyes: brows, bridge of the nose, below the eyes
LID_POINTS = [159, 145, 386, 374]


@pytest.fixture(scope="module")
def editor(tiny_codes):
    return PortraitEditor.from_pretrained(tiny_codes)


@pytest.fixture(scope="module")
def bare(editor):
    return editor.infer(data.astronaut())


@pytest.fixture(scope="module")
def spectacled(editor, bare):
    return editor.infer(with_glasses(data.astronaut(), bare.observed.view.points))


def test_glasses_are_told_from_a_bare_face(bare, spectacled):
    assert bare.observed.glasses == 0 and spectacled.observed.glasses == 1
    assert any("wears glasses" in said for said in spectacled.warnings)
    assert not any("glasses" in said for said in bare.warnings)


@pytest.mark.parametrize("scale", [0.6, 3])
def test_they_are_told_in_photos_of_any_size(bare, spectacled, scale):
    def found(portrait):
        photo = cv2.resize(portrait.source, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return worn(photo, scale * portrait.observed.view.points)

    assert found(bare) == 0 and found(spectacled) == 1


def test_frames_stay_where_they_are_while_lids_and_lips_move(editor, spectacled, monkeypatch):
    moves = editor.edit(spectacled, {"brows up": 2, "smile": -1}).change.moves
    lengths = np.linalg.norm(moves[:, :2], axis=1)
    assert lengths[RIMS].max() == 0 and lengths[LID_POINTS].min() > 0
    assert lengths[OUTER_LIPS[1]].max() > 1
    monkeypatch.setattr("rbvae.editing.face_model.below_glasses", lambda moves, share: moves)
    bent = np.linalg.norm(editor.edit(spectacled, {"brows up": 2, "smile": -1}).change.moves[:, :2], axis=1)
    assert bent[RIMS].max() > 1 and lengths[OUTER_LIPS[1]] == pytest.approx(bent[OUTER_LIPS[1]])


def test_brows_are_held_lids_are_not_and_lips_neither():
    weights = held()
    assert weights[np.array(BROWS)].min() > 0.5 and weights[np.array(LIDS)[..., 1:-1]].max() == 0
    assert weights[np.array(OUTER_LIPS)].max() == 0


def test_eyes_do_not_move_as_a_whole_below_glasses():
    moves = np.full((468, 3), 2.0)
    moves[LID_POINTS, 1] += [-1, 1, -1, 1]
    still = below_glasses(moves, 1.0)
    np.testing.assert_allclose(still[LID_POINTS, 1], [-1, 1, -1, 1])
    assert np.abs(still[np.array(LIDS)[..., [0, -1]]]).max() == 0
    np.testing.assert_array_equal(below_glasses(moves, 0.0), moves)

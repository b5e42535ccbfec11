"""What is said of photos far from what the model knows, and of edits that drift to another person."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae import CheckpointError, ConfigError, PortraitEditor
from rbvae.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from rbvae.editing.warnings import Calibration, identity_shift_words, people_apart, photo_warnings
from rbvae.faces.face import Face


@pytest.fixture(scope="module")
def editor(tiny_faces):
    return PortraitEditor.from_pretrained(tiny_faces)


@pytest.fixture(scope="module")
def portrait(editor):
    return editor.infer(data.astronaut())


def face(yaw=0.0, pitch=0.0, moved=0.0):
    return Face(np.zeros((478, 2), np.float32), np.zeros(52, np.float32), yaw, pitch, 0.0, moved)


def test_an_ordinary_photo_gets_no_warning():
    assert photo_warnings(Calibration(), 20.0, 0.5, face(), 1) == ()


@pytest.mark.parametrize(
    ("error", "scale", "yaw", "said"),
    [
        (28.0, 0.5, 0.0, "worse than 95 of 100"),
        (40.0, 0.5, 0.0, "does not know a face like this"),
        (20.0, 2.5, 0.0, "the face is small"),
        (20.0, 0.5, -28.0, "turned by 28 degrees"),
        (20.0, 0.5, 50.0, "turned away by 50 degrees"),
    ],
)
def test_each_doubt_has_its_own_words(error, scale, yaw, said):
    (only,) = photo_warnings(Calibration(), error, scale, face(yaw), 1)
    assert said in only


def test_glasses_are_named():
    (only,) = photo_warnings(Calibration(), 20.0, 0.5, face(), 1, glasses=True)
    assert "wears glasses" in only


@pytest.mark.parametrize(("moved", "doubted"), [(0.0, 0), (0.012, 0), (0.016, 1), (np.inf, 1)])
def test_landmarks_that_move_at_a_second_look_are_doubted(moved, doubted):
    said = photo_warnings(Calibration(), 20.0, 0.5, face(moved=moved), 1)
    assert len(said) == doubted and all("second detection placed the face differently" in one for one in said)


def test_a_clear_photo_is_looked_at_twice_and_not_doubted(editor):
    clear = data.astronaut()
    (first, *_) = editor.find(clear).found
    assert 0 < first.moved < 0.014 and not any("second detection" in said for said in editor.infer(clear).warnings)


def test_a_checkpoint_may_say_what_is_usual_for_it(tmp_path, tiny_faces):
    known = load_checkpoint(tiny_faces)
    usual = {"error_p95": 1.0, "error_p99": 2.0, "people_apart": 3.0}
    save_checkpoint(Checkpoint(known.model, "faces", "srb", known.directions, usual), tmp_path, card="")
    editor = PortraitEditor.from_pretrained(tmp_path)
    assert editor.calibration == Calibration(1.0, 2.0, 3.0)
    assert any("does not know a face" in said for said in editor.infer(data.astronaut()).warnings)


def test_a_calibration_that_is_no_number_is_refused(tmp_path, tiny_faces):
    for path in tiny_faces.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "calibration": {"error_p95": "high"}}))
    with pytest.raises(CheckpointError, match="error_p95"):
        PortraitEditor.from_pretrained(tmp_path)


def test_the_plain_reconstruction_does_not_drift_and_somebody_else_does(editor, portrait):
    assert editor.identity_shift(editor.edit(portrait, portrait.e)) == 0.0
    shifts = [editor.identity_shift(editor.edit(portrait, portrait.e + amount)) for amount in (0.05, 0.5, 5.0)]
    assert shifts == sorted(shifts) and 0 < shifts[0] < shifts[-1] <= 1.0


def test_an_identity_shift_has_three_descriptions():
    words = [identity_shift_words(shift) for shift in (0.0, 0.5, 1.0)]
    assert words == [
        "same person",
        "drifting",
        "somebody else",
    ]


def test_people_apart_is_the_same_each_time_and_positive(editor):
    assert people_apart(editor.model) == people_apart(editor.model) > 0


def test_a_strip_goes_from_minus_two_to_plus_two_sigma_through_the_picture_itself(editor, portrait):
    strip = editor.strip(portrait, "jaw open")
    assert [picture.size for picture in strip] == [(32, 32)] * 5
    for picture, sigmas in zip(strip, (-2, -1, 0, 1, 2), strict=True):
        same = editor.edit(portrait, editor.moved(portrait.e, {"jaw open": sigmas})).crop
        assert np.abs(np.asarray(picture, int) - np.asarray(same, int)).max() <= 1
    assert [p.tobytes() for p in editor.strip(portrait, 1)] == [p.tobytes() for p in strip]
    assert editor.strip(portrait, 1, n=3, side=16)[0].size == (16, 16)


def test_a_strip_stays_where_the_data_lies(editor, portrait):
    narrow = [{**vars(d), "vector": d.vector.tolist(), "low": -1.0, "high": 0.5} for d in editor.directions]
    other = PortraitEditor(Checkpoint(editor.model, "faces", "srb", narrow))
    first = editor.edit(portrait, editor.moved(portrait.e, {"smile": -1.0})).crop
    assert np.abs(np.asarray(other.strip(portrait, 0)[0], int) - np.asarray(first, int)).max() <= 1


def test_a_strip_of_what_is_not_there_is_refused(editor, portrait):
    for chosen in ("wink", 9, -1):
        with pytest.raises(ConfigError, match="no direction"):
            editor.strip(portrait, chosen)
    assert isinstance(editor.strip(portrait, 0)[0], Image.Image)

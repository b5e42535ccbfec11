"""Gestures of eyes and head go by name through one place, together with e."""

import numpy as np
import pytest

from rbvae import ConfigError, PortraitEditor
from rbvae.__main__ import main
from rbvae.editing.animation import Film, animate, expressions_between
from rbvae.editing.batch import edit_all, expression
from rbvae.editing.gestures import RANGES, Expression, Gesture, limited, split
from rbvae.faces.face import BLENDSHAPES
from rbvae.images.decoding import load_photo


@pytest.fixture(scope="module")
def editor(tiny_codes):
    return PortraitEditor.from_pretrained(tiny_codes)


@pytest.fixture(scope="module")
def portrait(editor, astronaut):
    return editor.infer(astronaut)


def seen(editor, edit) -> dict[str, float]:
    """Blendshapes of the edited face, as the landmarker finds them."""
    return dict(zip(BLENDSHAPES, editor.landmarker.detect(np.asarray(edit.photo))[0].blendshapes, strict=True))


def test_names_split_into_e_and_gesture():
    named, gesture = split({"smile": 1, "gaze right": 0.5, "turn right": 8})
    assert named == {"smile": 1} and gesture == Gesture(gaze_right=0.5, turn_right=8)
    assert split({"smile": 1})[1].still and list(RANGES) == [name.replace("_", " ") for name in Gesture().__dict__]


@pytest.mark.parametrize("given", [{"turn right": 13}, {"gaze up": -2}, {"wink left": -0.1}, {"close eyes": "much"}])
def test_values_out_of_range_are_refused_with_the_range(given):
    with pytest.raises(ConfigError, match="give (degrees|a number) from"):
        split(given)


def test_values_can_be_limited_instead():
    kept, message = limited({"turn right": 40, "gaze up": 0.5})
    assert kept == {"turn right": 12, "gaze up": 0.5} and "turn right 40 became 12" in message
    assert limited({"gaze up": 0.5})[1] == ""


def test_the_same_e_without_a_gesture_is_the_photo_bit_for_bit(editor, portrait):
    for e in (portrait.e, Expression(portrait.e), Expression(portrait.e, Gesture(turn_up=0.0))):
        np.testing.assert_array_equal(np.asarray(editor.edit(portrait, e).photo), portrait.source)


def test_a_wink_closes_one_eye_only(editor, portrait):
    plain = seen(editor, editor.edit(portrait, portrait.e))
    for side, other in (("Left", "Right"), ("Right", "Left")):  # blendshapes name the person's own sides
        gesture = Gesture(wink_right=1.0) if side == "Left" else Gesture(wink_left=1.0)
        winked = seen(editor, editor.edit(portrait, portrait.e, gesture=gesture))
        assert winked[f"eyeBlink{side}"] > plain[f"eyeBlink{side}"] + 0.15
        assert winked[f"eyeBlink{side}"] > winked[f"eyeBlink{other}"] + 0.15


def test_a_gaze_is_found_again_in_its_direction(editor, portrait):
    def right(gesture: Gesture) -> float:
        found = seen(editor, editor.edit(portrait, portrait.e, gesture=gesture))
        return found["eyeLookInRight"] + found["eyeLookOutLeft"] - found["eyeLookOutRight"] - found["eyeLookInLeft"]

    assert right(Gesture(gaze_right=1)) > right(Gesture()) + 0.1 > right(Gesture(gaze_right=-1)) + 0.2


def test_gestures_change_nothing_but_the_eyes(editor, portrait):
    edited = np.asarray(editor.edit(portrait, portrait.e, gesture=Gesture(gaze_right=1)).photo)
    changed = np.argwhere((edited != portrait.source).any(axis=2))[:, ::-1]
    eyes = portrait.observed.view.points[[33, 133, 362, 263], :2]
    assert len(changed) and (changed > eyes.min(axis=0) - 15).all() and (changed < eyes.max(axis=0) + 15).all()


def test_gestures_add_to_e(editor, portrait):
    smiling = editor.moved(portrait.e, {"smile": 2})
    both = editor.edit(portrait, {"smile": 2, "wink left": 1})
    np.testing.assert_array_equal(both.e, smiling)
    left = portrait.observed.view.points[159, :2].astype(int)
    plain, edited = np.asarray(editor.edit(portrait, smiling).photo), np.asarray(both.photo)
    around = np.s_[left[1] - 10 : left[1] + 10, left[0] - 10 : left[0] + 10]
    assert (plain[around] != edited[around]).any()


def test_strength_scales_gestures_within_their_range(editor, portrait):
    made = expression(editor, {"turn right": 10, "gaze up": 0.4}, portrait, 1.5)
    assert made.gesture == Gesture(turn_right=12, gaze_up=0.4 * 1.5)


def test_films_interpolate_gestures(editor, portrait):
    aim = Expression(portrait.e, Gesture(turn_right=10, wink_left=1))
    path = expressions_between([portrait.e, aim], Film(seconds=1, fps=5, loop=False))
    turns = [one.gesture.turn_right for one in path]
    assert turns[0] == 0 and turns[-1] == 10 and np.all(np.diff(turns) > 0)
    assert animate(editor, portrait, [portrait.e, aim], Film(seconds=0.2, fps=10, size=64, format="gif"))


def test_batches_and_the_command_line_take_gestures(editor, astronaut, tiny_codes, tmp_path):
    (result,) = edit_all(editor, [("a", astronaut)], {"turn right": 6})
    assert result.error == "" and result.edit.turn is not None
    out = tmp_path / "out.png"
    assert (
        main(["edit", str(astronaut), "--checkpoint", str(tiny_codes), "--set", "gaze right=0.5", "-o", str(out)]) == 0
    )
    assert (load_photo(out) != load_photo(astronaut)).any()


def test_models_of_images_refuse_gestures_in_words(editors, portrait):
    inference = editors.faces.infer(portrait.source)
    with pytest.raises(ConfigError, match="observes codes"):
        expression(editors.faces, {"gaze right": 1}, inference)
    with pytest.raises(ConfigError, match="observes codes"):
        editors.faces.edit(inference, Expression(inference.e, Gesture(gaze_right=1)))


def test_an_unknown_name_lists_gestures_too(editor, portrait):
    with pytest.raises(ConfigError, match="smile.*gaze right"):
        expression(editor, {"grin": 1}, portrait)


def test_an_edit_warns_of_its_turn(editor, portrait):
    edit = editor.edit(portrait, portrait.e, gesture=Gesture(turn_right=5))
    assert edit.warnings[: len(portrait.warnings)] == portrait.warnings

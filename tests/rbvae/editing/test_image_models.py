"""What PortraitEditor and StyleEditor promise, on a real photo with a tiny random model."""

import numpy as np
import pytest
from PIL import Image

from rbvae import CheckpointError, ConfigError, FaceNotFoundError, ImageError, PortraitEditor, StyleEditor


@pytest.fixture(scope="module")
def editor(tiny_faces):
    return PortraitEditor.from_pretrained(tiny_faces)


@pytest.fixture(scope="module")
def portrait(editor, astronaut):
    return editor.infer(astronaut)


@pytest.fixture(scope="module")
def styler(tiny_digits):
    return StyleEditor.from_pretrained(tiny_digits)


def digit(color=(255, 80, 0), side=64):
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[side // 4 : 3 * side // 4, side // 2 - 3 : side // 2 + 3] = color
    return pixels


def test_a_portrait_holds_what_was_inferred(editor, portrait):
    assert portrait.z.shape == (16,) and portrait.e.shape == (4,)
    assert portrait.crop.size == portrait.reconstruction.size == (32, 32)
    left, top, right, bottom = portrait.box
    assert 150 < left < right < 300 and 50 < top < bottom < 220


def test_path_array_and_bytes_give_the_same_portrait(editor, portrait, astronaut):
    for photo in (str(astronaut), astronaut.read_bytes(), np.asarray(Image.open(astronaut))):
        assert np.array_equal(editor.infer(photo).e, portrait.e)


def test_editing_with_its_own_e_is_the_reconstruction(editor, portrait):
    edit = editor.edit(portrait, portrait.e)
    assert edit.crop.tobytes() == portrait.reconstruction.tobytes()
    assert np.array_equal(np.asarray(edit.photo), portrait.source)


def test_refining_is_deprecated_and_changes_nothing(editor, portrait):
    with pytest.warns(DeprecationWarning, match="leave it out"):
        assert editor.refined(portrait, 20) is portrait


def test_transfer_at_strength_zero_changes_nothing_and_at_one_takes_all(editor, portrait, astronaut):
    other = editor.infer(np.asarray(Image.open(astronaut))[:, ::-1])
    assert np.array_equal(editor.transfer(other, portrait, strength=0.0).e, portrait.e)
    assert np.allclose(editor.transfer(other, portrait, strength=1.0).e, other.e, atol=1e-6)
    assert np.allclose(editor.transfer(other, portrait, strength=0.5).e, (other.e + portrait.e) / 2, atol=1e-6)


def test_one_seed_gives_one_series_of_expressions(editor, portrait):
    few, many = editor.sample(portrait, n=2, seed=3), editor.sample(portrait, n=5, seed=3)
    for one, other in zip(few, many, strict=False):
        assert np.array_equal(one.e, other.e)
        assert np.abs(np.asarray(one.crop, int) - np.asarray(other.crop)).max() <= 1  # larger batches round otherwise
    assert many[0].crop.tobytes() != many[1].crop.tobytes()
    assert editor.sample(portrait, n=1, seed=4)[0].crop.tobytes() != few[0].crop.tobytes()


def test_photo_has_the_originals_size_and_keeps_what_is_outside_the_face(editor, portrait):
    edit = editor.edit(portrait, np.full(4, 3.0))
    for picture in (edit.photo, edit.replaced):
        assert picture.size == (512, 512)
        assert np.array_equal(np.asarray(picture)[300:], portrait.source[300:])
        assert not np.array_equal(np.asarray(picture), portrait.source)


def test_neutral_is_the_references_e(editor, portrait):
    assert np.array_equal(editor.neutral(portrait).e, editor.e_ref)


def test_moved_goes_along_the_named_direction_in_sigmas(editor, portrait):
    moved = editor.moved(portrait.e, {"jaw open": 2.0})
    assert np.allclose(moved - portrait.e, [0, 2, 0, 0], atol=1e-6)


@pytest.mark.parametrize(("e", "message"), [([1.0, 2.0], "takes 4"), ([0, 0, 0, float("nan")], "finite"),
                                            ("smile", "not a list")])  # fmt: skip
def test_an_e_that_cannot_be_is_named(editor, portrait, e, message):
    with pytest.raises(ConfigError, match=message):
        editor.edit(portrait, e)


def test_an_unknown_direction_lists_what_there_is(editor, portrait):
    with pytest.raises(ConfigError, match="no direction 'wink'; this checkpoint has smile"):
        editor.moved(portrait.e, {"wink": 1.0})
    with pytest.raises(ConfigError, match="strength"):
        editor.transfer(portrait, portrait, strength=float("inf"))


def test_no_face_says_so(editor, tmp_path):
    Image.new("RGB", (300, 300), "green").save(tmp_path / "lawn.png")
    with pytest.raises(FaceNotFoundError, match="lawn.png"):
        editor.infer(tmp_path / "lawn.png")
    (tmp_path / "letter.jpg").write_text("dear sir")
    with pytest.raises(ImageError, match="letter.jpg"):
        editor.infer(tmp_path / "letter.jpg")


def test_a_face_that_is_not_there_is_named(editor, astronaut):
    with pytest.raises(FaceNotFoundError, match="face 5"):
        editor.infer(astronaut, face=5)


def test_a_checkpoint_of_the_other_kind_is_refused(tiny_digits):
    with pytest.raises(CheckpointError, match="trained on digits"):
        PortraitEditor.from_pretrained(tiny_digits)


def test_digits_swap_styles(styler):
    orange, blue = styler.infer(digit()), styler.infer(digit((0, 60, 255)))
    edit = styler.transfer(style_of=blue, onto=orange)
    assert np.allclose(edit.e, blue.e, atol=1e-6)
    assert edit.crop.size == (32, 32) and edit.photo.tobytes() == edit.crop.tobytes()


def test_dark_ink_on_paper_is_turned_over(styler):
    paper = 255 - digit((255, 255, 255))
    assert np.array_equal(styler.infer(paper).z, styler.infer(digit((255, 255, 255))).z)

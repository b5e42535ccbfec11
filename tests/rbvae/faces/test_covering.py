"""What covers a face: it is said, and no texture is drawn on it."""

import cv2
import numpy as np
import pytest
from PIL import Image

from rbvae import PortraitEditor
from rbvae.faces.covering import covered_texels, covering
from rbvae.faces.texture import canonical_frame

FACES = "checkpoints/faces"


@pytest.fixture(scope="module")
def editor():
    return PortraitEditor.from_pretrained(FACES)


@pytest.fixture(scope="module")
def photo(astronaut):
    with Image.open(astronaut) as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def covered(editor, photo):
    """The same face with a microphone before its chin."""
    left, _, right, bottom = editor.infer(photo).box
    painted = photo.copy()
    tip = round(0.4 * left + 0.6 * right), round(bottom - 0.2 * (right - left))
    cv2.line(painted, tip, (round(right + 20), round(bottom + 90)), (25, 25, 30), round(0.28 * (right - left)))
    return editor.infer(painted)


def test_something_before_the_mouth_is_said_in_one_sentence(editor, photo, covered):
    assert not any("cover" in warning for warning in editor.infer(photo).warnings)
    (warning,) = (warning for warning in covered.warnings if "cover" in warning)
    assert warning == "something seems to cover the lower face, and would move with the mouth; use a photo without it"


def test_no_texture_is_added_to_what_covers_a_face(editor, covered):
    texels = covered.observed.covered
    assert 0.01 < (texels > 0.5).mean() < 0.2
    change = editor.edit(covered, editor.moved(covered.e, {"smile": 2})).change
    assert (change.texture[texels == 1] == 0).all() and np.abs(change.texture[texels == 0]).mean() > 1


def test_even_residuals_are_no_cover_and_large_ones_below_are():
    frame = canonical_frame(32)
    residual, visible = np.full(len(frame.flat), 4.0), np.ones(len(frame.flat), bool)
    assert covering(residual, visible, 32) == pytest.approx(1) and not covered_texels(residual, 32).any()
    below = frame.flat // 32 > 26
    residual[below] = 60
    assert covering(residual, visible, 32) > 2 and covered_texels(residual, 32)[below].mean() > 0.8
    assert covering(residual, np.zeros_like(visible), 32) == 0

"""What the two ways of pasting back promise beyond tests/rbvae/faces/test_alignment.py, on skimage's astronaut."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae import PortraitEditor
from rbvae.faces.alignment import Alignment, crop, mean_shape
from rbvae.faces.pasting import face_mask, paste_back, patch


@pytest.fixture(scope="module")
def portrait(tiny_faces):
    return PortraitEditor.from_pretrained(tiny_faces).infer(data.astronaut())


@pytest.fixture(scope="module")
def aligned(portrait):
    """Alignment at 64 px, and the crop."""
    alignment = Alignment(portrait.alignment.matrix * 2, 64)
    return alignment, crop(portrait.source, alignment)


def with_blob(picture, amount=-90):
    """A dark disc where the mouth is: the shape of a mouth that opens."""
    rows, columns = np.mgrid[:64, :64]
    disc = np.square(rows - 46) + np.square(columns - 32) < 36
    return np.where(disc[..., None], picture.astype(int) + amount, picture).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("detail", [True, False])
def test_a_patch_is_the_part_of_the_photo_that_changes(portrait, aligned, detail):
    alignment, before = aligned
    original = before if detail else None
    whole = paste_back(portrait.source, with_blob(before), alignment, original, not detail)
    (left, top, right, bottom), region = patch(portrait.source, with_blob(before), alignment, original, not detail)
    assert np.array_equal(whole[top:bottom, left:right], region)
    whole[top:bottom, left:right] = portrait.source[top:bottom, left:right]
    assert np.array_equal(whole, portrait.source)


def test_an_edit_knows_its_patch(tiny_faces, portrait):
    edit = PortraitEditor.from_pretrained(tiny_faces).edit(portrait, portrait.e + 2)
    for keep_detail, photo in ((True, edit.photo), (False, edit.replaced)):
        box, part = edit.patch(keep_detail)
        assert photo.crop(box).tobytes() == part.tobytes()


def test_the_old_mouth_does_not_show_through_the_new_one(aligned):
    """Stripes only the photo has stand for its detail: they stay on the cheek and go where the change has a shape."""
    alignment, before = Alignment(np.array([[0.125, 0, 0], [0, 0.125, 0]]), 64), np.full((64, 64, 3), 150, np.uint8)
    photo = np.full((512, 512, 3), 150, np.uint8)
    photo[:, ::4] += 40
    made = paste_back(photo, with_blob(before), alignment, before).astype(int)

    def stripes(rows, columns):
        part = made[rows, columns, 0]
        return np.abs(np.diff(part, axis=1)).mean()

    cheek, mouth = stripes(np.s_[200:240], np.s_[120:160]), stripes(np.s_[355:380], np.s_[244:268])
    assert cheek > 15 and mouth < 0.35 * cheek


def test_an_expression_gives_a_face_no_other_complexion(portrait, aligned):
    alignment, before = aligned
    tinted = (before + np.array([12, 0, -12])).clip(0, 255).astype(np.uint8)
    made = paste_back(portrait.source, tinted, alignment, before).astype(int)
    assert np.abs((made - portrait.source).mean(axis=(0, 1))).max() < 0.1


def test_the_mask_has_a_faces_shape_and_room_for_an_open_jaw():
    mask = face_mask(128)
    shape = (mean_shape() * 128).astype(int)
    inner = shape[[33, 133, 362, 263, 4, 61, 291, 13, 14, 17, 105, 334]]  # eyes, nose, lips, brows
    assert mask[inner[:, 1], inner[:, 0]].min() > 0.9
    chin = shape[152]
    assert mask[chin[1] + 3, chin[0]] > 0.5
    assert max(mask[4, 4], mask[4, -5], mask[-5, 4], mask[-5, -5]) == 0  # hair and background are left alone


def test_a_photo_smaller_than_the_crop_is_pasted_into(portrait):
    small = np.asarray(Image.fromarray(portrait.source).resize((96, 96), Image.Resampling.BOX))
    alignment = Alignment(portrait.alignment.matrix * [[512 / 96, 512 / 96, 1.0]], 32)
    made = paste_back(small, np.full((32, 32, 3), 255, np.uint8), alignment)
    assert made.shape == small.shape and made[20:28, 38:46].min() > 240 and np.array_equal(made[60:], small[60:])

"""training/tools/make_cavity.py cuts the inside out of an open mouth."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae.errors import DatasetError
from rbvae.faces.cavity import BRIGHT_TEETH, DARK, GAP
from tests.mouths import coloured
from training.tools.make_cavity import HEIGHT, LOWER_COLOUR, LOWER_TEETH, WIDTH, inside_of, main

UPPER, TONGUE, LOWER = (250, 240, 230), (160, 30, 30), (200, 180, 150)  # colours of a painted mouth, from above


def mouth(gap: float) -> tuple[np.ndarray, np.ndarray]:
    """A photo of a mouth that is open by `gap`, and its landmarks."""
    return coloured(gap, (0.0, UPPER), (0.25, TONGUE), (0.7, LOWER))


def test_lower_teeth_are_a_little_darker_and_redder_than_upper_ones_and_the_rest_is_drawn():
    picture = inside_of(*mouth(GAP)).astype(float)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(picture[LOWER_TEETH].mean(axis=(0, 1)), LOWER_COLOUR * BRIGHT_TEETH, atol=2)
    np.testing.assert_allclose(picture[:3, 10:-10].mean(axis=(0, 1)), DARK, atol=16)
    tongue = picture[32:40, 30:66].mean(axis=(0, 1))
    assert tongue[0] > 1.5 * tongue[1] and tongue.mean() < 0.6 * BRIGHT_TEETH.mean()


@pytest.mark.parametrize("gap", [0.1, 0.6])
def test_a_mouth_that_is_not_open_as_it_should_be_is_an_error(gap):
    with pytest.raises(DatasetError, match=r"gap is 0\.\d+ of its width. Give a face whose gap is from"):
        inside_of(*mouth(gap))


def test_photos_without_a_face_or_with_a_narrow_mouth_are_errors(tmp_path):
    empty, smiling = tmp_path / "empty.png", tmp_path / "smiling.png"
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(empty)
    Image.fromarray(data.astronaut()).save(smiling)
    for photo, message in ((empty, "No face"), (smiling, "gap is")):
        with pytest.raises(DatasetError, match=message):
            main(["--photo", str(photo), "--out", str(tmp_path / "cavity.webp")])
    assert not (tmp_path / "cavity.webp").exists()

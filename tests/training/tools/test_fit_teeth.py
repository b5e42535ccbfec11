"""The fit of the colour of teeth."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rbvae.editing import PortraitEditor
from rbvae.errors import DatasetError
from training.tools.fit_teeth import balanced_fit, logarithms, main, measured


def test_groups_weigh_alike_however_many_they_are():
    """Of 90 dark faces and 10 light ones, the fit of a constant lies in the middle."""
    groups = np.repeat([0, 1], [90, 10])
    weights, deviation = balanced_fit([], groups.astype(float), groups)
    assert weights[0] == pytest.approx(0.5) and deviation == pytest.approx(0.3)


def test_brightness_and_tint_are_logarithms():
    np.testing.assert_allclose(logarithms(np.array([200.0, 200, 200])), [np.log(200), 0, 0])
    red, blue = logarithms(np.array([200.0, 100, 50]))[1:]
    assert red == pytest.approx(np.log(2)) and blue == pytest.approx(-np.log(2))


def test_a_smile_is_measured_as_it_is_and_a_photo_without_a_face_not(tmp_path):
    editor = PortraitEditor.from_pretrained("checkpoints/faces")
    Image.fromarray(data.astronaut()).save(tmp_path / "smile.png")
    Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(tmp_path / "black.png")
    smile = measured(editor, tmp_path / "smile.png")
    assert smile is not None and smile.given is None
    assert smile.teeth.mean() > 0.8 * smile.skin.mean() and smile.sharpness > 5
    assert measured(editor, tmp_path / "black.png") is None
    with pytest.raises(DatasetError, match="smiles"):
        main(["--photos", str(tmp_path)])

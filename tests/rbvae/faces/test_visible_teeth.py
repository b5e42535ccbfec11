"""Whether an open mouth shows teeth: dark, blurred and yellow ones are told from lips, tongues and gums."""

import cv2
import numpy as np
import pytest
from skimage import data

from rbvae.faces.lips import shut
from rbvae.faces.mesh import INNER_LIPS, POINTS
from rbvae.faces.openings import Opening
from rbvae.faces.teeth_colours import shows_teeth
from rbvae.faces.view import FaceView
from tests.mouths import painted, smiling


@pytest.mark.parametrize("inside, shown", [
    ((225, 210, 195), True), ((60, 25, 25), False), ((150, 70, 70), False), ((170, 80, 85), False),
    ((120, 45, 50), False),
])  # fmt: skip
def test_an_open_mouth_is_taken_for_toothed_if_it_is_brighter_or_less_red_than_lips_and_skin(inside, shown):
    """Teeth, darkness, lips, a tongue, gums."""
    assert FaceView(painted(data.astronaut(), smiling(), inside), smiling()).has_teeth == shown
    assert not FaceView(data.astronaut(), shut(smiling()[:POINTS])).has_teeth


@pytest.mark.parametrize("light, blur", [((1, 1, 1), 2.0), ((0.45, 0.42, 0.4), 0.0), ((0.85, 0.72, 0.58), 0.0)])
def test_blurred_dark_and_yellow_teeth_are_seen_though_they_lend_none(light, blur):
    photo, lips = data.astronaut().astype(np.float32), Opening.of(smiling(), INNER_LIPS)
    photo *= 1 + lips.mask((0, 0, 512, 512), 0.6)[..., None] * (np.float32(light) - 1)
    photo = np.rint(cv2.GaussianBlur(photo, (0, 0), max(blur, 0.01))).clip(0, 255).astype(np.uint8)
    assert FaceView(photo, smiling()).has_teeth
    assert blur or not shows_teeth(photo, lips)

"""The faces of nobody that the app offers to take an expression from."""

import numpy as np
import pytest

from app.page.faces_tab import MADE_UP, STRONG_SIGMAS, made_up
from app.server.editors import TRUNCATION, synthetic_images
from rbvae import Portrait
from tests.conftest import DIRECTIONS


def test_each_named_expression_has_a_face_and_the_rest_are_at_random(editors):
    faces = made_up(editors.faces)
    told = len(DIRECTIONS["faces"])
    assert len(faces) == MADE_UP > told
    for (portrait, title), direction in zip(faces, editors.faces.directions, strict=False):
        assert title == f"Made-up face, {direction.name}"
        assert portrait.e == pytest.approx(min(direction.high, STRONG_SIGMAS) * direction.sigma * direction.vector)
        assert np.array_equal(np.asarray(portrait.crop), np.asarray(editors.faces.edit(portrait, portrait.e).crop))
    assert faces[-1][1] == f"Made-up face {MADE_UP}"
    at_random = synthetic_images(editors.faces, MADE_UP, 3, Portrait)[-1]
    assert np.array_equal(synthetic_images(editors.faces, MADE_UP, 3, Portrait, [portrait.e])[-1].e, at_random.e)


def test_people_are_drawn_nearer_to_the_mean_than_the_prior(editors):
    z = np.stack([picture.z for picture in synthetic_images(editors.faces, 64, 0, Portrait)])
    assert z.std() == pytest.approx(TRUNCATION, rel=0.1)

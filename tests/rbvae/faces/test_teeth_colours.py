"""The colour of teeth follows the light more than the skin, and is measured where a photo shows them."""

import numpy as np
import pytest
from skimage import data

from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening
from rbvae.faces.teeth_colours import (
    ALONE,
    MOST_CONTRAST,
    brightness_of,
    shows_teeth,
    teeth_colour,
    visible_teeth,
    whites,
)
from tests.mouths import (
    SIDE,
    TOOTH,
    at_rest,
    opened,
    painted,
    plain,
    smiling,
)

SKIN = np.array([200.0, 160, 140])


def test_teeth_are_darker_where_there_is_less_light():
    lights = np.array([1.0, 0.7, 0.4, 0.1])
    levels = [teeth_colour(200 * light * np.ones(3), light * SKIN, 210 * light).mean() for light in lights]
    assert (np.diff(levels) < 0).all() and levels[2] < 0.7 * levels[0]
    photo = data.astronaut()
    bright, dark = (whites(one, smiling()) for one in (photo, (0.4 * photo).astype(np.uint8)))
    np.testing.assert_allclose(dark, 0.4 * bright, rtol=0.03)


def test_at_equal_light_the_colour_of_teeth_hardly_depends_on_the_skin():
    """Skin of little more than half the brightness has teeth of the same hue, a tenth darker if the photo is sharp."""
    eyes = np.array([200.0, 190, 180])
    for sharpness, least in ((60.0, 0.87), (15.0, 0.75)):
        light, dark = teeth_colour(eyes, SKIN, 210, sharpness), teeth_colour(eyes, 0.55 * SKIN, 150, sharpness)
        np.testing.assert_allclose(dark / dark.mean(), light / light.mean())
        assert least < dark.mean() / light.mean() < 1


def test_eyes_in_shadow_or_behind_sunglasses_do_not_darken_teeth():
    in_shadow, dim, bright = (teeth_colour(share * SKIN, SKIN, 210).mean() for share in (0.3, 0.8, 1.0))
    assert in_shadow == pytest.approx(dim) and dim < bright


SHARP_SMILES = {  # medians over smiles: the colours of teeth, of the eyes' white and of skin, and its brightest level
    "synthetic": ((200, 176, 160), (165, 128, 121), (197, 146, 130), 200),
    "London": ((198, 184, 178), (169, 150, 147), (180, 142, 127), 179),
}


@pytest.mark.parametrize(("teeth", "eyes", "skin", "brightest"), SHARP_SMILES.values(), ids=SHARP_SMILES)
def test_teeth_in_a_sharp_photo_are_as_bright_as_those_of_real_smiles(teeth, eyes, skin, brightest):
    found = teeth_colour(np.array(eyes, float), np.array(skin, float), brightest)
    assert 0.9 < found.mean() / np.mean(teeth) < 1


def test_teeth_in_a_dim_photo_are_as_bright_as_those_of_real_smiles():
    """In blurred photos of LFW and UTKFace with skin of 70 grey levels, teeth are 1.2 to 1.4 times as bright."""
    dim = teeth_colour(np.full(3, 70.0), np.full(3, 70.0), 100.0, 15.0).mean() / 70
    assert 1.2 < dim < 1.4


def cast(colour):
    """The log ratios of a colour's channels to their mean."""
    return np.log(colour) - np.log(colour).mean()


def test_teeth_are_warm_and_less_so_than_the_skin():
    """1,130 smiles of LFW and UTKFace: skin around the mouth of (0.3, -0.3) has teeth of (0.13, -0.12)."""
    for skin in (SKIN, SKIN * [1.2, 1, 0.75]):
        for eyes in (np.full(3, 200.0), np.array([200.0, 160, 110])):
            teeth = cast(teeth_colour(eyes, skin, 210.0))
            assert teeth[0] > teeth[1] > teeth[2]
            assert teeth[0] < cast(skin)[0] and teeth[2] > cast(skin)[2]
    for sharpness, expected in ((15.0, [0.17, -0.03, -0.14]), (60.0, [0.12, 0.01, -0.13])):
        typical = cast(teeth_colour(np.full(3, 200.0), 100 * np.exp([0.3, 0, -0.3]), 210.0, sharpness))
        np.testing.assert_allclose(typical, expected, atol=0.02)


def test_teeth_have_the_colour_of_strongly_coloured_light():
    plain = cast(teeth_colour(np.full(3, 200.0), SKIN, 210.0))
    for light in ([0.6, 0.8, 1.6], [1.8, 0.9, 0.4]):
        teeth = cast(teeth_colour(np.full(3, 200.0) * light, SKIN * light, 210.0))
        assert ((teeth - plain) * cast(np.array(light)) > 0)[[0, 2]].all()
        assert np.abs(teeth - plain).max() > 0.25 * np.abs(cast(np.array(light))).max()


def test_teeth_do_not_outshine_the_skin_nor_vanish_in_the_dark():
    eyes = np.full(3, 240.0)
    assert teeth_colour(eyes, SKIN / 5, 40).mean() < 1.02 * MOST_CONTRAST * 40
    black = np.zeros(3)
    assert np.isfinite(teeth_colour(black, black, 0.0)).all() and teeth_colour(black, black, 20.0).min() > 5


def test_a_smile_shows_teeth_and_a_dark_or_red_mouth_does_not():
    photo, mouth = data.astronaut(), Opening.of(smiling(), INNER_LIPS)
    assert shows_teeth(photo, mouth)
    for colour in ((40, 20, 20), (200, 60, 60)):
        assert not shows_teeth(painted(photo, smiling(), colour), mouth)
    assert not shows_teeth(plain(), Opening.of(at_rest(), INNER_LIPS))


def test_the_colour_of_teeth_is_measured_among_lips_and_gaps():
    after = opened(0.1, 1.2)
    photo, mouth = painted(plain(), after, TOOTH), Opening.of(after, INNER_LIPS)
    left, top, right, bottom = mouth.box(1, SIDE, SIDE)
    photo[top:bottom, left : (left + right) // 2 - 20] = (90, 40, 40)
    photo[top:bottom, left:right:8] = np.array(TOOTH) // 3
    np.testing.assert_allclose(visible_teeth(photo, mouth), ALONE * np.array(TOOTH), atol=2)
    assert visible_teeth(painted(plain(), after, (90, 40, 40)), mouth) is None


def test_teeth_are_seen_in_the_light_of_lamps():
    """In orange light teeth have a colour, but less of it than the skin."""
    lamp = (data.astronaut() * [1.0, 0.72, 0.42]).astype(np.uint8)
    assert shows_teeth(lamp, Opening.of(smiling(), INNER_LIPS))
    lips = painted(lamp, smiling(), (200, 110, 50))
    assert not shows_teeth(lips, Opening.of(smiling(), INNER_LIPS))


def test_the_brightness_of_very_few_pixels_is_a_number():
    for count in range(1, 6):
        pixels = np.arange(3.0 * count).reshape(count, 3) * 20
        assert np.isfinite(brightness_of(pixels)).all()

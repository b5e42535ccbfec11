"""The inside of the mouth of another photo, fitted to the lips of an edit."""

import numpy as np
from skimage import data

from rbvae.faces.lips import shut
from rbvae.faces.mesh import INNER_LIPS, POINTS
from rbvae.faces.mouth import KEPT, Mouth, stretched
from rbvae.faces.openings import Opening
from rbvae.faces.teeth_colours import brightness_of
from tests.mouths import DARK, GREEN, WHOLE, opened, painted, smiling


def test_a_mouth_that_opens_wider_keeps_the_size_of_its_upper_part():
    v = np.linspace(0, 1, 101)
    np.testing.assert_allclose(stretched(v, 1.0), v)
    twice = stretched(v, 2.0)
    assert twice[0] == 0 and twice[-1] == 1 and np.diff(twice).min() > 0
    np.testing.assert_allclose(twice[v < KEPT / 2], 2 * v[v < KEPT / 2])


def stripes() -> Mouth:
    """A mouth whose upper half is white and whose lower half is green."""
    picture = np.zeros((120, 240, 3), np.uint8)
    picture[:60], picture[60:] = (255, 255, 255), GREEN
    x = np.linspace(20, 220, 11)
    upper, lower = (np.stack([x, 60 + way * 30 * np.sqrt(1 - np.linspace(-1, 1, 11) ** 2)], axis=1) for way in (-1, 1))
    return Mouth(picture, Opening(upper, lower), np.ones(3))


def test_a_donors_mouth_keeps_its_teeth_above_when_the_lips_part_further():
    target = Opening.of(opened(0.6), INNER_LIPS)
    filled = stripes().fill(target, np.zeros(2), target.box(0, *WHOLE[2:]))
    inside = target.mask(target.box(0, *WHOLE[2:]), 0) > 0.99
    white = (filled[inside] > 200).all(axis=1).mean()
    assert 0.2 < white < 0.4  # at twice the height, half as much as the upper half


def test_a_donors_mouth_is_cropped_where_the_lips_part_less():
    target = Opening.of(opened(0.06), INNER_LIPS)
    filled = stripes().fill(target, np.zeros(2), target.box(0, *WHOLE[2:]))
    inside = target.mask(target.box(0, *WHOLE[2:]), 0) > 0.99
    assert (filled[inside][:, 0] > 200).any() and (filled[inside][:, 0] < 100).any()  # its middle is what is seen


def test_a_donors_teeth_take_the_colour_of_the_face_and_a_toothless_mouth_does_not():
    mouth = Mouth.of(data.astronaut(), smiling())
    wanted = np.array([120.0, 100, 90])
    coloured = mouth.coloured(wanted)
    inside = mouth.opening.mask((0, 0, *mouth.picture.shape[1::-1]), 0) > 0.5
    np.testing.assert_allclose(brightness_of(mouth.picture[inside] * coloured.gain), wanted, rtol=0.05)
    dark = Mouth.of(painted(data.astronaut(), smiling(), DARK), smiling())
    np.testing.assert_array_equal(dark.coloured(wanted).gain, 1)


def test_a_donor_lends_teeth_that_are_seen_finely_and_from_the_same_side():
    smile = Mouth.of(data.astronaut(), smiling())
    width = smile.opening.width
    assert smile.lends_teeth(width, turn=0) and smile.lends_teeth(1.6 * width, turn=-20)
    assert not smile.lends_teeth(2.1 * width, turn=0)  # they would be blurred
    assert not smile.lends_teeth(width, turn=40)
    for colour in ((40, 20, 20), (200, 60, 60), (190, 120, 60)):  # dark, red, or orange like the skin of a warm photo
        assert not Mouth.of(painted(data.astronaut(), smiling(), colour), smiling()).lends_teeth(width, turn=0)
    shut_mouth = Mouth.of(data.astronaut(), shut(smiling()[:POINTS]))
    assert not shut_mouth.lends_teeth(width, turn=0)

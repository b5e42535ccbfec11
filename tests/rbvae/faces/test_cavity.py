"""The inside of the mouth behind the teeth is dark, in the light of the photo, with a tongue where it is wide open."""

import numpy as np

from rbvae.faces.cavity import BRIGHT_TEETH, CAVITY, TONGUE, Cavity


def test_the_cavity_has_the_colour_of_the_light_and_the_haze_of_the_photo():
    places = np.full((1, 1), 0.5), np.full((1, 1), 0.3)
    usual = Cavity.beside(BRIGHT_TEETH, 0.0).at(*places, gap=0.1)[0, 0]
    np.testing.assert_allclose(usual, CAVITY, atol=1)
    green, hazy = Cavity.beside(np.array([90.0, 150, 120]), 0.0), Cavity.beside(BRIGHT_TEETH, 60.0)
    assert green.dark[1] / green.dark[0] > 1.5 * usual[1] / usual[0]
    assert (hazy.dark > usual + 40).all() and (hazy.tongue > TONGUE).all()


def test_a_tongue_is_pink_and_round():
    """As in 46 wide mouths of photos: dark above, from the middle on 1.4 : .8 : .8 of its brightness, later aside."""
    s, v = np.meshgrid(np.linspace(0, 1, 21), np.linspace(0, 1, 41))
    tongue = Cavity.beside(BRIGHT_TEETH, 0.0).at(s, v, gap=0.45)
    middle = tongue[:, 10]
    assert middle[:14].mean(axis=1).max() < 35 < 80 < middle[26].mean()
    np.testing.assert_allclose(middle[36] / middle[36].mean(), [1.41, 0.81, 0.77], atol=0.05)
    starts = [int(np.argmax(tongue[:, at].mean(axis=1) > 50)) for at in (10, 7, 5)]
    assert starts[0] < starts[1] < starts[2]

"""The inside of the mouth behind the teeth is dark, in the light of the photo, with a tongue and lower teeth below."""

import numpy as np
import pytest

from rbvae.faces.cavity import BRIGHT_TEETH, DARK, Cavity

S, V = np.meshgrid(np.linspace(0.02, 0.98, 49), np.linspace(0.01, 0.99, 50))
WIDE = 0.45  # gap of a mouth


def cavity(gap: float, **options) -> np.ndarray:
    return Cavity.beside(BRIGHT_TEETH, 0.0, **options).at(S, V, gap)


def test_a_mouth_that_is_hardly_open_is_dark():
    np.testing.assert_allclose(cavity(0.05), np.broadcast_to(DARK, (50, 49, 3)), atol=1)


def test_it_has_the_colour_of_the_light_and_the_haze_of_the_photo():
    usual = cavity(WIDE)
    green = Cavity.beside(np.array([90.0, 150, 120]), 0.0).at(S, V, WIDE)
    hazy = Cavity.beside(BRIGHT_TEETH, 60.0).at(S, V, WIDE)
    np.testing.assert_allclose(green, usual * [90 / 199, 150 / 176, 120 / 165], atol=0.1)
    assert (hazy[:15] > usual[:15] + 40).all() and hazy.max() < 255


def test_a_wide_mouth_shows_a_tongue_and_lower_teeth():
    """Dark above and at the corners, as in 46 wide mouths of photos; then red, then bright and nearly colourless."""
    middle, corner = cavity(WIDE)[:, 20:29].mean(axis=1), cavity(WIDE)[25:35, :3]
    light, red = middle.mean(axis=1), middle[:, 0] / middle[:, 1:].mean(axis=1)
    tongue, teeth = slice(26, 34), slice(39, 46)
    assert light[:15].max() < 40 and corner.mean() < 40
    assert light[tongue].mean() > 1.5 * light[:15].mean() and red[tongue].min() > 1.5
    assert light[teeth].min() > 100 and red[teeth].max() < 1.45


@pytest.mark.parametrize("gap, shown", [(0.28, 0.75), (0.22, 0.5)])
def test_the_lower_lip_covers_lower_teeth_of_a_mouth_that_is_less_open(gap, shown):
    def height(gap: float) -> float:
        middle = cavity(gap)[:, 20:29].mean(axis=1)
        bright = middle[:, 0] / middle[:, 1:].mean(axis=1) < 1.45
        return bright[25:].mean() * gap

    assert 0 < height(gap) < shown * height(WIDE)


def test_infants_have_no_lower_teeth():
    red = cavity(WIDE, toothless=True)[25:, 15:34]
    assert (red[..., 0] > 1.3 * red[..., 1:].mean(axis=-1)).all()


def test_it_is_as_blurred_as_the_photo():
    sharp, blurred = (np.abs(np.diff(cavity(WIDE, blur=blur), axis=1)).mean() for blur in (0.0, 0.03))
    assert blurred < 0.6 * sharp

"""Infants are told by the proportions of their faces, and get no teeth."""

from dataclasses import replace

import numpy as np
import pytest

from rbvae.faces.infants import PAIRS, is_infant, proportions, youth
from rbvae.faces.mouth import draw_mouth
from rbvae.faces.teeth import GUMS, bank
from tests.mouths import DARK, TOOTH, WHOLE, between, opened, opened_mouth, painted, plain, row_of_teeth, sharp, smiling


def infant() -> np.ndarray:
    """The landmarks of an adult with the proportions of an infant: a short lower face, wide cheeks, large irises."""
    points = smiling().copy()
    middle = points[[33, 263]].mean(axis=0)
    below = points[:, 1] > middle[1]
    points[below, 1] = middle[1] + 0.6 * (points[below, 1] - middle[1])
    for rim in (slice(469, 473), slice(474, 478)):
        points[rim] = points[rim].mean(axis=0) + 1.3 * (points[rim] - points[rim].mean(axis=0))
    points[[50, 280], 0] += 0.35 * (points[[50, 280], 0] - middle[0])
    return points


def test_proportions_tell_infants_whatever_their_size_and_turn():
    assert not is_infant(smiling()) and is_infant(infant())
    turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]])
    np.testing.assert_allclose(proportions(3 * infant() @ turn + 7), proportions(infant()), atol=1e-9)
    assert len(proportions(smiling())) == len(PAIRS)
    between = (smiling() + infant()) / 2
    assert youth(smiling()) == 0 < youth(between) < 0.5 < youth(infant())


def test_an_infant_gets_gums_and_keeps_its_own_teeth():
    teeth = row_of_teeth()
    gums = replace(teeth, row=teeth.row.gums(), gums=True, toothless=True)
    brightest = [int(opened_mouth(0.25, filling=of)[1].min(axis=1).max()) for of in (teeth, gums)]
    assert brightest[0] > 0.8 * min(TOOTH) and brightest[1] < 1.15 * GUMS.min()
    for inside, filling, bright in ((DARK, teeth, True), (DARK, gums, False), (TOOTH, gums, True)):
        out = painted(plain(), opened(0.2), inside)
        draw_mouth(out, WHOLE, sharp(out.copy(), opened(0.2)), opened(0.3, 1.4), filling)
        pixels = out[between(opened(0.3, 1.4))]
        assert (pixels.min(axis=1).max() > 0.7 * min(TOOTH)) == bright
        assert np.median(pixels, axis=0)[0] > 1.5 * DARK[0]  # also gums replace a dark inside


@pytest.mark.parametrize("row", bank()[:4])
def test_gums_have_no_detail_and_the_light_of_the_teeth(row):
    assert row.gums().detail < 0.3 * row.detail and np.array_equal(row.gums().colour, row.colour)

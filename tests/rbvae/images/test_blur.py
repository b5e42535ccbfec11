"""The blur of a picture is read off its edges."""

import cv2
import numpy as np
import pytest
from skimage import data

from rbvae.images.blur import estimate_blur


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    """Triangles of random colours, with edges as sharp as pixels allow."""
    rng, large = np.random.default_rng(0), np.full((1200, 1200, 3), 128, np.uint8)
    for _ in range(40):
        corners = rng.integers(0, 1200, 2) + rng.integers(-250, 250, (3, 2))
        cv2.fillPoly(large, [corners.astype(np.int32)], [int(v) for v in rng.integers(20, 235, 3)])
    return cv2.resize(large, (400, 400), interpolation=cv2.INTER_AREA)


def blurred(picture: np.ndarray, by: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), by)


@pytest.mark.parametrize("by", [1.5, 2.0, 2.5, 3.0, 4.0])
def test_a_known_blur_is_found_within_a_quarter(sharp, by):
    assert estimate_blur(blurred(sharp, by)) == pytest.approx(by, rel=0.25)


def test_small_blurs_are_found_in_order(sharp):
    """Below 1.5 pixels the width of a pixel counts, so the estimate is up to 0.9 for a sharp picture."""
    found = [estimate_blur(sharp), *(estimate_blur(blurred(sharp, by)) for by in (0.6, 1.0, 1.5))]
    assert np.diff(found).min() > 0.05 and found[0] < 0.9


def test_blur_does_not_depend_on_contrast_or_brightness(sharp):
    picture = blurred(sharp, 2.0)
    for paler in (picture // 2, 120 + picture // 4):
        assert estimate_blur(paler) == pytest.approx(estimate_blur(picture), rel=0.1)


def test_a_photo_enlarged_three_times_is_three_times_as_blurred():
    photo = blurred(data.astronaut()[70:180, 180:270], 1.0)
    large = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert estimate_blur(large) / estimate_blur(photo) == pytest.approx(3, rel=0.25)


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_a_picture_without_edges_has_some_blur_and_no_error(colour):
    assert 0 < estimate_blur(np.full((40, 50, 3), colour, np.uint8)) <= 5

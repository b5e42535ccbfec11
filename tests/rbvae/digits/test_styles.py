"""The paper's A.3.1, on digits drawn here."""

import pytest
import torch
from torch.nn import functional as F

from rbvae.digits.styles import FACTORS, DigitStyle, apply_style, outlines, random_styles
from rbvae.errors import ImageError


def filled_square(n=1):
    digits = torch.zeros(n, 28, 28, dtype=torch.uint8)
    digits[:, 8:20, 8:20] = 255
    return digits


def style(color=(1.0, 0.0, 0.0), scale=1.0, width=1):
    return DigitStyle(torch.tensor([color]), torch.tensor([scale]), torch.tensor([width]))


def test_outline_is_hollow():
    edges = outlines(filled_square())
    assert edges.shape == (1, 1, 64, 64) and edges.dtype == torch.uint8
    assert edges.max() == 255 and edges[0, 0, 32, 32] == 0 and edges[0, 0, 0, 0] == 0


@pytest.mark.parametrize("width", range(1, 11))
def test_dilation_is_by_a_square_of_width_pixels(width):
    edges = outlines(filled_square())
    padded = F.pad(edges.float(), ((width - 1) // 2, width // 2) * 2)
    expected = F.max_pool2d(padded, width, stride=1)
    assert torch.equal(apply_style(edges, style(width=width))[:, :1].float(), expected)


def test_width_one_and_white_is_the_outline_itself():
    edges = outlines(filled_square())
    assert torch.equal(apply_style(edges, style(color=(1.0, 1.0, 1.0))), edges.expand(-1, 3, -1, -1))


def test_colour_multiplies_the_pixel():
    styled = apply_style(outlines(filled_square()), style(color=(0.5, 0.3, 0.2)))
    peaks = styled.amax(dim=(0, 2, 3)).tolist()
    assert peaks == [128, 76, 51]


def test_scale_shrinks_about_the_centre_and_pads_with_zeros():
    edges = outlines(filled_square())
    full, half = (apply_style(edges, style(scale=scale))[0, 0] > 60 for scale in (1.0, 0.5))

    def extent(mask):
        rows = mask.any(dim=1).nonzero()[:, 0]
        return rows.min().item(), rows.max().item()

    (top, bottom), (half_top, half_bottom) = extent(full), extent(half)
    assert (half_bottom - half_top) == pytest.approx((bottom - top) / 2, abs=2)
    assert (half_bottom + half_top) / 2 == pytest.approx((bottom + top) / 2, abs=1)


def test_random_styles_stay_in_the_papers_ranges():
    styles = random_styles(5000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(styles.color.sum(dim=1), torch.ones(5000))
    assert styles.scale.min() >= 0.5 and styles.scale.max() <= 1.0
    assert sorted(styles.width.unique().tolist()) == list(range(1, 11))
    factors = styles.factors()
    assert factors.shape == (5000, len(FACTORS)) and factors.min() >= 0 and factors.max() <= 1


def test_one_seed_gives_one_set_of_digits():
    edges = outlines(filled_square(50))
    first, again, other = (
        apply_style(edges, random_styles(50, torch.Generator().manual_seed(seed))) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_wrong_input_is_named():
    with pytest.raises(ImageError, match="float32"):
        outlines(torch.zeros(1, 28, 28))
    with pytest.raises(ImageError, match="2 digits and 1 styles"):
        apply_style(outlines(filled_square(2)), style())

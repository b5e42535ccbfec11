"""Shapes, ranges and the claims that the networks' docstrings make."""

import pytest
import torch

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.models.blocks import LEAK, LeakyPixelNorm, PixelNorm
from rbvae.models.discriminators import Discriminator
from rbvae.models.model import RbVAE

SMALL = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize(("size", "patch"), [(32, 1), (48, 1), (64, 1), (64, 2), (96, 1), (96, 2), (128, 2)])
def test_every_image_size_goes_in_and_comes_out(size, patch, linear):
    model = RbVAE(ModelConfig(image_size=size, width=4, dim_z=8, dim_e=2, patch=patch, linear=linear))
    with torch.no_grad():
        images = model(torch.zeros(2, 3, size, size))
    assert images.shape == (2, 3, size, size)
    assert images.abs().max() <= 1


def test_config_survives_json():
    assert ModelConfig.from_json(SMALL.to_json()) == SMALL


@pytest.mark.parametrize(
    "field", [{"image_size": 50}, {"width": 0}, {"dim_e": "8"}, {"patch": 5}, {"linear_patch": 5}, {"dim_z": True}]
)
def test_a_setting_out_of_range_is_named(field):
    with pytest.raises(ConfigError, match=next(iter(field))):
        ModelConfig(**field)


def test_unknown_settings_are_refused():
    with pytest.raises(ConfigError, match="depth"):
        ModelConfig.from_dict({"depth": 3})
    with pytest.raises(ConfigError, match="not JSON"):
        ModelConfig.from_json("{")


def test_e_ref_is_one_e_for_every_z():
    model = RbVAE(SMALL)
    torch.nn.init.normal_(model.e_ref)
    z = torch.randn(3, 16)
    expected = model.decode(z, model.e_ref.repeat(3, 1))
    assert torch.equal(model.decode_reference(z), expected)


def test_e_changes_the_picture_from_the_start():
    torch.manual_seed(0)
    model = RbVAE(SMALL)
    z = torch.randn(1, 16)
    assert (model.decode(z, torch.full((1, 4), 2.0)) - model.decode(z, torch.zeros(1, 4))).abs().max() > 1e-3


def test_discriminator_sees_a_mismatched_pair():
    """A net that only adds f(x) + w(z) has no mixed second difference; this one must."""
    torch.manual_seed(0)
    disc = Discriminator(SMALL, 16)
    x, z = torch.randn(2, 3, 32, 32), 3 * torch.randn(2, 16)
    with torch.no_grad():
        matched = disc(x, z)
        crossed = disc(x, z.flip(0))
    assert (matched.sum() - crossed.sum()).abs() > 1e-4


def test_discriminator_has_no_normalisation():
    names = [type(module).__name__ for module in Discriminator(SMALL, 16).modules()]
    assert not [name for name in names if "Norm" in name]


def test_leaky_pixel_norm_and_its_gradient_match_the_plain_formula():
    h = torch.randn(3, 8, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    plain = torch.nn.Sequential(torch.nn.LeakyReLU(LEAK), PixelNorm())
    torch.testing.assert_close(LeakyPixelNorm()(h), plain(h))
    torch.testing.assert_close(LeakyPixelNorm()(h.detach()), plain(h))
    assert torch.autograd.gradcheck(LeakyPixelNorm(), (h,))

"""Refining draws every picture more closely, none less so, each for itself, and leaves the model as it is."""

import numpy as np
import pytest
import torch

from rbvae import ConfigError, RbVAE
from rbvae.refining import refine
from tests.conftest import TINY


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return RbVAE(TINY).eval()


@pytest.fixture(scope="module")
def inferred(model):
    """Pictures that the model can draw, and a z and an e that are off."""
    rng = torch.Generator().manual_seed(1)
    z, e = torch.randn(6, 16, generator=rng), torch.randn(6, 4, generator=rng)
    with torch.no_grad():
        x = model.decode(z, e)
    return x, z + 0.5 * torch.randn(6, 16, generator=rng), e + 0.5 * torch.randn(6, 4, generator=rng)


def errors(model, x, z, e):
    with torch.no_grad():
        return (model.decode(z, e) - x).abs().mean(dim=(1, 2, 3))


def test_every_picture_is_drawn_more_closely(model, inferred):
    x, z, e = inferred
    before, after = errors(model, x, z, e), errors(model, x, *refine(model, x, z, e))
    assert (after < 0.7 * before).all(), (before, after)


def test_what_is_drawn_exactly_already_stays(model, inferred):
    _, z, e = inferred
    with torch.no_grad():
        x = model.decode(z, e)
    again = refine(model, x, z, e)
    assert torch.equal(again[0], z) and torch.equal(again[1], e)


def test_each_picture_is_refined_for_itself(model, inferred):
    together = refine(model, *inferred, steps=5)
    alone = [refine(model, *(part[i : i + 1] for part in inferred), steps=5) for i in range(6)]
    for k in (0, 1):
        torch.testing.assert_close(together[k], torch.cat([one[k] for one in alone]), atol=1e-4, rtol=0)


def test_the_model_and_what_was_given_stay_as_they_were(model, inferred):
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    given = [part.clone() for part in inferred]
    refine(model, *inferred, steps=3)
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(part, before) for part, before in zip(inferred, given, strict=True))


def test_it_works_where_gradients_are_off(model, inferred):
    expected = refine(model, *inferred, steps=3)
    with torch.inference_mode():
        found = refine(model, *(part.clone() for part in inferred), steps=3)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert not found[0].requires_grad


@pytest.mark.parametrize("steps", [-1, 1001, 2.5, True, "20"])
def test_steps_that_are_none_are_refused(model, inferred, steps):
    with pytest.raises(ConfigError, match="from 0 to 1000"):
        refine(model, *inferred, steps=steps)


def test_no_steps_change_nothing(model, inferred):
    x, z, e = inferred
    found = refine(model, x, z, e, steps=0)
    assert np.array_equal(found[0], z) and np.array_equal(found[1], e)

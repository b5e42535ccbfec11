"""MM-cVAE and SepVAE: their terms in closed form or against a plain reference."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from rbvae.config import ModelConfig
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.joints import draw_noise
from rbvae.models.model import RbVAE
from rbvae.objectives import ObjectiveConfig, get_method, means
from rbvae.objectives.baselines import mm_cvae, sep_vae
from rbvae.objectives.method import drawn_from_prior

SMALL = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)
OBJECTIVE = ObjectiveConfig()


def drawn(name: str, model: RbVAE, count: int = 3):
    """Draws of a method from random images, the same for every method."""
    rng = torch.Generator().manual_seed(0)
    x_u, x_r = (torch.rand(count, 3, 32, 32, generator=rng) * 2 - 1 for _ in range(2))
    return get_method(name).draw(model, x_u, x_r, draw_noise(SMALL, count, rng), OBJECTIVE, drawn_from_prior)


def test_the_discrepancy_of_one_distribution_vanishes_and_grows_with_the_distance():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(400, 3, generator=rng), torch.randn(400, 3, generator=rng)
    found = [mm_cvae.discrepancy(a, b + shift).item() for shift in (0.0, 1.0, 3.0)]
    assert mm_cvae.discrepancy(a, a).item() == pytest.approx(0, abs=1e-6)
    assert found[0] < 0.05 < found[1] < found[2]


def test_the_discrepancy_is_that_of_its_kernel():
    a, b = torch.tensor([[0.0]]), torch.tensor([[2.0]])
    kernel = sum(torch.exp(torch.tensor(-(10.0**power) * 4)) for power in range(-6, 7))
    assert mm_cvae.discrepancy(a, b).item() == pytest.approx(2 * (13 - kernel.item()), rel=1e-5)


def test_mm_cvae_is_rb_vae_and_two_discrepancies():
    torch.manual_seed(0)
    model = RbVAE(SMALL)
    draws = drawn("mmcvae", model)
    ours = means(mm_cvae.model_terms(model, {}, draws, OBJECTIVE))
    plain = means(get_method("rb").model_terms(model, {}, draws.q, OBJECTIVE))
    assert set(ours) - set(plain) == {"match_z", "match_e_r"}
    assert all(ours[name] == plain[name] for name in plain)


def test_the_discrepancy_of_e_moves_references_to_e_ref_and_never_e_ref():
    model = RbVAE(SMALL)
    terms = mm_cvae.model_terms(model, {}, drawn("mmcvae", model), OBJECTIVE)
    terms.match_e_r.mean().backward()
    assert model.e_ref.grad is None and any(p.grad is not None for p in model.encoder_e.parameters())


def test_the_weights_of_the_relatives_follow_one_setting():
    for name, added in (("mmcvae", {"match_z", "match_e_r"}), ("sepvae", {"information"})):
        one, ten = (get_method(name).weights(ObjectiveConfig(separation_weight=w), SMALL) for w in (1.0, 10.0))
        assert {term for term in one if ten[term] == pytest.approx(10 * one[term])} == added
        assert all(one[term] == ten[term] for term in set(one) - added)


def test_a_references_e_is_held_to_a_narrow_gaussian_about_e_ref():
    """As its variance is constant, the divergence changes as the mean's part of it does."""
    rng = torch.Generator().manual_seed(0)
    means, constant = torch.randn(5, 4, generator=rng), torch.randn(4, generator=rng)
    q = DiagonalGaussian(means, torch.full_like(means, math.log(sep_vae.POSTERIOR_VAR)))
    narrow = Normal(constant.expand(5, 4), math.sqrt(sep_vae.PRIOR_VAR))
    expected = kl_divergence(Normal(q.mean, (0.5 * q.log_var).exp()), narrow).sum(dim=1)
    found = sep_vae.kl_to_constant(q, constant)
    torch.testing.assert_close(found - found[0], expected - expected[0])


def test_a_references_e_has_a_constant_variance_and_that_of_others_is_learned():
    torch.manual_seed(0)
    draws = drawn("sepvae", RbVAE(SMALL))
    assert torch.allclose(draws.q_e.log_var[3:].exp(), torch.tensor(sep_vae.POSTERIOR_VAR))
    assert draws.q_e.log_var[:3].std() > 0


def test_only_positive_estimates_of_the_information_count():
    torch.manual_seed(0)
    model = RbVAE(SMALL)
    discs = get_method("sepvae").discriminators(SMALL, OBJECTIVE)
    for sign in (1, -1):
        with torch.no_grad():
            discs["disc_pairs"].layers[-1].bias.fill_(sign * 100.0)
        information = sep_vae.model_terms(model, discs, drawn("sepvae", model), OBJECTIVE).information
        assert (information > 90).all() if sign > 0 else (information == 0).all()


def test_sep_vae_decodes_references_with_e_ref_alone():
    torch.manual_seed(0)
    model = RbVAE(SMALL)
    discs = get_method("sepvae").discriminators(SMALL, OBJECTIVE)
    draws = drawn("sepvae", model)
    terms = sep_vae.model_terms(model, discs, draws, OBJECTIVE)
    expected = model.nll(draws.x[3:], model.decode_reference(draws.z[3:]), OBJECTIVE.laplace_scale)
    torch.testing.assert_close(terms.image_r, expected)


def test_the_information_of_independent_latents_is_estimated_as_none_and_of_equal_ones_as_much():
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    for equal in (False, True):
        disc = sep_vae.Classifier(2)
        optimizer = torch.optim.Adam(disc.parameters(), 3e-3)
        discs = {"disc_pairs": disc, "disc_salient": sep_vae.Classifier(1)}
        for _ in range(200):
            z = torch.randn(256, 1, generator=rng)
            e = z if equal else torch.randn(256, 1, generator=rng)
            nothing = DiagonalGaussian(z, z)
            draws = sep_vae.Draws(z, nothing, nothing, z, e)
            optimizer.zero_grad()
            sep_vae.discriminator_terms(discs, draws, OBJECTIVE).classify_pairs.mean().backward()
            optimizer.step()
        information = disc(torch.cat([z, e], dim=1)).mean().item()
        assert information > 1 if equal else abs(information) < 0.2

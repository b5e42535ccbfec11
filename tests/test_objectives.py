"""The equations, in closed form or against a plain reference."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.model import RbVAE
from rbvae.objectives import ObjectiveConfig, get_method, means, method_names
from rbvae.objectives.symmetric import adversarial, classify, gradient_penalty

SMALL = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)
OBJECTIVE = ObjectiveConfig()


def images(n, seed=0):
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_adversarial_of_unit_gaussians_mu_apart_is_mu_squared():
    """With the optimal d = log q/p the raw form is KL(q|p) + KL(p|q), which is mu^2 for N(mu, 1) and N(0, 1)."""
    mu, rng = 1.5, torch.Generator().manual_seed(0)
    q, p = Normal(mu, 1.0), Normal(0.0, 1.0)
    x_q, x_p = mu + torch.randn(200_000, generator=rng), torch.randn(200_000, generator=rng)
    d_q, d_p = (q.log_prob(x) - p.log_prob(x) for x in (x_q, x_p))
    assert adversarial(d_q, d_p, "raw").mean().item() == pytest.approx(mu**2, abs=0.02)
    assert (kl_divergence(q, p) + kl_divergence(p, q)).item() == pytest.approx(mu**2)


def test_optimal_classifier_is_the_log_ratio():
    """The logistic loss is stationary at d = log q/p: its mean gradient vanishes along any feature of x."""
    rng = torch.Generator().manual_seed(0)
    q, p = Normal(1.0, 1.0), Normal(0.0, 1.0)
    x_q, x_p = 1.0 + torch.randn(400_000, generator=rng), torch.randn(400_000, generator=rng)
    slope = torch.zeros(3, requires_grad=True)
    d_q, d_p = (q.log_prob(x) - p.log_prob(x) + slope[0] + slope[1] * x + slope[2] * x.square() for x in (x_q, x_p))
    classify(d_q, d_p).mean().backward()
    assert slope.grad.abs().max() < 0.01


def test_softplus_form_pushes_the_same_way_as_the_raw_form():
    for form in ("raw", "softplus"):
        d_q, d_p = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
        adversarial(d_q, d_p, form).sum().backward()
        assert (d_q.grad > 0).all() and (d_p.grad < 0).all()


def test_raw_form_is_unbounded_and_softplus_is_not_below():
    d = torch.tensor([50.0])
    assert adversarial(-d, d, "raw").item() == -100
    assert adversarial(-d, d, "softplus").item() >= 0


def test_gradient_penalty_of_a_linear_discriminator_is_half_its_squared_weight():
    weight = torch.randn(3 * 8 * 8)
    penalty = gradient_penalty(lambda x: x.flatten(1) @ weight, torch.randn(5, 3, 8, 8))
    torch.testing.assert_close(penalty, 0.5 * weight.square().sum().expand(5))


def test_eq_1_is_the_sum_of_two_evidence_bounds():
    torch.manual_seed(0)
    method, model = get_method("rb"), RbVAE(SMALL)
    torch.nn.init.normal_(model.e_ref)
    q = method.draw(model, images(3), images(3, seed=1), torch.Generator().manual_seed(0))
    terms = method.model_terms(model, {}, q, OBJECTIVE)
    x_hat_r = model.decode_reference(q.z_r)
    expected = -torch.distributions.Laplace(x_hat_r, OBJECTIVE.laplace_scale).log_prob(q.x_r).flatten(1).sum(1)
    torch.testing.assert_close(terms.image_r, expected)
    posterior = Normal(q.q_e_u.mean, (0.5 * q.q_e_u.log_var).exp())
    torch.testing.assert_close(terms.kl_e_u, kl_divergence(posterior, Normal(0.0, 1.0)).sum(1))


def test_rb_vae_never_decodes_references_with_an_inferred_e():
    method, model = get_method("rb"), RbVAE(SMALL)
    q = method.draw(model, images(2), images(2), None)
    terms = method.model_terms(model, {}, q, OBJECTIVE)
    terms.image_r.sum().backward()
    assert model.e_ref.grad.abs().sum() > 0
    assert all(p.grad is None or not p.grad.any() for p in model.encoder_e.parameters())


@pytest.mark.parametrize("name", method_names())
def test_terms_are_per_example_and_weighted_by_name(name):
    method, model = get_method(name), RbVAE(SMALL)
    discs = method.discriminators(SMALL, OBJECTIVE)
    draws = method.draw(model, images(3), images(3), None)
    terms = method.model_terms(model, discs, draws, OBJECTIVE)
    for field in dataclasses.fields(terms):
        assert getattr(terms, field.name).shape == (3,), field.name
    assert {field.name for field in dataclasses.fields(terms)} <= set(method.weights(OBJECTIVE, SMALL))


def test_r1_comes_once_in_a_while_and_is_made_up_for():
    method, model = get_method("srb"), RbVAE(SMALL)
    discs = method.discriminators(SMALL, OBJECTIVE)
    draws = method.draw(model, images(2), images(2), None).detach()
    due, not_due = (means(method.discriminator_terms(discs, draws, OBJECTIVE, step)) for step in (16, 17))
    assert "r1_u" in due and "r1_u" not in not_due
    assert method.weights(OBJECTIVE, SMALL)["r1_u"] == OBJECTIVE.r1_weight * OBJECTIVE.r1_every


def test_symmetric_terms_follow_figure_3():
    """Image cycle on q, latent cycle on p, each against a plain re-computation."""
    torch.manual_seed(0)
    method, model = get_method("srb"), RbVAE(SMALL)
    discs = method.discriminators(SMALL, OBJECTIVE)
    draws = method.draw(model, images(2), images(2, seed=1), torch.Generator().manual_seed(0))
    terms, (q, p) = method.model_terms(model, discs, draws, OBJECTIVE), (draws.q, draws.p)
    torch.testing.assert_close(terms.latent_e_u, model.encoder_e(p.x_u).nll(p.e_u))
    torch.testing.assert_close(terms.latent_z_r, model.encoder_z(p.x_r).nll(p.z_r))
    x_hat = model.decode(q.z_u, q.e_u)
    expected = -torch.distributions.Laplace(x_hat, 1.0).log_prob(q.x_u).flatten(1).sum(1)
    torch.testing.assert_close(terms.image_u, expected)
    raw = method.model_terms(model, discs, draws, dataclasses.replace(OBJECTIVE, form="raw"))
    expected = discs["disc_xz"](q.x_r, q.z_r) - discs["disc_xz"](p.x_r, p.z_r)
    torch.testing.assert_close(raw.adversarial_r, expected, rtol=1e-4, atol=1e-5)


def test_unknown_method_and_form_list_what_there_is():
    with pytest.raises(ConfigError, match="rb, srb"):
        get_method("gan")
    with pytest.raises(ConfigError, match="softplus, raw"):
        ObjectiveConfig(form="hinge")


def test_means_leaves_out_terms_that_are_not_due():
    @dataclasses.dataclass(frozen=True)
    class Terms:
        due: torch.Tensor
        later: torch.Tensor | None = None

    assert means(Terms(torch.tensor([1.0, 3.0]))) == {"due": torch.tensor(2.0)}
    with pytest.raises(TypeError):
        means(SimpleNamespace(due=1))

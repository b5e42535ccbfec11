"""The equations, in closed form or against a plain reference."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.joints import draw_noise
from rbvae.models.model import RbVAE
from rbvae.objectives import ObjectiveConfig, get_method, means, method_names
from rbvae.objectives.adversarial import adversarial, classify
from rbvae.objectives.baselines import tc_vae
from rbvae.objectives.baselines.covariance import covariance_of_latents, covariance_of_means, penalties
from rbvae.objectives.method import drawn_from_prior

SMALL = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)
OBJECTIVE = ObjectiveConfig()


def noise(n, seed=0):
    return draw_noise(SMALL, n, torch.Generator().manual_seed(seed))


def drawn(method, model, x_u, x_r, some):
    return method.draw(model, x_u, x_r, some, OBJECTIVE, drawn_from_prior)


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


def test_every_form_pushes_the_same_way_as_the_raw_form():
    for form in ("raw", "softplus"):
        d_q, d_p = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
        adversarial(d_q, d_p, form).sum().backward()
        assert (d_q.grad > 0).all() and (d_p.grad < 0).all()


def test_raw_form_is_unbounded_and_softplus_is_not_below():
    d = torch.tensor([50.0])
    assert adversarial(-d, d, "raw").item() == -100
    assert adversarial(-d, d, "softplus").item() >= 0


def test_eq_1_is_the_sum_of_two_evidence_bounds():
    torch.manual_seed(0)
    method, model = get_method("rb"), RbVAE(SMALL)
    torch.nn.init.normal_(model.e_ref)
    q = drawn(method, model, images(3), images(3, seed=1), noise(3))
    terms = method.model_terms(model, {}, q, OBJECTIVE)
    x_hat_r = model.decode_reference(q.z_r)
    expected = -torch.distributions.Laplace(x_hat_r, OBJECTIVE.laplace_scale).log_prob(q.x_r).flatten(1).sum(1)
    torch.testing.assert_close(terms.image_r, expected)
    posterior = Normal(q.q_e_u.mean, (0.5 * q.q_e_u.log_var).exp())
    torch.testing.assert_close(terms.kl_e_u, kl_divergence(posterior, Normal(0.0, 1.0)).sum(1))


def test_rb_vae_never_decodes_references_with_an_inferred_e():
    method, model = get_method("rb"), RbVAE(SMALL)
    q = drawn(method, model, images(2), images(2), noise(2))
    terms = method.model_terms(model, {}, q, OBJECTIVE)
    terms.image_r.sum().backward()
    assert model.e_ref.grad.abs().sum() > 0
    assert all(p.grad is None or not p.grad.any() for p in model.encoder_e.parameters())


@pytest.mark.parametrize("name", method_names())
def test_terms_are_per_example_and_weighted_by_name(name):
    method, model = get_method(name), RbVAE(SMALL)
    discs = method.discriminators(SMALL, OBJECTIVE)
    draws = drawn(method, model, images(3), images(3), noise(3))
    terms = method.model_terms(model, discs, draws, OBJECTIVE)
    for field in dataclasses.fields(terms):
        assert getattr(terms, field.name) is None or getattr(terms, field.name).shape in {(3,), (6,)}, field.name
    assert {field.name for field in dataclasses.fields(terms)} <= set(method.weights(OBJECTIVE, SMALL))


def test_the_papers_weights_are_one():
    for name in ("rb", "srb"):
        assert set(get_method(name).weights(OBJECTIVE, SMALL).values()) == {1.0}


def test_symmetric_terms_follow_figure_3():
    """Image cycle on q, latent cycle on p, each against a plain re-computation."""
    torch.manual_seed(0)
    method, model = get_method("srb"), RbVAE(SMALL)
    discs = method.discriminators(SMALL, OBJECTIVE)
    draws = drawn(method, model, images(2), images(2, seed=1), noise(2))
    terms, (q, p) = method.model_terms(model, discs, draws, OBJECTIVE), (draws.q, draws.p)
    torch.testing.assert_close(terms.latent_e_u, model.encoder_e(p.x_u).nll(p.e_u))
    torch.testing.assert_close(terms.latent_z_r, model.encoder_z(p.x_r).nll(p.z_r))
    x_hat = model.decode(q.z_u, q.e_u)
    expected = -torch.distributions.Laplace(x_hat, OBJECTIVE.laplace_scale).log_prob(q.x_u).flatten(1).sum(1)
    torch.testing.assert_close(terms.image_u, expected)
    expected = discs["disc_xz"](q.x_r, q.z_r) - discs["disc_xz"](p.x_r, p.z_r)
    torch.testing.assert_close(terms.adversarial_r, expected, rtol=1e-4, atol=1e-5)


def test_unknown_method_and_form_list_what_there_is():
    with pytest.raises(ConfigError, match="rb, sepvae, srb, svae, tc, vae"):
        get_method("gan")
    with pytest.raises(ConfigError, match="raw, softplus"):
        ObjectiveConfig(form="hinge")


def test_means_are_of_records_and_of_dictionaries():
    @dataclasses.dataclass(frozen=True)
    class Terms:
        kl: torch.Tensor

    values = torch.tensor([1.0, 3.0])
    assert means(Terms(values)) == means({"kl": values}) == {"kl": torch.tensor(2.0)}
    with pytest.raises(TypeError):
        means(SimpleNamespace(kl=1))


def whole_draw(n=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    q = DiagonalGaussian(torch.randn(n, 5, generator=rng), 0.3 * torch.randn(n, 5, generator=rng))
    return q, q.sample(torch.randn(n, 5, generator=rng))


def test_tc_parts_sum_to_the_kl():
    q, latent = whole_draw()
    log_q_given_x, log_q, log_product, log_p = tc_vae.log_densities(q, latent)
    parts = (log_q_given_x - log_q) + (log_q - log_product) + (log_product - log_p)
    posterior = Normal(q.mean, (0.5 * q.log_var).exp())
    expected = (posterior.log_prob(latent) - Normal(0.0, 1.0).log_prob(latent)).sum(dim=1)
    torch.testing.assert_close(parts, expected)
    many = DiagonalGaussian(q.mean.repeat(20_000, 1), q.log_var.repeat(20_000, 1))
    draws = many.sample(torch.randn(80_000, 5, generator=torch.Generator().manual_seed(1)))
    single = -many.nll(draws) - Normal(0.0, 1.0).log_prob(draws).sum(dim=1)
    assert single.mean().item() == pytest.approx(q.kl_to_prior().mean().item(), abs=0.02)


def test_total_correlation_of_one_gaussian_vanishes_and_of_copies_does_not():
    rng = torch.Generator().manual_seed(0)
    same = DiagonalGaussian(torch.zeros(64, 3), torch.zeros(64, 3))
    _, log_q, log_product, _ = tc_vae.log_densities(same, same.sample(torch.randn(64, 3, generator=rng)))
    torch.testing.assert_close(log_q, log_product)
    copies = torch.randn(256, 1, generator=rng).expand(-1, 3)
    sharp = DiagonalGaussian(copies, torch.full_like(copies, -4.0))
    _, log_q, log_product, _ = tc_vae.log_densities(sharp, sharp.sample(torch.randn(256, 3, generator=rng)))
    assert (log_q - log_product).mean() > 1.0


def test_dip_penalties_vanish_for_an_identity_covariance():
    assert penalties(torch.eye(4)) == (0, 0)
    means = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    q = DiagonalGaussian(means, torch.full_like(means, 0.0))
    torch.testing.assert_close(covariance_of_means(q), torch.eye(2))
    torch.testing.assert_close(covariance_of_latents(q), 2 * torch.eye(2))
    off_diagonal, diagonal = penalties(torch.tensor([[3.0, 0.5], [0.5, 1.0]]))
    assert off_diagonal.item() == pytest.approx(0.5) and diagonal.item() == pytest.approx(4.0)


def test_methods_without_a_reference_set_treat_all_images_alike():
    """Swapping which images are called references only swaps the terms."""
    for name in ("vae", "beta", "dip1", "dip2"):
        method, model = get_method(name), RbVAE(SMALL)
        one, other = images(2), images(2, seed=1)
        forward, back = (draw_noise(SMALL, 2, torch.Generator().manual_seed(0)) for _ in range(2))
        back = dataclasses.replace(back, z_u=forward.z_r, e_u=forward.e_r, z_r=forward.z_u, e_r=forward.e_u)
        terms = method.model_terms(model, {}, drawn(method, model, one, other, forward), OBJECTIVE)
        swapped = method.model_terms(model, {}, drawn(method, model, other, one, back), OBJECTIVE)
        for field in dataclasses.fields(terms):
            torch.testing.assert_close(
                getattr(swapped, field.name), getattr(terms, field.name).roll(2), rtol=1e-4, atol=1e-4
            )


def test_beta_vae_with_beta_one_is_the_vae():
    plain = ObjectiveConfig(beta=1.0)
    assert get_method("beta").weights(plain, SMALL) == get_method("vae").weights(plain, SMALL)


def test_the_swap_of_mathieu_shares_e_among_references_alone():
    """If all references had one e, the swapped reconstruction would be the plain one."""
    method, model = get_method("mathieu"), RbVAE(SMALL)
    discs = method.discriminators(SMALL, OBJECTIVE)
    x_r = images(1, seed=1).expand(3, -1, -1, -1)
    terms = method.model_terms(model, discs, drawn(method, model, images(3), x_r, noise(3)), OBJECTIVE)
    torch.testing.assert_close(terms.swapped_r, terms.image_r)
    other = drawn(method, model, images(3), images(3, seed=2), noise(3))
    assert not torch.allclose(*(getattr(method.model_terms(model, discs, other, OBJECTIVE), n)
                                for n in ("swapped_r", "image_r")))  # fmt: skip

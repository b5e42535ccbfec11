"""Closed forms against torch.distributions."""

import torch
from torch.distributions import Independent, Laplace, Normal, kl_divergence

from rbvae.models.distributions import DiagonalGaussian, laplace_nll


def gaussian(n=5, dim=7, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return DiagonalGaussian(torch.randn(n, dim, generator=rng), torch.randn(n, dim, generator=rng))


def test_kl_of_prior_is_zero():
    prior = DiagonalGaussian(torch.zeros(3, 4), torch.zeros(3, 4))
    assert torch.equal(prior.kl_to_prior(), torch.zeros(3))


def test_kl_matches_torch():
    q = gaussian()
    expected = kl_divergence(Normal(q.mean, (0.5 * q.log_var).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(q.kl_to_prior(), expected)


def test_gaussian_nll_matches_torch():
    q, value = gaussian(), torch.randn(5, 7)
    expected = -Independent(Normal(q.mean, (0.5 * q.log_var).exp()), 1).log_prob(value)
    torch.testing.assert_close(q.nll(value), expected)


def test_laplace_nll_matches_torch():
    x, x_hat = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    expected = -Independent(Laplace(x_hat, 0.3), 3).log_prob(x)
    torch.testing.assert_close(laplace_nll(x, x_hat, 0.3), expected)


def test_samples_have_the_mean_and_variance_they_say():
    q = DiagonalGaussian(torch.full((20_000, 1), 2.0), torch.full((20_000, 1), -1.0))
    draws = q.sample(torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0)))
    assert abs(draws.mean().item() - 2.0) < 0.02
    assert abs(draws.var().item() - 2.718281828**-1) < 0.02

"""beta-TCVAE (Chen et al. 2018): the KL in three parts, the total correlation weighed by beta.

E_x KL(q(l|x) || p(l)) = I(x; l) + KL(q(l) || prod_d q(l_d)) + sum_d KL(q(l_d) || p(l_d)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.model import RbVAE
from rbvae.objectives.baselines.single_latent import LatentDraw, draw, image_nll
from rbvae.objectives.method import Method, ObjectiveConfig


@dataclass(frozen=True)
class TotalCorrelationTerms:
    """Index-code mutual information, total correlation, dimension-wise KL and -log p(x|latent), all [2N], in nats."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_kl: Tensor
    image: Tensor


def log_densities(q: DiagonalGaussian, latent: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log q(l|x), log q(l), sum_d log q(l_d) and log p(l) of draws [M, D]: [M] each.

    The aggregate q(l) is the minibatch's mean of q(l|x_j): the minibatch-weighted estimator, whose further constant,
    the logarithm of the dataset's size, moves no gradient and is left out.
    """
    pairs = gaussian_log_density(latent[:, None], q.mean[None], q.log_var[None])  # [M, M, D]
    log_m = math.log(len(latent))
    log_q_given_x = -q.nll(latent)
    log_q = pairs.sum(dim=2).logsumexp(dim=1) - log_m
    log_product = (pairs.logsumexp(dim=1) - log_m).sum(dim=1)
    zero = torch.zeros_like(latent)
    return log_q_given_x, log_q, log_product, gaussian_log_density(latent, zero, zero).sum(dim=1)


def gaussian_log_density(value: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """log N(value; mean, exp(log_var)), elementwise."""
    return -0.5 * ((value - mean).square() * (-log_var).exp() + log_var + math.log(2 * math.pi))


def model_terms(model: RbVAE, discs: object, draws: LatentDraw, objective: ObjectiveConfig) -> TotalCorrelationTerms:
    """The three parts, one draw each, and the likelihood."""
    log_q_given_x, log_q, log_product, log_p = log_densities(draws.q, draws.latent)
    return TotalCorrelationTerms(
        mutual_information=log_q_given_x - log_q,
        total_correlation=log_q - log_product,
        dimension_kl=log_product - log_p,
        image=image_nll(model, draws, objective),
    )


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """beta on the total correlation alone."""
    return {"mutual_information": 1.0, "total_correlation": objective.beta, "dimension_kl": 1.0, "image": 1.0}


METHOD = Method(name="tc", title="β-TCVAE", draw=draw, model_terms=model_terms, weights=weights, features="ze")

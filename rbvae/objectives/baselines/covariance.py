"""DIP-VAE's regulariser (Kumar et al. 2018): a covariance of the latents, held to the identity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.models.distributions import DiagonalGaussian


@dataclass(frozen=True)
class CovarianceTerms:
    """The evidence lower bound and the two penalties, the same number for every image: all [2N]."""

    kl: Tensor
    image: Tensor
    off_diagonal: Tensor
    diagonal: Tensor


def covariance_of_means(q: DiagonalGaussian) -> Tensor:
    """Cov_x E[l|x] over the batch: [D, D]."""
    centred = q.mean - q.mean.mean(dim=0)
    return centred.T @ centred / len(centred)


def covariance_of_latents(q: DiagonalGaussian) -> Tensor:
    """Cov of the aggregate q(l): E_x Cov[l|x] + Cov_x E[l|x]: [D, D]."""
    return covariance_of_means(q) + torch.diag(q.log_var.exp().mean(dim=0))


def penalties(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the squared off-diagonal entries, and of the squared distances of the diagonal from 1: [] each."""
    diagonal = covariance.diagonal()
    off_diagonal = covariance.square().sum() - diagonal.square().sum()
    return off_diagonal, (diagonal - 1).square().sum()

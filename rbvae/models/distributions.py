"""The distributions of the paper: diagonal Gaussians over latents, Laplace over pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LOG_VAR_RANGE = (-6.0, 3.0)  # ours: keeps a posterior's standard deviation within 0.05..4.5


@dataclass(frozen=True)
class DiagonalGaussian:
    """N(mean, diag(exp(log_var))); both [N, D]."""

    mean: Tensor
    log_var: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Draw one reparameterised sample per row from standard normal `noise` [N, D]; gradients reach both moments."""
        return self.mean + (0.5 * self.log_var).exp() * noise

    def split(self, rows: int) -> tuple[DiagonalGaussian, DiagonalGaussian]:
        """Split into the first `rows` rows and the others."""
        mean, log_var = self.mean, self.log_var
        return DiagonalGaussian(mean[:rows], log_var[:rows]), DiagonalGaussian(mean[rows:], log_var[rows:])

    def beside(self, other: DiagonalGaussian) -> DiagonalGaussian:
        """Join two Gaussians to one over the dimensions of both."""
        return DiagonalGaussian(
            torch.cat([self.mean, other.mean], dim=1), torch.cat([self.log_var, other.log_var], dim=1)
        )

    def nll(self, value: Tensor) -> Tensor:
        """Return -log N(value), summed over D: [N]."""
        squared = (value - self.mean).square() * (-self.log_var).exp()
        return 0.5 * (squared + self.log_var + math.log(2 * math.pi)).sum(dim=1)

    def kl_to_prior(self) -> Tensor:
        """Return KL(self || N(0, I)), summed over D: [N]."""
        return 0.5 * (self.mean.square() + self.log_var.exp() - self.log_var - 1.0).sum(dim=1)

    def detach(self) -> DiagonalGaussian:
        """Return the same Gaussian, detached from the graph."""
        return DiagonalGaussian(self.mean.detach(), self.log_var.detach())


def laplace_nll(x: Tensor, x_hat: Tensor, scale: float = 1.0) -> Tensor:
    """-log Laplace(x; x_hat, scale), in nats, summed over all pixels and channels: [N]."""
    error = (x - x_hat).abs().flatten(1)
    return error.sum(dim=1) / scale + x[0].numel() * math.log(2 * scale)

"""q(z|x) and q(e|x): one class, used for both."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.models.blocks import CodeLinear, EqualLinear, LinearEncoding, linear, trunk
from rbvae.models.distributions import LOG_VAR_RANGE, DiagonalGaussian

FIRST_LOG_VAR = -3.0  # ours: latents that say something from the first step on, rather than the prior's noise


class Encoder(nn.Module):
    """x, an image [N, 3, S, S] in [-1, 1] or a code [N, K] -> DiagonalGaussian over `dim` latents (paper A.4)."""

    def __init__(self, config: ModelConfig, dim: int) -> None:
        super().__init__()
        self.trunk = trunk(config, norm=True)
        self.moments = linear(self.trunk.features, 2 * dim)
        nn.init.normal_(self.moments.weight, std=0.5 * self.trunk.features**-0.5)
        nn.init.constant_(self.moments.bias[dim:], FIRST_LOG_VAR)
        self.linear: LinearEncoding | CodeLinear | None = None
        if config.observes == "code":
            self.linear = CodeLinear(config.dim_code, dim)
        elif config.linear:
            self.linear = LinearEncoding(config.channels, config.image_size, config.drawn_patch, dim)
        if self.linear is not None:  # the other layers begin by adding nothing to it
            nn.init.zeros_(self.moments.weight[:dim])

    def forward(self, x: Tensor) -> DiagonalGaussian:
        mean, log_var = self.moments(self.trunk(x)).float().chunk(2, dim=1)  # [N, dim] each
        if self.linear is not None:
            mean = mean + self.linear(x).float()
        return DiagonalGaussian(mean, log_var.clamp(*LOG_VAR_RANGE))

    @property
    def linear_map(self) -> EqualLinear:
        """The weights of the linear path."""
        assert self.linear is not None
        return self.linear.map

    @torch.no_grad()
    def standardise(self, means: Tensor) -> tuple[Tensor, Tensor]:
        """Rescales the first K dimensions of the mean: images that had `means` [N, K] get mean 0 and variance 1.

        Returns what was done, [K] each: new mean = (old mean - middle) * scale.
        """
        scale, middle = 1 / means.std(dim=0).clamp_min(1e-6), means.mean(dim=0)
        first = slice(len(scale))
        self.moments.weight[first] *= scale[:, None]
        self.moments.bias[first] = (self.moments.bias[first] - middle) * scale
        if self.linear is not None:
            self.linear.map.rescale(scale)
        return scale, middle

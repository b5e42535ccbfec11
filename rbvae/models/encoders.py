"""The encoders q(z|x) and q(e|x), both of one class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.models.blocks import CodeLinear, EqualLinear, LinearEncoding, linear, trunk
from rbvae.models.distributions import LOG_VAR_RANGE, DiagonalGaussian

FIRST_LOG_VAR = -3.0  # ours: narrow posteriors at first, so that latents are informative from the first step


class Encoder(nn.Module):
    """x, an image [N, 3, S, S] in [-1, 1] or a code [N, K] -> DiagonalGaussian over `dim` latents (A.4)."""

    def __init__(self, config: ModelConfig, dim: int) -> None:
        super().__init__()
        self.trunk = trunk(config, norm=True)
        self.moments = linear(self.trunk.features, 2 * dim)
        if not self.moments.weight.is_meta:  # as in he_init
            nn.init.normal_(self.moments.weight, std=0.5 * self.trunk.features**-0.5)
        nn.init.constant_(self.moments.bias[dim:], FIRST_LOG_VAR)
        self.linear: LinearEncoding | CodeLinear | None = None
        if config.observes == "code":
            self.linear = CodeLinear(config.dim_code, dim)
        elif config.linear:
            self.linear = LinearEncoding(config.channels, config.image_size, config.drawn_patch, dim)
        if self.linear is not None:  # the other layers initially add nothing to it
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
        """Rescale the first K dimensions of the mean so that the images with `means` [N, K] get mean 0 and variance 1.

        Returns scale and middle, [K] each: new mean = (old mean - middle) * scale.
        """
        scale, middle = 1 / means.std(dim=0).clamp_min(1e-6), means.mean(dim=0)
        first = slice(len(scale))
        self.moments.weight[first] *= scale[:, None]
        self.moments.bias[first] = (self.moments.bias[first] - middle) * scale
        if self.linear is not None:
            self.linear.map.rescale(scale)
        return scale, middle

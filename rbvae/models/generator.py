"""The generators G(z, e)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.models.blocks import LEAK, CodeLinear, CodeTrunk, EqualLinear, LinearDrawing, PixelNorm, Up, conv, linear


class Generator(nn.Module):
    """z [N, D_z], e [N, D_e] -> image [N, 3, S, S] in [-1, 1] (A.4, with a final tanh)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        widths, side = config.widths[::-1], config.sides[-1]
        self.grid = (widths[0], side, side)
        self.from_latents = linear(config.dim_z + config.dim_e, widths[0] * side * side)
        self.first = nn.Sequential(nn.LeakyReLU(LEAK), PixelNorm(), conv(widths[0], widths[0], norm=True))
        self.ups = nn.Sequential(*(Up(a, b, norm=True) for a, b in zip(widths, widths[1:], strict=False)))
        self.to_image = nn.Conv2d(widths[-1], config.channels * config.patch**2, 3, padding=1)
        with torch.no_grad():  # equal weights for the pixels of a patch avoid checkerboards (Aitken et al. 2017)
            self.to_image.weight.copy_(self.to_image.weight[:: config.patch**2].repeat_interleave(config.patch**2, 0))
        self.unfold = nn.PixelShuffle(config.patch)
        self.linear = None
        if config.linear:  # the convolutions initially add nothing to it
            dim = config.dim_z + config.dim_e
            self.linear = LinearDrawing(config.channels, config.image_size, config.drawn_patch, dim)
            nn.init.zeros_(self.to_image.weight)
            nn.init.zeros_(self.to_image.bias)  # type: ignore[arg-type]

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        latents = torch.cat([z, e], dim=1)
        h = self.from_latents(latents)  # [N, C*6*6]
        h = self.first(h.unflatten(1, self.grid))  # [N, C, 6, 6]
        h = self.unfold(self.to_image(self.ups(h)))  # [N, 3*p*p, S/p, S/p] -> [N, 3, S, S]
        if self.linear is not None:
            h = h + self.linear(latents)
        return h.tanh()  # [N, 3, S, S]

    @property
    def linear_map(self) -> EqualLinear:
        """The weights of the linear path, if the model has one."""
        assert self.linear is not None
        return self.linear.map


class CodeGenerator(nn.Module):
    """z [N, D_z], e [N, D_e] -> code [N, K]: a linear path, and layers that initially add nothing to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.dim_z + config.dim_e
        self.linear = CodeLinear(dim, config.dim_code)
        self.trunk = CodeTrunk(dim, config.hidden)
        self.to_code = linear(config.hidden, config.dim_code)
        nn.init.zeros_(self.to_code.weight)

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        latents = torch.cat([z, e], dim=1)
        return self.linear(latents) + self.to_code(self.trunk(latents))  # [N, K]

    @property
    def linear_map(self) -> EqualLinear:
        """The weights of the linear path."""
        return self.linear.map

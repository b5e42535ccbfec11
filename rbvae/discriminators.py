"""d_xi(x, z, e) and d_gamma(x, z): one net, with and without e. Logits estimate log q/p: above 0 = from encoders."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.blocks import LEAK, ImageTrunk, linear
from rbvae.config import ModelConfig


class Discriminator(nn.Module):
    """Image [N, 3, S, S] and latents (each [N, D_i]) -> logit [N].

    Image and latents meet before `depth` non-linear layers, since a net that only adds f(x) + w(z, e)
    cannot see a mismatched pair; no norm anywhere. Layer sizes are ours: the paper's text has none.
    """

    def __init__(self, config: ModelConfig, dim_latents: int, hidden: int = 256, depth: int = 2) -> None:
        super().__init__()
        self.trunk = ImageTrunk(config.channels, config.patch, config.widths, config.sides[-1], norm=False)
        self.from_image = nn.Sequential(linear(self.trunk.features, hidden), nn.LeakyReLU(LEAK))
        self.from_latents = nn.Sequential(linear(dim_latents, hidden), nn.LeakyReLU(LEAK))
        layers: list[nn.Module] = []
        for level in range(depth):
            layers += [linear(2 * hidden if level == 0 else hidden, hidden), nn.LeakyReLU(LEAK)]
        self.fuse = nn.Sequential(*layers)
        self.logit = nn.Linear(hidden, 1)

    def forward(self, x: Tensor, *latents: Tensor) -> Tensor:
        h_x = self.from_image(self.trunk(x))  # [N, hidden]
        h_l = self.from_latents(torch.cat(latents, dim=1))  # [N, hidden]
        h = self.fuse(torch.cat([h_x, h_l], dim=1))  # [N, hidden]
        return self.logit(h).squeeze(1).float()  # [N]

"""Discriminators d_xi(x, z, e) and d_gamma(x, z): one network, with and without e.

Logits estimate log q/p; above 0 means that the sample comes from the encoders.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.models.blocks import LEAK, linear, trunk


class Discriminator(nn.Module):
    """x (an image [N, 3, S, S] or a code [N, K]) and latents (each [N, D_i]) -> logit [N].

    Image and latents are combined before `depth` non-linear layers, because a network that only adds f(x) + w(z, e)
    cannot detect a mismatched pair. There is no normalisation. Without latents (`dim_latents` 0) only x is judged. The
    paper gives no layer sizes, so these are ours.
    """

    def __init__(self, config: ModelConfig, dim_latents: int, hidden: int = 256, depth: int = 2) -> None:
        super().__init__()
        self.trunk = trunk(config, norm=False)
        self.from_image = nn.Sequential(linear(self.trunk.features, hidden), nn.LeakyReLU(LEAK))
        self.from_latents = nn.Sequential(linear(dim_latents, hidden), nn.LeakyReLU(LEAK)) if dim_latents else None
        met = 2 * hidden if dim_latents else hidden
        layers: list[nn.Module] = []
        for level in range(depth):
            layers += [linear(met if level == 0 else hidden, hidden), nn.LeakyReLU(LEAK)]
        self.fuse = nn.Sequential(*layers)
        self.logit = nn.Linear(hidden, 1)

    def forward(self, x: Tensor, *latents: Tensor, still: int = 0) -> Tensor:
        """Return logits [N]. The first `still` images get no gradient: real ones, when encoders and generator learn."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not still):
            h = self.from_image(self.trunk(x[: still or None]))  # [N, hidden]
        if still:
            h = torch.cat([h, self.from_image(self.trunk(x[still:]))])
        if self.from_latents is not None:
            h = torch.cat([h, self.from_latents(torch.cat(latents, dim=1))], dim=1)  # [N, 2 hidden]
        return self.logit(self.fuse(h)).squeeze(1).float()  # [N]

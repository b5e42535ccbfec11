"""A network that tells references from other images: its features are about what references hold still; ours."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbvae.blocks import LEAK

SIDE = 64
EPSILON = 1e-6


def batch_normed(narrow: int, wide: int, stride: int) -> list[nn.Module]:
    """3x3 convolution, batch norm, leaky ReLU: for networks that measure, never for those of a model."""
    return [nn.Conv2d(narrow, wide, 3, stride, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(LEAK)]


class Teller(nn.Module):
    """Image [N, 3, S, S] in [-1, 1] -> logit [N] of "this is a reference"; training/telling.py trains it."""

    def __init__(self) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(2)
        self.convs = nn.ModuleList(
            nn.Sequential(*batch_normed(*shape))
            for shape in ((12, 32, 1), (32, 64, 2), (64, 64, 1), (64, 96, 2), (96, 96, 1))
        )
        self.last = nn.Sequential(*batch_normed(96, 128, 2))
        self.to_logit = nn.Linear(128 * 4 * 4, 1)

    def grids(self, x: Tensor) -> list[Tensor]:
        """What each convolution but the last makes of images of any size, resized to 64; the last is [N, 96, 8, 8]."""
        h = self.fold(F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True))  # [N, 12, 32, 32]
        grids = []
        for conv in self.convs:
            h = conv(h)
            grids.append(h)
        return grids

    def features(self, x: Tensor) -> Tensor:
        """The last of these grids, flat: [N, 96 * 8 * 8]."""
        return self.grids(x)[-1].flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.to_logit(self.last(self.grids(x)[-1]).flatten(1)).squeeze(1)

    def distance(self, x: Tensor, x_hat: Tensor) -> Tensor:
        """Squared distance of unit channel vectors, the mean over each grid's pixels, summed over the grids: [N] (Zhang
        et al. 2018, "LPIPS", without its learnt weights); no gradient for x."""
        with torch.no_grad():
            of_x = [F.normalize(grid, dim=1, eps=EPSILON) for grid in self.grids(x)]
        of_x_hat = [F.normalize(grid, dim=1, eps=EPSILON) for grid in self.grids(x_hat)]
        apart = [(a - b).square().sum(dim=1).mean(dim=(1, 2)) for a, b in zip(of_x, of_x_hat, strict=True)]
        return torch.stack(apart).sum(dim=0)

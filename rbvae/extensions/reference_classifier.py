"""A network that classifies references against other images: its features are about what references hold still."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from rbvae.models.blocks import LEAK

SIDE, STEP = 64, 16  # the most pixels a side that it looks at, and what they are a multiple of
LEAST_CONTRAST = 0.05  # of an image's deviation, so that no flat one is divided by next to nothing


def batch_normed(narrow: int, wide: int, stride: int) -> list[nn.Module]:
    """3x3 convolution, batch norm, leaky ReLU: for networks that measure, never for those of a model."""
    return [nn.Conv2d(narrow, wide, 3, stride, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(LEAK)]


def standard_grey(x: Tensor) -> Tensor:
    """Images [N, C, H, W] -> [N, 1, H, W], each of mean 0 and deviation 1."""
    grey = x.mean(dim=1, keepdim=True)
    grey = grey - grey.mean(dim=(2, 3), keepdim=True)
    return grey / grey.std(dim=(2, 3), keepdim=True).clamp_min(LEAST_CONTRAST)


class ReferenceClassifier(nn.Module):
    """Image [N, 3, S, S] in [-1, 1] -> logit [N] of "this is a reference image".

    Trained before the first step by training/engine/reference_pretraining.py. If `grey`, it sees shapes alone, each
    image with mean 0 and standard deviation 1; otherwise colour could be all it learns where references have one
    colour and other images any. `code` [N, dims] is linear in its features; if `mirrored`, an image and its mirror
    image have the same code.
    """

    def __init__(self, image_size: int, dims: int = 0, grey: bool = False, mirrored: bool = False) -> None:
        super().__init__()
        self.grey, self.mirrored = grey, mirrored
        self.side = max(STEP, min(SIDE, image_size) // STEP * STEP)
        self.fold = nn.PixelUnshuffle(2)
        shapes = ((4 if grey else 12, 32, 1), (32, 64, 2), (64, 64, 1), (64, 96, 2), (96, 96, 1))
        self.convs = nn.ModuleList(nn.Sequential(*batch_normed(*shape)) for shape in shapes)
        self.last = nn.Sequential(*batch_normed(96, 128, 2))
        self.to_logit = nn.Linear(128 * (self.side // 16) ** 2, 1)
        self.to_code = nn.Linear(96 * (self.side // 8) ** 2, dims)

    def grids(self, x: Tensor) -> list[Tensor]:
        """What each convolution but the last makes of images of any size, resized; the last is [N, 96, side/8, ...]."""
        h = F.interpolate(x, (self.side, self.side), mode="bilinear", antialias=True)
        h = self.fold(standard_grey(h) if self.grey else h)  # [N, 4 or 12, side/2, side/2]
        grids = []
        for conv in self.convs:
            h = conv(h)
            grids.append(h)
        return grids

    def features(self, x: Tensor) -> Tensor:
        """The last of these grids, flat: [N, 96 * (side/8)^2]; where `mirrored`, the mean of the image's and of its
        mirror image's."""
        flat = self.grids(x)[-1].flatten(1)
        return (flat + self.grids(x.flip(3))[-1].flatten(1)) / 2 if self.mirrored else flat

    def code(self, x: Tensor) -> Tensor:
        """A linear code of each image's features: [N, dims]."""
        return self.to_code(self.features(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.to_logit(self.last(self.grids(x)[-1]).flatten(1)).squeeze(1)

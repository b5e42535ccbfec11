"""Differentiable augmentation of what a discriminator sees (Karras et al. 2020, Zhao et al. 2020).

Only the discriminators' x is augmented, in the same way for both joints, so nothing of it reaches what is generated.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

DRAWS = 13  # uniform numbers an image: three switches, then the parameters of the three transforms
SHIFT, ZOOM, TURN = 0.125, 0.15, 0.12  # of the side, of the scale, and radians
BRIGHTNESS, CONTRAST, SATURATION = 0.25, 0.25, 0.5
CUT = 0.35  # side of the square that is cut out, of the image's


def augment(x: Tensor, uniform: Tensor, p: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1], numbers [N, DRAWS] in [0, 1) and a probability [] -> images [N, C, H, W].

    Geometry (mirror, shift, zoom, turn), light (brightness, contrast, saturation) and a cut-out square, each
    applied to an image with probability `p`; values may leave [-1, 1]. At p = 0 the images come back as they are.
    """
    on = (uniform[:, :3] < p).to(x.dtype)
    signed = (2 * uniform[:, 3:] - 1).to(x.dtype)  # [N, 10] in [-1, 1)
    x = torch.where(on[:, 0, None, None, None] > 0, moved(x, signed[:, :5]), x)
    x = lit(x, signed[:, 5:8] * on[:, 1, None])
    return cut(x, signed[:, 8:10], on[:, 2])


def moved(x: Tensor, signed: Tensor) -> Tensor:
    """Mirror, zoom, turn and shift by [N, 5] numbers in [-1, 1), bilinear, the border repeated."""
    flip = signed[:, 0].sign()
    zoom, angle = 1 + ZOOM * signed[:, 1], TURN * signed[:, 2]
    across, down = 2 * SHIFT * signed[:, 3], 2 * SHIFT * signed[:, 4]
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    theta = torch.stack([flip * cos, -sin, across, flip * sin, cos, down], dim=1).view(-1, 2, 3)  # [N, 2, 3]
    grid = F.affine_grid(theta, list(x.shape), align_corners=False).to(x.dtype)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def lit(x: Tensor, signed: Tensor) -> Tensor:
    """Brightness, contrast about the mean, and saturation, by [N, 3] numbers in [-1, 1); zeros change nothing."""
    brightness, contrast, saturation = (column[:, None, None, None] for column in signed.unbind(dim=1))
    x = x + BRIGHTNESS * brightness
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = mean + (x - mean) * (1 + CONTRAST * contrast)
    grey = x.mean(dim=1, keepdim=True)
    return grey + (x - grey) * (1 + SATURATION * saturation)


def cut(x: Tensor, centre: Tensor, on: Tensor) -> Tensor:
    """Sets a square of side CUT about `centre` [N, 2] in [-1, 1) to 0 where `on` [N] is 1."""
    height, width = x.shape[2:]
    rows = torch.linspace(-1, 1, height, device=x.device, dtype=x.dtype)[None, :, None]
    columns = torch.linspace(-1, 1, width, device=x.device, dtype=x.dtype)[None, None, :]
    inside = ((rows - centre[:, 0, None, None]).abs() < CUT) & ((columns - centre[:, 1, None, None]).abs() < CUT)
    return x * (1 - (inside.to(x.dtype) * on[:, None, None])[:, None])

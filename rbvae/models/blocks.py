"""Convolution blocks of Karras et al. 2018 (A.4): 3x3, leaky ReLU 0.2, pixel norm, average down, nearest up."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from rbvae.config import ModelConfig

LEAK = 0.2


class PixelNorm(nn.Module):
    """Divides the channel vector of every pixel by its root mean square; no parameters."""

    def forward(self, h: Tensor) -> Tensor:  # [N, C, H, W]
        return h * (h.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class LeakyPixelNorm(nn.Module):
    """Leaky ReLU followed by pixel norm."""

    def forward(self, h: Tensor) -> Tensor:  # [N, C, H, W]
        if h.requires_grad and not torch.compiler.is_compiling():
            return _LeakyPixelNorm.apply(h)
        h = F.leaky_relu(h, LEAK)
        return h * (h.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class _LeakyPixelNorm(torch.autograd.Function):
    """Leaky ReLU and pixel norm with an explicit gradient, which needs a third of the passes over memory.

    With y = leaky(h), r = 1/rms(y) and o = y r, the gradient of y is r (g - o mean(o g)). Not needed in compiled code.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        o = F.leaky_relu(h, LEAK)
        r = torch.linalg.vector_norm(o, dim=1, keepdim=True).square().div_(h.shape[1]).add_(1e-8).rsqrt_()
        o.mul_(r)
        ctx.save_for_backward(o, r)
        return o

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Tensor:
        o, r = ctx.saved_tensors
        inner = torch.einsum("nchw,nchw->nhw", g, o).div_(o.shape[1])[:, None]
        return torch.ops.aten.leaky_relu_backward(torch.addcmul(g, o, inner, value=-1).mul_(r), o, LEAK, True)


def he_init(weight: Tensor) -> None:
    """Draw initial weights (He initialisation), except on the meta device, where PyTorch would import its compiler."""
    if not weight.is_meta:
        nn.init.kaiming_normal_(weight, a=LEAK)


def conv(channels_in: int, channels_out: int, norm: bool) -> nn.Sequential:
    """Create a 3x3 convolution with He initialisation, leaky ReLU, and pixel norm if `norm`."""
    layer = nn.Conv2d(channels_in, channels_out, 3, padding=1)
    he_init(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return nn.Sequential(layer, LeakyPixelNorm() if norm else nn.LeakyReLU(LEAK, inplace=True))


def linear(dim_in: int, dim_out: int) -> nn.Linear:
    """Create a fully connected layer with He initialisation."""
    layer = nn.Linear(dim_in, dim_out)
    he_init(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Down(nn.Module):
    """conv, average 2x2, conv: [N, C, H, W] -> [N, C', H/2, W/2]. Pooling before widening (ours) halves the cost."""

    def __init__(self, channels_in: int, channels_out: int, norm: bool) -> None:
        super().__init__()
        self.fine = conv(channels_in, channels_in, norm)
        self.coarse = conv(channels_in, channels_out, norm)

    def forward(self, h: Tensor) -> Tensor:
        return self.coarse(F.avg_pool2d(self.fine(h), 2))


class Up(nn.Module):
    """conv, nearest x2, conv: [N, C, H, W] -> [N, C', 2H, 2W]; the mirror of Down."""

    def __init__(self, channels_in: int, channels_out: int, norm: bool) -> None:
        super().__init__()
        self.coarse = conv(channels_in, channels_out, norm)
        self.fine = conv(channels_out, channels_out, norm)

    def forward(self, h: Tensor) -> Tensor:
        return self.fine(F.interpolate(self.coarse(h), scale_factor=2.0, mode="nearest"))


class ImageTrunk(nn.Module):
    """Image [N, 3, S, S] -> features [N, features]; used by encoders and discriminators."""

    def __init__(self, channels: int, patch: int, widths: list[int], coarsest: int, norm: bool) -> None:
        super().__init__()
        self.fold = nn.PixelUnshuffle(patch)
        self.from_image = conv(channels * patch**2, widths[0], norm)
        self.downs = nn.Sequential(*(Down(a, b, norm) for a, b in zip(widths, widths[1:], strict=False)))
        self.last = conv(widths[-1], widths[-1], norm)
        self.features = widths[-1] * coarsest**2

    def forward(self, x: Tensor) -> Tensor:
        h = self.from_image(self.fold(x))  # [N, C0, S/p, S/p]
        h = self.last(self.downs(h))  # [N, CL, 6, 6] or so
        return h.flatten(1)  # [N, features]


class CodeTrunk(nn.Module):
    """Code [N, K] -> features [N, features]: two fully connected layers instead of an ImageTrunk."""

    def __init__(self, dim_code: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            linear(dim_code, hidden), nn.LeakyReLU(LEAK), linear(hidden, hidden), nn.LeakyReLU(LEAK)
        )
        self.features = hidden

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def trunk(config: ModelConfig, norm: bool) -> ImageTrunk | CodeTrunk:
    """Create the first layers of an encoder or discriminator, for images or codes."""
    if config.observes == "code":
        return CodeTrunk(config.dim_code, config.hidden)
    return ImageTrunk(config.channels, config.patch, config.widths, config.sides[-1], norm)


class EqualLinear(nn.Module):
    """Fully connected layer, initially zero: training starts from a closed form (training/engine/linear_init.py).

    Weights are stored divided by `gain` (equalised learning rate, Karras et al. 2018): a map from thousands of pixels
    has small weights, which Adam's steps would otherwise soon overwhelm.
    """

    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.gain = dim_in**-0.5
        self.weight = nn.Parameter(torch.zeros(dim_out, dim_in))
        self.bias = nn.Parameter(torch.zeros(dim_out))

    def forward(self, h: Tensor) -> Tensor:
        return F.linear(h, self.weight, self.bias) * self.gain

    @torch.no_grad()
    def set(self, weight: Tensor, bias: Tensor, first: int = 0) -> None:
        """Set the map to h @ weight.T + bias for the outputs from `first` on; earlier outputs keep theirs."""
        self.weight[first:] = weight / self.gain
        self.bias[first:] = bias / self.gain

    @torch.no_grad()
    def rescale(self, scale: Tensor) -> None:
        """Multiply each of the first K outputs by its `scale` [K]."""
        self.weight[: len(scale)] *= scale[:, None]
        self.bias[: len(scale)] *= scale


class CodeLinear(nn.Module):
    """Linear path of networks on codes: [N, dim_in] -> [N, dim_out]."""

    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.map = EqualLinear(dim_in, dim_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.map(x)


class LinearEncoding(nn.Module):
    """Linear path from image [N, 3, S, S] to [N, dim], with pixels averaged over patches; not in the paper."""

    def __init__(self, channels: int, side: int, patch: int, dim: int) -> None:
        super().__init__()
        self.patch = patch
        self.map = EqualLinear(channels * (side // patch) ** 2, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.map(F.avg_pool2d(x, self.patch).flatten(1))


class LinearDrawing(nn.Module):
    """Linear path from latents [N, dim] to [N, 3, S, S], added before the tanh: one value per patch, then enlarged."""

    def __init__(self, channels: int, side: int, patch: int, dim: int) -> None:
        super().__init__()
        self.grid, self.patch = (channels, side // patch, side // patch), patch
        self.map = EqualLinear(dim, math.prod(self.grid))

    def forward(self, latents: Tensor) -> Tensor:
        h = self.map(latents).unflatten(1, self.grid)
        return F.interpolate(h, scale_factor=float(self.patch), mode="bilinear") if self.patch > 1 else h

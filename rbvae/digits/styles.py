"""The paper's digits (A.3.1): outlines of 64 x 64 pixels in random colour, stroke width and size.

Details that the paper does not give are ours: an outline is the inner morphological gradient (picture minus its 3 x 3
erosion) of the bilinearly enlarged digit, white from half of its peak. It is first dilated, then coloured, then scaled.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rbvae.errors import ImageError

FACTORS = ("red", "green", "blue", "scale", "width")
MAX_WIDTH = 10
CHUNK = 2000


@dataclass(frozen=True)
class DigitStyle:
    """`color` float [N, 3] with rows that sum to 1, `scale` float [N] in 0.5..1, `width` int64 [N] in 1..10 pixels."""

    color: Tensor
    scale: Tensor
    width: Tensor

    def factors(self) -> Tensor:
        """Return the regression targets, float [N, 5] in the order of FACTORS; width is divided by 10."""
        return torch.cat([self.color, self.scale[:, None], self.width[:, None] / MAX_WIDTH], dim=1)

    def __getitem__(self, rows: slice | Tensor) -> DigitStyle:
        return DigitStyle(self.color[rows], self.scale[rows], self.width[rows])

    def __len__(self) -> int:
        return len(self.scale)


def random_styles(n: int, generator: torch.Generator | None = None) -> DigitStyle:
    """Draw n styles, on the generator's device.

    Colour is uniform in [0, 1]^3, divided by its L1 norm; scale is uniform in 0.5..1; width is uniform in 1..10.
    """
    device = generator.device if generator else None
    color = torch.rand(n, 3, generator=generator, device=device)
    color = color / color.sum(dim=1, keepdim=True).clamp_min(1e-6)
    scale = 0.5 + 0.5 * torch.rand(n, generator=generator, device=device)
    return DigitStyle(color, scale, torch.randint(1, MAX_WIDTH + 1, (n,), generator=generator, device=device))


def outlines(digits: Tensor, size: int = 64) -> Tensor:
    """Convert filled digits uint8 [N, H, W] to outlines uint8 [N, 1, size, size]; raises ImageError for other input."""
    if digits.dtype != torch.uint8 or digits.ndim != 3:
        raise ImageError(f"digits of {digits.dtype} and shape {tuple(digits.shape)}; give uint8 [N, H, W]")
    return torch.cat([_outline(part, size) for part in digits.split(CHUNK)])


def _outline(digits: Tensor, size: int) -> Tensor:
    large = F.interpolate(digits[:, None].float(), (size, size), mode="bilinear", antialias=True)
    large = large.round().to(torch.uint8)
    eroded = 255 - _dilate(255 - large, 3)
    edges = (large - eroded).float()
    peak = edges.amax(dim=(1, 2, 3), keepdim=True).clamp_min(1.0)
    return (edges * (510.0 / peak)).clamp(max=255).round().to(torch.uint8)


def apply_style(edges: Tensor, style: DigitStyle) -> Tensor:
    """Apply N styles to outlines uint8 [N, 1, S, S] on the same device: digits uint8 [N, 3, S, S].

    Raises ImageError if there are not as many styles as outlines.
    """
    if len(edges) != len(style):
        raise ImageError(f"{len(edges)} digits and {len(style)} styles; give one style per digit")
    parts = zip(edges.split(CHUNK), torch.arange(len(style)).split(CHUNK), strict=True)
    return torch.cat([_styled(part, style[rows]) for part, rows in parts])


def _styled(edges: Tensor, style: DigitStyle) -> Tensor:
    thick = edges.clone()
    if edges.is_cuda:  # dilating every digit by every width is cheaper than waiting for the list of widths
        for width in range(1, MAX_WIDTH + 1):
            thick = torch.where((style.width == width)[:, None, None, None], _dilate(edges, width), thick)
    else:
        for width in style.width.unique().tolist():
            rows = style.width == width
            thick[rows] = _dilate(edges[rows], width)
    strokes = _resized(thick.float(), style.scale)
    return (strokes * style.color[:, :, None, None]).clamp(0, 255).round().to(torch.uint8)


def _dilate(x: Tensor, width: int) -> Tensor:
    """Dilate uint8 [N, 1, H, W] by a square of `width` pixels; pixels outside count as 0."""
    before, after = (width - 1) // 2, width // 2
    padded = F.pad(x, (before, after, before, after))
    return _window_max(_window_max(padded, width, dim=2), width, dim=3)


def _window_max(x: Tensor, width: int, dim: int) -> Tensor:
    """Return the maximum of every window of `width` along `dim`, by doubling: log2(width) passes."""
    span = 1
    while span < width:
        shift = min(span, width - span)
        kept = x.shape[dim] - shift
        x = torch.maximum(x.narrow(dim, 0, kept), x.narrow(dim, shift, kept))
        span += shift
    return x


def _resized(strokes: Tensor, scale: Tensor) -> Tensor:
    """Shrink about the centre to `scale` of the size, padded with zeros."""
    theta = torch.zeros(len(scale), 2, 3, device=scale.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1.0 / scale
    grid = F.affine_grid(theta, list(strokes.shape), align_corners=False)
    return F.grid_sample(strokes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

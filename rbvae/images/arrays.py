"""Conversion between uint8 [0, 255] and float [-1, 1]; files are read in rbvae.images.decoding."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_float(pixels: Tensor) -> Tensor:
    """Convert uint8 [..., 3, H, W] in [0, 255] to float32 in [-1, 1]; float input (codes) keeps its values."""
    if pixels.is_floating_point():
        return pixels.float()
    return pixels.float() / 127.5 - 1.0


def to_uint8(images: Tensor) -> Tensor:
    """Convert float [..., 3, H, W] in [-1, 1], clamped, to uint8 in [0, 255]."""
    return images.detach().float().clamp(-1.0, 1.0).add(1.0).mul(127.5).round().to(torch.uint8)


def to_array(image: Tensor) -> np.ndarray:
    """Convert float [3, H, W] in [-1, 1] to contiguous uint8 [H, W, 3]."""
    return np.ascontiguousarray(to_uint8(image).cpu().permute(1, 2, 0).numpy())


def to_tensor(pixels: np.ndarray) -> Tensor:
    """Convert uint8 [H, W, 3] or [N, H, W, 3] to float [..., 3, H, W] in [-1, 1]."""
    return to_float(torch.from_numpy(np.array(pixels, order="C")).movedim(-1, -3))


def to_pil(image: Tensor) -> Image.Image:
    """Convert float [3, H, W] in [-1, 1] to a PIL image in RGB."""
    return Image.fromarray(to_array(image))

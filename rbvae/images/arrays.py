"""The only place where uint8 [0, 255] meets float [-1, 1]; how files become pictures is in rbvae.images.decoding."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_float(pixels: Tensor) -> Tensor:
    """uint8 [..., 3, H, W] in [0, 255] -> float32 in [-1, 1]; codes, which are float already, stay as they are."""
    if pixels.is_floating_point():
        return pixels.float()
    return pixels.float() / 127.5 - 1.0


def to_uint8(images: Tensor) -> Tensor:
    """float [..., 3, H, W] in [-1, 1] (clamped) -> uint8 in [0, 255]."""
    return images.detach().float().clamp(-1.0, 1.0).add(1.0).mul(127.5).round().to(torch.uint8)


def to_array(image: Tensor) -> np.ndarray:
    """float [3, H, W] in [-1, 1] -> contiguous uint8 [H, W, 3]."""
    return np.ascontiguousarray(to_uint8(image).cpu().permute(1, 2, 0).numpy())


def to_tensor(pixels: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] or [N, H, W, 3] -> float [..., 3, H, W] in [-1, 1]."""
    return to_float(torch.from_numpy(np.array(pixels, order="C")).movedim(-1, -3))


def to_pil(image: Tensor) -> Image.Image:
    """float [3, H, W] in [-1, 1] -> PIL RGB."""
    return Image.fromarray(to_array(image))

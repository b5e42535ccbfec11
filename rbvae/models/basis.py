"""The linear first stage: principal components of textures and shapes, which encode a face as a code.

The components of faces and their mirror images are either even (unchanged by mirroring) or odd (negated by it), so half
of each is stored, in 8 bits. A code [N, K] holds the coefficients of the even textures, odd textures, even shapes and
odd shapes, in this order, each divided by its standard deviation over the training set.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rbvae.config import BasisSize

LEVELS = 127  # quantisation levels of a component on either side of 0
FILLS = 4  # rounds of filling hidden texels from visible ones
ROOT_HALF = math.sqrt(0.5)


class Basis(nn.Module):
    """Converts textures and shapes to codes and back; fitted by training/data/fit_basis.py and constant in training.

    Textures are halves [N, 2, T, 3] in grey levels: T texels of the left half of the canonical frame, then their mirror
    images on the right (CanonicalFrame.halves). Shapes are [N, 468, 3] in head coordinates.
    """

    texture_mean: Tensor
    texture_even: Tensor
    texture_odd: Tensor
    texture_step: Tensor
    shape_mean: Tensor
    shape_components: Tensor
    std: Tensor
    weight: Tensor

    def __init__(self, size: BasisSize, points: int = 468) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("texture_mean", torch.zeros(size.texels, 3))
        self.register_buffer("texture_even", torch.zeros(size.texture_even, size.texels, 3, dtype=torch.int8))
        self.register_buffer("texture_odd", torch.zeros(size.texture_odd, size.texels, 3, dtype=torch.int8))
        self.register_buffer("texture_step", torch.ones(size.texture))
        self.register_buffer("shape_mean", torch.zeros(points, 3))
        self.register_buffer("shape_components", torch.zeros(size.shape, points, 3))
        self.register_buffer("std", torch.ones(size.code))
        self.register_buffer("weight", torch.ones(size.code))
        self._matrices: tuple[Tensor, Tensor] | None = None

    @property
    def mirror_signs(self) -> Tensor:
        """Signs [K], 1 for even and -1 for odd components: multiplied by them, a code is that of the mirror image."""
        size = self.size
        counts = torch.tensor([size.texture_even, size.texture_odd, size.shape_even, size.shape_odd])
        return torch.tensor([1.0, -1.0, 1.0, -1.0]).repeat_interleave(counts).to(self.std.device)

    def encode(self, texture: Tensor, shape: Tensor, visible: Tensor | None = None) -> Tensor:
        """Encode textures [N, 2, T, 3] and shapes [N, 468, 3] as codes [N, K].

        Texels that are not `visible`, bool [N, 2, T], are filled first: from their mirror image, then with the
        components fitted to the visible texels.
        """
        if visible is not None and not bool(visible.all()):
            texture = self.filled(texture, visible)
        return torch.cat([self.project_texture(texture), self.project_shape(shape)], dim=1) / self.std

    def filled(self, texture: Tensor, visible: Tensor) -> Tensor:
        """Fill the texels of textures [N, 2, T, 3] that are not `visible` [N, 2, T] with plausible values.

        Each round projects and reconstructs, which converges to the least-squares fit to the visible texels.
        """
        texture = fill_from_mirror(texture.float(), visible, self.texture_mean)
        for _ in range(FILLS):
            drawn = self.draw_texture(self.project_texture(texture))
            texture = torch.where(visible[..., None], texture, drawn)
        return texture

    def project_texture(self, texture: Tensor) -> Tensor:
        """Return the coefficients of textures [N, 2, T, 3]: [N, K_texture], in grey levels, not divided by `std`."""
        even, odd = self.matrices()
        left, right = (texture.float() - self.texture_mean).flatten(2).unbind(1)  # [N, 3T] each
        return torch.cat([(left + right) @ even.T, (left - right) @ odd.T], dim=1) * ROOT_HALF

    def draw_texture(self, coefficients: Tensor) -> Tensor:
        """Reconstruct textures [N, 2, T, 3] from coefficients [N, K_texture]; the transpose of `project_texture`."""
        return self.draw_texture_change(coefficients) + self.texture_mean

    def draw_texture_change(self, coefficients: Tensor) -> Tensor:
        """Convert changes of coefficients [N, K_texture] to changes of textures [N, 2, T, 3], both in grey levels."""
        even, odd = self.matrices()
        first, second = coefficients.split([self.size.texture_even, self.size.texture_odd], dim=1)
        same, opposite = first @ even * ROOT_HALF, second @ odd * ROOT_HALF
        halves = torch.stack([same + opposite, same - opposite], dim=1)
        return halves.unflatten(2, (-1, 3))

    def project_shape(self, shape: Tensor) -> Tensor:
        """Return the coefficients of shapes [N, 468, 3]: [N, K_shape], not divided by `std`."""
        return (shape - self.shape_mean).flatten(1).float() @ self.shape_components.flatten(1).T

    def texture(self, code: Tensor) -> Tensor:
        """Decode codes [N, K] to textures [N, 2, T, 3] in grey levels, not clamped."""
        return self.draw_texture((code * self.std)[:, : self.size.texture])

    def shape(self, code: Tensor) -> Tensor:
        """Decode codes [N, K] to shapes [N, 468, 3] in head coordinates."""
        return self.shape_mean + self.shape_change(code)

    def texture_change(self, change: Tensor) -> Tensor:
        """Convert changes of codes [N, K] to changes of textures [N, 2, T, 3] in grey levels."""
        return self.draw_texture_change((change * self.std)[:, : self.size.texture])

    def shape_change(self, change: Tensor) -> Tensor:
        """Convert changes of codes [N, K] to changes of shapes [N, 468, 3] in head coordinates."""
        coefficients = (change * self.std)[:, self.size.texture :]
        return (coefficients @ self.shape_components.flatten(1)).unflatten(1, self.shape_mean.shape)

    def matrices(self) -> tuple[Tensor, Tensor]:
        """Return the even and odd texture components, float32 [K_even, 3T] and [K_odd, 3T], of unit length."""
        if self._matrices is None or self._matrices[0].device != self.std.device:
            steps = self.texture_step.float().split([self.size.texture_even, self.size.texture_odd])
            parts = (self.texture_even, self.texture_odd)
            even, odd = (part.flatten(1).float() * step[:, None] for part, step in zip(parts, steps, strict=True))
            self._matrices = even, odd
        return self._matrices

    def _load_from_state_dict(self, *args: object, **kwargs: object) -> None:
        self._matrices = None
        super()._load_from_state_dict(*args, **kwargs)  # type: ignore[arg-type]

    def __deepcopy__(self, memo: dict[int, object]) -> Basis:
        return self  # constant, so copies of a model share it


def quantised(components: Tensor) -> tuple[Tensor, Tensor]:
    """Quantise components [K, T, 3]; returns int8 [K, T, 3] and the step [K] by which to multiply them."""
    step = (components.abs().amax(dim=(1, 2)) / LEVELS).clamp_min(1e-12)
    return (components / step[:, None, None]).round().to(torch.int8), step


def fill_from_mirror(texture: Tensor, visible: Tensor, mean: Tensor) -> Tensor:
    """Fill the hidden texels of textures [N, 2, T, 3] from their mirror image, or from `mean` [T, 3] if that is hidden.

    `visible` is bool [N, 2, T].
    """
    other, other_visible = texture.flip(1), visible.flip(1)[..., None]
    return torch.where(visible[..., None], texture, torch.where(other_visible, other, mean))

"""Fits the linear first stage: principal components of face textures and shapes together with their mirror images.

A set of faces that includes all mirror images has only even and odd components. They are the components of the sum
and the difference of the two halves, so each is fitted on half of the texels, without creating mirrored copies.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rbvae.config import BasisSize
from rbvae.errors import DatasetError
from rbvae.faces.mesh import POINTS, face_mesh, mirrored
from rbvae.faces.texture import canonical_frame
from rbvae.models.basis import Basis, fill_from_mirror, quantised

CHUNK = 128  # faces processed at a time; small enough for the CPU caches
POWER_ITERATIONS = 3  # of the randomised SVD (Halko et al. 2011)


def fit_basis(
    textures: np.ndarray, visible: np.ndarray, shapes: np.ndarray, size: BasisSize, side: int, shape_weight: float = 2.0
) -> tuple[Basis, Tensor]:
    """Fits a basis to textures uint8 [N, P, 3] of side x side texels and to shapes [N, 468, 3]; `visible` bool [N, P].

    Returns the basis and the faces' codes [N, K], whose coefficients have a mean square of 1. `shape_weight` is the
    weight of shape coefficients relative to texture coefficients in the likelihood. Raises DatasetError if there are
    not more faces than components.
    """
    most = max(size.texture_even, size.texture_odd, size.shape_even, size.shape_odd)
    if len(textures) <= most:
        raise DatasetError(
            f"{len(textures)} faces cannot give {most} components. Prepare more photos, or use --preset tiny-code."
        )
    basis = Basis(size)
    basis.texture_mean.copy_(torch.from_numpy(mean_half(textures, visible, side)))
    parts = []
    for sign, count in ((1, size.texture_even), (-1, size.texture_odd)):
        parts.append(principal(texture_halves(textures, visible, side, basis.texture_mean, sign), count))
    for name, components in zip(("texture_even", "texture_odd"), parts, strict=True):
        getattr(basis, name).copy_(quantised(components.unflatten(1, (-1, 3)))[0])
    basis.texture_step.copy_(torch.cat([quantised(part.unflatten(1, (-1, 3)))[1] for part in parts]))
    fit_shapes(basis, shapes)
    coefficients = code_of(basis, textures, visible, shapes, side)
    basis.std.copy_(coefficients.square().mean(dim=0).sqrt().clamp_min(1e-6))
    texture, shape = basis.std.split([size.texture, size.shape])
    basis.weight.copy_(torch.cat([texture / rms(texture), shape_weight * shape / rms(shape)]))
    return basis, coefficients / basis.std


def code_of(basis: Basis, textures: np.ndarray, visible: np.ndarray, shapes: np.ndarray, side: int) -> Tensor:
    """Encodes textures uint8 [N, P, 3], visible bool [N, P] and shapes [N, 468, 3] as codes float32 [N, K]."""
    codes = []
    for rows in chunks(len(textures)):
        halves, seen = halves_of(textures[rows], visible[rows], side)
        codes.append(basis.encode(halves, torch.from_numpy(shapes[rows]).float(), seen))
    return torch.cat(codes)


def mean_half(textures: np.ndarray, visible: np.ndarray, side: int) -> np.ndarray:
    """Returns the mean of the visible texels over faces and both halves, float32 [T, 3]."""
    frame = canonical_frame(side)
    total, count = np.zeros((len(frame.flat), 3)), np.zeros(len(frame.flat))
    for rows in chunks(len(textures)):
        total += (textures[rows] * visible[rows, :, None]).sum(axis=0, dtype=np.float64)
        count += visible[rows].sum(axis=0)
    both = frame.halves(total).sum(axis=0) / frame.halves(count[:, None]).sum(axis=0).clip(1)
    return both.astype(np.float32)


def texture_halves(textures: np.ndarray, visible: np.ndarray, side: int, mean: Tensor, sign: int) -> np.ndarray:
    """Returns the sum (`sign` 1) or difference (-1) of the centred halves over sqrt(2), float32 [N, 3T]."""
    out = np.empty((len(textures), mean.numel()), np.float32)
    for rows in chunks(len(textures)):
        halves, seen = halves_of(textures[rows], visible[rows], side)
        left, right = (fill_from_mirror(halves, seen, mean) - mean).flatten(2).unbind(1)
        out[rows] = ((left + sign * right) * math.sqrt(0.5)).numpy()
    return out


def halves_of(textures: np.ndarray, visible: np.ndarray, side: int) -> tuple[Tensor, Tensor]:
    """Splits textures [N, P, 3] and visible [N, P] into halves, float32 [N, 2, T, 3] and bool [N, 2, T]."""
    frame = canonical_frame(side)
    return torch.from_numpy(frame.halves(textures)).float(), torch.from_numpy(frame.halves(visible[..., None])[..., 0])


def principal(rows: np.ndarray, count: int) -> Tensor:
    """Returns the leading `count` principal directions of rows [N, D], orthonormal float32 [count, D]."""
    from sklearn.utils.extmath import randomized_svd

    if not count:
        return torch.zeros(0, rows.shape[1])
    _, _, directions = randomized_svd(rows, count, n_iter=POWER_ITERATIONS, random_state=0)
    return torch.from_numpy(directions.astype(np.float32))


def fit_shapes(basis: Basis, shapes: np.ndarray) -> None:
    """Sets the basis's mean shape and shape components from shapes [N, 468, 3]."""
    mirror = face_mesh().mirror
    mean = shapes.mean(axis=0)
    mean = (mean + mirrored(mean, mirror)) / 2
    change = (shapes - mean).astype(np.float32)
    flipped = change[:, mirror] * np.array([-1, 1, 1], np.float32)
    even = principal(((change + flipped) / 2).reshape(len(shapes), -1), basis.size.shape_even)
    odd = principal(((change - flipped) / 2).reshape(len(shapes), -1), basis.size.shape_odd)
    basis.shape_mean.copy_(torch.from_numpy(mean))
    basis.shape_components.copy_(torch.cat([even, odd]).unflatten(1, (POINTS, 3)))


def rms(values: Tensor) -> Tensor:
    """Returns the root mean square, at least 1e-12."""
    return values.square().mean().sqrt().clamp_min(1e-12)


def chunks(count: int) -> list[slice]:
    """Returns slices of CHUNK rows that cover `count` rows."""
    return [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]

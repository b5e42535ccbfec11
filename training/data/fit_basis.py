"""Fits the linear first stage: principal components of face textures and shapes together with their mirror images.

A set of faces that includes all mirror images has only even and odd components. They are the components of the sum
and the difference of the two halves, so each is fitted on half of the texels, without creating mirrored copies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rbvae.config import BasisSize
from rbvae.errors import DatasetError
from rbvae.faces.mesh import POINTS, face_mesh, mirrored
from rbvae.faces.texture import canonical_frame
from rbvae.models.basis import Basis, fill_from_mirror, quantised

SHAPE_WEIGHT = 2.0  # of shape coefficients relative to texture coefficients in the likelihood
CHUNK = 128  # faces processed at a time; small enough for the CPU caches
POWER_ITERATIONS = 3  # of the randomised SVD (Halko et al. 2011)


@dataclass(frozen=True)
class AlignedFaces:
    """N faces as a basis sees them.

    `textures` uint8 [N, P, 3] of `side` x `side` texels, `visible` bool [N, P], and `shapes` float32 [N, 468, 3] in
    head coordinates.
    """

    textures: np.ndarray
    visible: np.ndarray
    shapes: np.ndarray
    side: int

    def __len__(self) -> int:
        return len(self.textures)

    def halves(self, rows: slice) -> tuple[Tensor, Tensor]:
        """Returns the halves of some textures, float32 [n, 2, T, 3], and which texels are visible, bool [n, 2, T]."""
        frame = canonical_frame(self.side)
        seen = frame.halves(self.visible[rows, :, None])[..., 0]
        return torch.from_numpy(frame.halves(self.textures[rows])).float(), torch.from_numpy(seen)


def fit_basis(faces: AlignedFaces, size: BasisSize) -> tuple[Basis, Tensor]:
    """Fits a basis of the given size to faces.

    Returns the basis and the faces' codes [N, K], whose coefficients have a mean square of 1. Raises DatasetError if
    there are not more faces than components.
    """
    most = max(size.texture_even, size.texture_odd, size.shape_even, size.shape_odd)
    if len(faces) <= most:
        raise DatasetError(
            f"{len(faces)} faces cannot give {most} components. Prepare more photos, or use --preset tiny-code."
        )
    basis = Basis(size)
    basis.texture_mean.copy_(torch.from_numpy(mean_half(faces)))
    parts = []
    for sign, count in ((1, size.texture_even), (-1, size.texture_odd)):
        parts.append(principal(texture_halves(faces, basis.texture_mean, sign), count))
    for name, components in zip(("texture_even", "texture_odd"), parts, strict=True):
        getattr(basis, name).copy_(quantised(components.unflatten(1, (-1, 3)))[0])
    basis.texture_step.copy_(torch.cat([quantised(part.unflatten(1, (-1, 3)))[1] for part in parts]))
    fit_shapes(basis, faces.shapes)
    coefficients = code_of(basis, faces)
    basis.std.copy_(coefficients.square().mean(dim=0).sqrt().clamp_min(1e-6))
    texture, shape = basis.std.split([size.texture, size.shape])
    basis.weight.copy_(torch.cat([texture / rms(texture), SHAPE_WEIGHT * shape / rms(shape)]))
    return basis, coefficients / basis.std


def code_of(basis: Basis, faces: AlignedFaces) -> Tensor:
    """Encodes faces as codes float32 [N, K]."""
    codes = []
    for rows in chunks(len(faces)):
        halves, seen = faces.halves(rows)
        codes.append(basis.encode(halves, torch.from_numpy(faces.shapes[rows]).float(), seen))
    return torch.cat(codes)


def mean_half(faces: AlignedFaces) -> np.ndarray:
    """Returns the mean of the visible texels over faces and both halves, float32 [T, 3]."""
    frame = canonical_frame(faces.side)
    total, count = np.zeros((len(frame.flat), 3)), np.zeros(len(frame.flat))
    for rows in chunks(len(faces)):
        total += (faces.textures[rows] * faces.visible[rows, :, None]).sum(axis=0, dtype=np.float64)
        count += faces.visible[rows].sum(axis=0)
    both = frame.halves(total).sum(axis=0) / frame.halves(count[:, None]).sum(axis=0).clip(1)
    return both.astype(np.float32)


def texture_halves(faces: AlignedFaces, mean: Tensor, sign: int) -> np.ndarray:
    """Returns the sum (`sign` 1) or difference (-1) of the centred halves over sqrt(2), float32 [N, 3T]."""
    out = np.empty((len(faces), mean.numel()), np.float32)
    for rows in chunks(len(faces)):
        halves, seen = faces.halves(rows)
        left, right = (fill_from_mirror(halves, seen, mean) - mean).flatten(2).unbind(1)
        out[rows] = ((left + sign * right) * math.sqrt(0.5)).numpy()
    return out


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

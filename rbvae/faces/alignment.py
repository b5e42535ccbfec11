"""Alignment of faces to the mean shape (Procrustes), and the aligned crop.

Coordinates are continuous: (0, 0) is the outer corner of the first pixel, whose centre is (0.5, 0.5). OpenCV measures
from pixel centres, so code that calls its resampling functions converts.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

MEAN_SHAPE = Path(__file__).with_name("mean_shape.json")

# Landmarks that barely move with expression: no mouth, jaw or brows.
STABLE = np.array(
    [33, 133, 362, 263]  # eye corners
    + [168, 6, 197, 195, 5, 4, 1, 2, 98, 327]  # nose bridge, tip and base
    + [10, 109, 338, 67, 297, 103, 332, 54, 284]  # forehead
    + [21, 251, 162, 389, 127, 356]  # temples, above the ears
)


@dataclass(frozen=True)
class Alignment:
    """A similarity transform from photo to crop: `matrix` float64 [2, 3], and `size`, the crop's side in pixels."""

    matrix: np.ndarray
    size: int

    @property
    def scale(self) -> float:
        """Crop pixels per photo pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def inverse(self) -> np.ndarray:
        """Return the transform from crop to photo coordinates, float64 [2, 3]."""
        return inverted(self.matrix)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Map photo coordinates [..., 2] to crop coordinates [..., 2]."""
        return np.asarray(points) @ self.matrix[:, :2].T + self.matrix[:, 2]


@functools.cache
def mean_shape() -> np.ndarray:
    """Return the mean of 4,000 LFW faces [478, 2] in the crop's unit square, made left-right symmetric."""
    return np.array(json.loads(MEAN_SHAPE.read_text())["points"], dtype=np.float64)


def align(points: np.ndarray, size: int) -> Alignment:
    """Fit the similarity transform from landmarks [478, 2 or 3], in photo pixels, to the mean shape.

    Depth is ignored. Only the STABLE landmarks are fitted, so an opening mouth does not rescale the face. Raises
    ValueError if the points have another shape or are not finite, or if `size` is not positive.
    """
    points = np.asarray(points, dtype=np.float64)[..., :2]
    if points.shape != mean_shape().shape or not np.isfinite(points).all():
        raise ValueError(f"align needs finite points of shape {mean_shape().shape}, not {points.shape}")
    if size <= 0:
        raise ValueError(f"the size of a crop must be positive, not {size}")
    return Alignment(fit_similarity(points[STABLE], mean_shape()[STABLE] * size), size)


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Fit the rotation, uniform scale and shift [2, 3] from points `source` to `target` [N, 2] by least squares.

    There is no reflection. Umeyama (1991), equations (40) to (43). Raises ValueError if all source points coincide.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    spread = np.square(centred).sum()
    if not spread > 0:
        raise ValueError("all landmarks coincide, so no alignment can be fitted")
    u, singular, vt = np.linalg.svd((target - target_mean).T @ centred)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    linear = (singular * sign).sum() / spread * (u * sign) @ vt
    return np.column_stack([linear, target_mean - linear @ source_mean])


def generalised_mean(shapes: np.ndarray, fitted: np.ndarray = STABLE, rounds: int = 10) -> np.ndarray:
    """Return the generalised Procrustes mean [K, 2] of faces [N, K, 2] (Gower 1975).

    Each round aligns all faces to the mean on the points `fitted` and averages them. The mean is centred on these
    points and has unit size there.
    """
    mean = _standardised(shapes[0].astype(np.float64), fitted)
    for _ in range(rounds):
        fits = (fit_similarity(shape[fitted], mean[fitted]) for shape in shapes)
        aligned = [shape @ fit[:, :2].T + fit[:, 2] for shape, fit in zip(shapes, fits, strict=True)]
        mean = _standardised(np.mean(aligned, axis=0), fitted)
    return mean


def crop(photo: np.ndarray, alignment: Alignment) -> np.ndarray:
    """Cut the aligned face out of a photo uint8 [H, W, 3]: uint8 [size, size, 3], antialiased, edge pixels repeated."""
    return _to_uint8(warp(photo, alignment.matrix, (alignment.size, alignment.size)))


def warp(picture: np.ndarray, matrix: np.ndarray, extent: tuple[int, int], kernel: int = cv2.INTER_CUBIC) -> np.ndarray:
    """Resample a picture [h, w, C] through `matrix` to float32 [height, width, C], where `extent` = (width, height).

    To shrink without aliasing, it samples a finer grid and averages that over areas.
    """
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    finer = max(1, int(np.ceil(1.0 / scale - 1e-9)))
    centred = shifted(matrix * finer, -0.5, -0.5)
    centred[:, 2] += centred[:, :2] @ [0.5, 0.5]
    fine = cv2.warpAffine(
        picture,
        centred,
        (extent[0] * finer, extent[1] * finer),
        flags=kernel,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if finer > 1:
        fine = cv2.resize(fine.astype(np.float32), extent, interpolation=cv2.INTER_AREA)
    return fine.astype(np.float32, copy=False)


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)


def inverted(matrix: np.ndarray) -> np.ndarray:
    """Return the inverse of an affine map [2, 3]."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def shifted(matrix: np.ndarray, right: float, down: float) -> np.ndarray:
    """Return an affine map [2, 3] followed by a shift."""
    return matrix + np.array([[0.0, 0.0, right], [0.0, 0.0, down]])


def _standardised(shape: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    centred = shape - shape[fitted].mean(axis=0)
    return centred / np.sqrt(np.square(centred[fitted]).sum())

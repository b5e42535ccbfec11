"""Procrustes to the mean shape, the crop, its inverse, paste-back.

Points are continuous: (0, 0) is the outer corner of the first pixel, whose centre is (0.5, 0.5). OpenCV counts from
pixel centres instead; `_warp` is the only place that knows.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

MEAN_SHAPE = Path(__file__).with_name("mean_shape.json")

# Landmarks that expression hardly moves: eye corners, nose bridge, nose, forehead and temples; no mouth, jaw or brow.
STABLE = np.array(
    [33, 133, 362, 263]  # eye corners
    + [168, 6, 197, 195, 5, 4, 1, 2, 98, 327]  # nose bridge, tip and base
    + [10, 109, 338, 67, 297, 103, 332, 54, 284]  # forehead
    + [21, 251, 162, 389, 127, 356]  # temples, above the ears
)

MASK_RADIUS = 0.49  # of the crop's side: the paste-back mask is nothing from here outwards
MASK_SOLID = 0.80  # the fraction of that radius within which it is one
MASK_POWER = 3.0  # 2 is an ellipse; more fills the corners better


@dataclass(frozen=True)
class Alignment:
    """A similarity from photo to crop coordinates: `matrix` float64 [2, 3], and the crop's side in pixels."""

    matrix: np.ndarray
    size: int

    @property
    def scale(self) -> float:
        """Crop pixels per photo pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def inverse(self) -> np.ndarray:
        """The way back, from crop to photo coordinates: float64 [2, 3]."""
        return _invert(self.matrix)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Photo coordinates [..., 2] -> crop coordinates [..., 2]."""
        return np.asarray(points) @ self.matrix[:, :2].T + self.matrix[:, 2]


@functools.cache
def mean_shape() -> np.ndarray:
    """The average face [478, 2] in the crop's unit square, from 4,000 faces of LFW, made left-right symmetric."""
    return np.array(json.loads(MEAN_SHAPE.read_text())["points"], dtype=np.float64)


def align(points: np.ndarray, size: int) -> Alignment:
    """Landmarks [478, 2] in photo pixels -> the similarity that brings them closest to the mean shape.

    Only the STABLE landmarks are fitted, so opening the mouth does not rescale the face. Raises ValueError for points
    of another shape or that are not finite.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.shape != mean_shape().shape or not np.isfinite(points).all():
        raise ValueError(f"align takes {mean_shape().shape} finite points, not {points.shape}")
    if size <= 0:
        raise ValueError(f"a crop of {size} pixels is not possible")
    return Alignment(fit_similarity(points[STABLE], mean_shape()[STABLE] * size), size)


def fit_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points [N, 2], twice -> the rotation, uniform scale and shift [2, 3] of least squared distance, no reflection.

    Umeyama (1991), equations (40) to (43). Raises ValueError when all source points coincide.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred = source - source_mean
    spread = np.square(centred).sum()
    if not spread > 0:
        raise ValueError("the landmarks all coincide, so nothing can be aligned to them")
    u, singular, vt = np.linalg.svd((target - target_mean).T @ centred)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    linear = (singular * sign).sum() / spread * (u * sign) @ vt
    return np.column_stack([linear, target_mean - linear @ source_mean])


def generalised_mean(shapes: np.ndarray, fitted: np.ndarray = STABLE, rounds: int = 10) -> np.ndarray:
    """Faces [N, K, 2] -> their generalised Procrustes mean [K, 2], aligned on `fitted`, centred and of unit size there.

    Gower (1975): align all to the mean, average, repeat.
    """
    mean = _standardised(shapes[0].astype(np.float64), fitted)
    for _ in range(rounds):
        fits = (fit_similarity(shape[fitted], mean[fitted]) for shape in shapes)
        aligned = [shape @ fit[:, :2].T + fit[:, 2] for shape, fit in zip(shapes, fits, strict=True)]
        mean = _standardised(np.mean(aligned, axis=0), fitted)
    return mean


def crop(photo: np.ndarray, alignment: Alignment) -> np.ndarray:
    """uint8 [H, W, 3] -> the aligned face, uint8 [size, size, 3], antialiased; beyond the photo its border goes on."""
    return _to_uint8(_warp(photo, alignment.matrix, (alignment.size, alignment.size)))


def paste_back(
    photo: np.ndarray,
    edited: np.ndarray,
    alignment: Alignment,
    original: np.ndarray | None = None,
    match_colour: bool = False,
) -> np.ndarray:
    """Lay the edited crop, uint8 [size, size, 3], over the photo it came from -> uint8 [H, W, 3], a new array.

    Blended by a soft mask that ends inside the crop; outside it every pixel is left as it was. With `original`, the
    crop as it was before the edit, only the change edited - original is added, so the photo keeps its own detail.
    `match_colour` gives the edit the mean and spread of the photo's own crop first.
    """
    expected = (alignment.size, alignment.size, 3)
    for picture in (edited, original):
        if picture is not None and picture.shape != expected:
            raise ValueError(f"the alignment is for a crop of shape {expected}, not {picture.shape}")
    layer = edited.astype(np.float32)
    if match_colour:
        layer = _match_colour(layer, crop(photo, alignment).astype(np.float32))
    if original is not None:
        layer -= original.astype(np.float32)
    pasted = photo.copy()
    left, top, right, bottom = _footprint(photo, alignment)
    if left >= right or top >= bottom:
        return pasted
    region = pasted[top:bottom, left:right]
    back = _shifted(alignment.inverse(), -left, -top)
    mask = _mask_at(_invert(back), region.shape[1], region.shape[0], alignment.size)[..., None]
    warped = _warp(layer, back, (region.shape[1], region.shape[0]))
    target = warped if original is None else region + warped
    blended = _to_uint8(region + mask * (target - region))
    np.copyto(region, blended, where=mask > 0)
    return pasted


def face_mask(size: int) -> np.ndarray:
    """The weight of an edit at each pixel of its crop: float32 [size, size] in [0, 1], nothing at the border."""
    return _mask_at(np.eye(2, 3), size, size, size)


def _mask_at(matrix: np.ndarray, width: int, height: int, size: int) -> np.ndarray:
    """The mask at each pixel centre of a [height, width] picture that `matrix` takes into the crop."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    across = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / size - 0.5
    down = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / size - 0.5
    radius = (np.abs(across) ** MASK_POWER + np.abs(down) ** MASK_POWER) ** (1 / MASK_POWER) / MASK_RADIUS
    ramp = ((1.0 - radius) / (1.0 - MASK_SOLID)).clip(0.0, 1.0)
    return (ramp * ramp * (3.0 - 2.0 * ramp)).astype(np.float32)


def _match_colour(edited: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Give the edit the reference's mean and standard deviation, channel by channel, weighed by the mask."""
    weight = face_mask(edited.shape[0])[..., None] / face_mask(edited.shape[0]).sum()
    means = [(weight * picture).sum(axis=(0, 1)) for picture in (edited, reference)]
    spreads = [
        np.sqrt((weight * np.square(picture - mean)).sum(axis=(0, 1)))
        for picture, mean in zip((edited, reference), means, strict=True)
    ]
    return (edited - means[0]) * (spreads[1] / np.maximum(spreads[0], 1.0)) + means[1]


def _footprint(photo: np.ndarray, alignment: Alignment) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the photo that the crop covers."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * float(alignment.size)
    back = alignment.inverse()
    covered = corners @ back[:, :2].T + back[:, 2]
    limit = np.array([photo.shape[1], photo.shape[0]])
    left, top = np.floor(covered.min(axis=0)).clip(0, limit).astype(int)
    right, bottom = np.ceil(covered.max(axis=0)).clip(0, limit).astype(int)
    return int(left), int(top), int(right), int(bottom)


def _warp(picture: np.ndarray, matrix: np.ndarray, extent: tuple[int, int]) -> np.ndarray:
    """Resample [h, w, 3] through `matrix` into float32 [height, width, 3] for `extent` = (width, height).

    Cubic; when it shrinks, it samples a finer grid first and averages that over areas, so that nothing aliases.
    """
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    finer = max(1, int(np.ceil(1.0 / scale - 1e-9)))
    centred = _shifted(matrix * finer, -0.5, -0.5)
    centred[:, 2] += centred[:, :2] @ [0.5, 0.5]
    fine = cv2.warpAffine(
        picture,
        centred,
        (extent[0] * finer, extent[1] * finer),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if finer > 1:
        fine = cv2.resize(fine.astype(np.float32), extent, interpolation=cv2.INTER_AREA)
    return fine.astype(np.float32)


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)


def _invert(matrix: np.ndarray) -> np.ndarray:
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def _shifted(matrix: np.ndarray, right: float, down: float) -> np.ndarray:
    return matrix + np.array([[0.0, 0.0, right], [0.0, 0.0, down]])


def _standardised(shape: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    centred = shape - shape[fitted].mean(axis=0)
    return centred / np.sqrt(np.square(centred[fitted]).sum())

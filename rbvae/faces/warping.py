"""Backward maps of a moved mesh: the source position of every pixel of the result."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SUBPIXEL = 4  # fractional bits of OpenCV's polygon coordinates
FLAT = 1e-9  # twice the area below which a triangle counts as flat


@dataclass(frozen=True)
class Grid:
    """Cells at whose centres a map is evaluated: `columns` x `rows` of `step` pixels from (left, top)."""

    left: int
    top: int
    step: int
    columns: int
    rows: int

    @property
    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """x [columns] and y [rows] of the cells' centres, in pixels."""
        x = self.left + (np.arange(self.columns, dtype=np.float32) + np.float32(0.5)) * np.float32(self.step)
        y = self.top + (np.arange(self.rows, dtype=np.float32) + np.float32(0.5)) * np.float32(self.step)
        return x, y


def triangle_numbers(points: np.ndarray, triangles: np.ndarray, order: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the triangle of points [N, 2], in pixels, at each cell: int32 [rows, columns], -1 for none.

    Triangles are drawn in `order`, the last on top.
    """
    numbers = np.full((grid.rows, grid.columns), -1, np.int32)
    cells = (points - [grid.left, grid.top]) / grid.step - 0.5  # OpenCV measures from cell centres
    corners = np.round(cells * (1 << SUBPIXEL)).astype(np.int32)[triangles]
    for number in order:
        cv2.fillConvexPoly(numbers, corners[number], int(number), lineType=cv2.LINE_8, shift=SUBPIXEL)
    return numbers


@dataclass(frozen=True)
class AffineMaps:
    """Maps of T triangles: value = matrix [D, 3] @ (x, y, 1), clipped to the range `low`..`high` [D] of the corners."""

    matrix: np.ndarray
    low: np.ndarray
    high: np.ndarray


def affine_maps(values: np.ndarray, target: np.ndarray, triangles: np.ndarray) -> AffineMaps:
    """Interpolate values [N, D] at points `target` [N, 2] linearly over each triangle.

    A triangle without area takes the value of its first corner.
    """
    a, b, c = (target[triangles[:, k]] for k in range(3))
    p, q, r = (values[triangles[:, k]] for k in range(3))
    u, v = b - a, c - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    flat = np.abs(area) < FLAT
    inverse = np.stack([v[:, 1], -v[:, 0], -u[:, 1], u[:, 0]], axis=1).reshape(-1, 2, 2)
    inverse /= np.where(flat, np.inf, area)[:, None, None]  # [T, 2, 2]: offset from a -> weights of u and v
    linear = np.stack([q - p, r - p], axis=2) @ inverse
    offset = p - np.einsum("tdk,tk->td", linear, a)
    matrix = np.concatenate([linear, offset[:, :, None]], axis=2).astype(np.float32)
    corners = np.stack([p, q, r])
    return AffineMaps(matrix, corners.min(axis=0).astype(np.float32), corners.max(axis=0).astype(np.float32))


def evaluate(maps: AffineMaps, numbers: np.ndarray, grid: Grid) -> np.ndarray:
    """Evaluate the maps of T triangles at a grid's cells: float32 [rows, columns, D], undefined where `numbers` is -1.

    Values are clipped, because a cell's centre may lie slightly outside a thin triangle, which extrapolates far.
    """
    x, y = grid.centres
    chosen = numbers.astype(np.intp)

    def of(values: np.ndarray) -> np.ndarray:
        return np.take(values, chosen, mode="clip")

    planes = []
    for d in range(maps.matrix.shape[1]):
        value = of(maps.matrix[:, d, 0]) * x + of(maps.matrix[:, d, 1]) * y[:, None] + of(maps.matrix[:, d, 2])
        planes.append(np.minimum(np.maximum(value, of(maps.low[:, d])), of(maps.high[:, d])))
    return np.stack(planes, axis=-1)


def far_to_near(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the order of triangles of points [N, 3] from far to near; depth increases away from the camera."""
    return np.argsort(-points[triangles, 2].mean(axis=1), kind="stable")


def signed_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return twice the signed areas [T] of triangles of points [N, 2 or more].

    Those of the face's mesh are negative where a triangle faces the camera.
    """
    a, b, c = (points[triangles[:, k], :2] for k in range(3))
    u, v = b - a, c - a
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]

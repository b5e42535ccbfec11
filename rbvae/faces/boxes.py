"""Boxes in pictures: overlap, duplicates, search tiles and parts of other boxes."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels

AnyFace = TypeVar("AnyFace", bound=Any)  # any type with a `box` (left, top, right, bottom) and a `size`


def merge_duplicates(faces: list[AnyFace], overlap: float = 0.4) -> list[AnyFace]:
    """Keep the largest of each group of faces whose boxes have an intersection over union above `overlap`."""
    kept: list[AnyFace] = []
    for face in sorted(faces, key=lambda face: -face.size):
        if all(intersection_over_union(face.box, other.box) <= overlap for other in kept):
            kept.append(face)
    return kept


def intersection_over_union(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the intersection over union of two boxes (left, top, right, bottom), in [0, 1]."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / (areas - width * height)


def square_at(photo: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Return the square [side, side, 3] at (left, top); outside the photo, the nearest edge pixel is repeated."""
    height, width = photo.shape[:2]
    y, x = min(max(top, 0), height - 1), min(max(left, 0), width - 1)
    bottom, right = min(max(top + side, y + 1), height), min(max(left + side, x + 1), width)
    inside = photo[y:bottom, x:right]
    around = (max(0, -top), max(0, top + side - height), max(0, -left), max(0, left + side - width))
    if not any(around):
        return inside
    return cv2.copyMakeBorder(inside, *around, cv2.BORDER_REPLICATE)[:side, :side]


def with_margin(box: Box, margin: int, within: Box) -> Box:
    """Return a box that is larger by `margin` on every side, cut off at the sides of `within`."""
    left, top, right, bottom = box
    return (
        max(left - margin, within[0]), max(top - margin, within[1]),
        min(right + margin, within[2]), min(bottom + margin, within[3]),
    )  # fmt: skip


def intersection(box: Box, other: Box) -> Box:
    """Return the part that two boxes have in common; without any, a box without pixels at the edge of `other`."""
    left, top = (min(max(box[k], other[k]), other[k + 2]) for k in (0, 1))
    right, bottom = max(left, min(box[2], other[2])), max(top, min(box[3], other[3]))
    return left, top, right, bottom


def window(box: Box, pixels_of: Box) -> tuple[slice, slice]:
    """Return the rows and the columns of a box in the pixels of the box that includes it."""
    left, top, _, _ = pixels_of
    return slice(box[1] - top, box[3] - top), slice(box[0] - left, box[2] - left)


def tile_starts(length: int, side: int) -> list[int]:
    """Return the start positions of tiles of `side` that cover `length`, with neighbours overlapping by half."""
    count = -(-(length - side) // (side // 2)) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]

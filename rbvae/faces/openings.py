"""Mouth and eyes as openings between two lines of points, with coordinates along and across them."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.boxes import Box


@dataclass(frozen=True)
class Opening:
    """An opening between two lines of points [K, 2] in pixels, `upper` and `lower`, from left to right.

    The lines share their ends, the corners. `s` runs along the opening, 0 at the left corner and 1 at the right; `v`
    runs across it, 0 on the upper line and 1 on the lower.
    """

    upper: np.ndarray
    lower: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, lines: tuple[list[int], list[int]]) -> Opening:
        """Create the opening between two rows of landmarks [N, 2 or more]."""
        upper, lower = (np.asarray(points[line, :2], np.float64) for line in lines)
        return cls(upper, lower)

    def moved(self, x: float, y: float) -> Opening:
        """Return the opening moved by `x` and `y` pixels."""
        return Opening(self.upper + [x, y], self.lower + [x, y])

    @functools.cached_property
    def width(self) -> float:
        """Distance between the corners, in pixels."""
        return math.dist(self.upper[0], self.upper[-1])

    @property
    def gap(self) -> float:
        """Distance between the middles of the lines, divided by the width; negative where they have crossed."""
        middle = len(self.upper) // 2
        return float((self.lower[middle] - self.upper[middle]) @ self.axes()[1]) / max(self.width, 1e-6)

    @property
    def outline(self) -> np.ndarray:
        """The outline as a polygon [2K - 2, 2]."""
        return np.concatenate([self.upper, self.lower[-2:0:-1]])

    def box(self, margin: float, width: int, height: int) -> Box:
        """Return left, top, right and bottom of the outline plus `margin`, clipped to `width` x `height` pixels."""
        low = np.floor(self.outline.min(axis=0) - margin).astype(int)
        high = np.ceil(self.outline.max(axis=0) + margin).astype(int)
        left, top = np.clip(low, 0, [width - 1, height - 1])
        right, bottom = np.clip(high, [left + 1, top + 1], [width, height])
        return int(left), int(top), int(right), int(bottom)

    def mask(self, box: Box, blur: float) -> np.ndarray:
        """Return how much of each pixel of a box lies inside, float32 [h, w] in [0, 1], blurred by `blur` pixels."""
        left, top, right, bottom = box
        drawn = np.zeros((bottom - top, right - left), np.uint8)
        corners = np.round((self.outline - [left, top] - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(drawn, [corners], 255, lineType=cv2.LINE_AA, shift=4)
        mask = drawn.astype(np.float32) / 255
        return cv2.GaussianBlur(mask, (0, 0), blur) if blur > 0 else mask

    def pixels(self, photo: np.ndarray, share: float) -> np.ndarray:
        """Return the pixels [N, 3] of a photo [H, W, 3] of which more than `share` lies inside."""
        left, top, right, bottom = box = self.box(1, photo.shape[1], photo.shape[0])
        return photo[top:bottom, left:right][self.mask(box, 0) > share]

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return unit vectors along the axis through the corners and across it, downwards."""
        along = (self.upper[-1] - self.upper[0]) / max(self.width, 1e-6)
        return along, np.array([-along[1], along[0]])

    def lines(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances of both lines from the axis through the corners, in pixels, at each `s`."""
        (upper_at, upper), (lower_at, lower) = self._profiles
        return np.interp(s, upper_at, upper), np.interp(s, lower_at, lower)

    @functools.cached_property
    def _profiles(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The points of each line as `s`, which does not decrease, and distances from the axis."""
        along, across = self.axes()
        offsets = [line - self.upper[0] for line in (self.upper, self.lower)]
        return [(np.maximum.accumulate(o @ along / max(self.width, 1e-6)), o @ across) for o in offsets]

    def at(self, x: np.ndarray, y: np.ndarray) -> Places:
        """Describe pixel positions by the opening."""
        s, across = self.coordinates(x, y)
        return Places(s, across, *self.lines(s))

    def coordinates(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert pixel positions to `s` and the distance from the axis through the corners, in pixels."""
        along, across = self.axes()
        dx, dy = x - self.upper[0, 0], y - self.upper[0, 1]
        return (dx * along[0] + dy * along[1]) / max(self.width, 1e-6), dx * across[0] + dy * across[1]

    def positions(self, s: np.ndarray, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert back to pixel positions; the inverse of `coordinates`."""
        along, normal = self.axes()
        x = self.upper[0, 0] + s * self.width * along[0] + across * normal[0]
        return x, self.upper[0, 1] + s * self.width * along[1] + across * normal[1]


@dataclass(frozen=True)
class Places:
    """Positions in an opening, [h, w] each: `s` along it and `across`, in pixels from its axis.

    `upper` and `lower` are the distances of both lines from the axis there.
    """

    s: np.ndarray
    across: np.ndarray
    upper: np.ndarray
    lower: np.ndarray


def pixel_grid(box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the centres of a box's pixels, float64 [h, w] each."""
    left, top, right, bottom = box
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    return x, y


def sample(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample a picture [H, W, 3] at pixel positions with bicubic interpolation; returns float32."""
    at = (np.float32(x - 0.5), np.float32(y - 0.5))
    return cv2.remap(picture, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)

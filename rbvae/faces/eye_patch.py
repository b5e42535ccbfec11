"""The surroundings of one eye in a photo: which of its pixels show the eyeball, and how far from the iris they are."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from rbvae.faces.iris import Iris
from rbvae.faces.openings import Opening, Places, pixel_grid

LASHES = 0.1  # of the eye's height, at most: strip below the upper lid in which lashes hide the iris


@dataclass(frozen=True)
class EyePatch:
    """A part of a photo, `pixels` float32 [h, w, 3], with an eye; `opening` and `iris` are in its pixels."""

    pixels: np.ndarray
    opening: Opening
    iris: Iris

    @functools.cached_property
    def places(self) -> Places:
        """Where the pixels lie in the opening."""
        return self.opening.at(*self._grid)

    @functools.cached_property
    def seen(self) -> np.ndarray:
        """How far each pixel shows the eyeball, see `visible`."""
        return visible(self.places)

    @functools.cached_property
    def distance(self) -> np.ndarray:
        """The distance of each pixel from the iris's centre, in radii: float32 [h, w]."""
        x, y = self._grid
        return np.hypot(np.float32(x - self.iris.x), np.float32(y - self.iris.y)) / np.float32(self.iris.radius)

    @property
    def _grid(self) -> tuple[np.ndarray, np.ndarray]:
        return pixel_grid((0, 0, self.pixels.shape[1], self.pixels.shape[0]))

    def cropped(self, rows: slice, columns: slice) -> EyePatch:
        """Return a part of the patch."""
        x, y = -columns.start, -rows.start
        iris = replace(self.iris, x=self.iris.x + x, y=self.iris.y + y)
        return EyePatch(self.pixels[rows, columns], self.opening.moved(x, y), iris)


def visible(places: Places, lashes: float = LASHES) -> np.ndarray:
    """Return how far pixels at places in an eye show the eyeball, in [0, 1], without the margins of the lids.

    `lashes` is the margin of the upper lid, as a share of the eye's height.
    """
    height = np.maximum(places.lower - places.upper, 1e-3)
    soft = np.maximum(1.0, 1.2 * lashes * height)
    above = (places.across - places.upper - lashes * height) / soft
    below = (places.lower - 0.03 * height - places.across) / soft
    within = (places.s > 0) & (places.s < 1)
    return (np.clip(above, 0, 1) * np.clip(below, 0, 1) * within).astype(np.float32)

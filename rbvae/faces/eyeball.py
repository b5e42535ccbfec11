"""The eyeball as layers behind the lids: the white of the eye, the iris, and reflections of lights (catch-lights).

Together the layers give the photo's own pixels. The iris alone moves with the gaze, its parts hidden by a lid are
completed by its symmetry, and reflections move less, because they are images of lights in a curved mirror.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from rbvae.faces.eye_patch import EyePatch
from rbvae.faces.iris import Iris, find_iris
from rbvae.faces.iris_layers import OUTSIDE, iris_layers, profile_step
from rbvae.faces.mesh import LIDS
from rbvae.faces.openings import Opening, sample
from rbvae.faces.region import box_of
from rbvae.faces.sclera import white_of

REFLECTION = 0.4  # of the iris's motion: how far a reflection moves with it
MARGIN = 0.25  # of the eye's width: margin of the patch around the lids


@dataclass(frozen=True)
class Eyeball:
    """Layers float32 [h, w, 3] in the patch of the photo with this `corner` (x, y).

    `white` is complete; `iris` [h, w, 4] is the colour multiplied by the iris's share of each pixel, and that share;
    `reflection` is added on top, None if there is none.
    """

    corner: tuple[int, int]
    place: Iris
    white: np.ndarray
    iris: np.ndarray
    reflection: np.ndarray | None

    @classmethod
    def at(cls, photo: np.ndarray, points: np.ndarray, eye: int) -> Eyeball:
        """Separate the left eye (0) or the right eye (1) of a picture with landmarks [478, 2 or more]."""
        opening = Opening.of(points, LIDS[eye])
        return cls.of(photo, opening, find_iris(photo, points, eye, opening))

    @classmethod
    def of(cls, photo: np.ndarray, opening: Opening, iris: Iris) -> Eyeball:
        """Separate the layers of one eye in a photo uint8 [H, W, 3]."""
        left, top, right, bottom = opening.box(MARGIN * opening.width, photo.shape[1], photo.shape[0])
        patch, moved = photo[top:bottom, left:right].astype(np.float32), opening.moved(-left, -top)
        eye = EyePatch(patch, moved, replace(iris, x=iris.x - left, y=iris.y - top))
        white = white_of(eye)
        centre, reach = np.array([eye.iris.x, eye.iris.y]), OUTSIDE * iris.radius + 2
        x, y, x_end, y_end = box_of(np.array([centre - reach, centre + reach]), *patch.shape[1::-1])
        step = profile_step(iris.radius)
        x, y = x - x % step, y - y % step  # so that the profile measures pixels of the patch's own grid
        disc = np.s_[y:y_end, x:x_end]
        layer, reflection = np.zeros((*patch.shape[:2], 4), np.float32), np.zeros_like(patch)
        layer[disc], reflection[disc] = iris_layers(eye.cropped(*disc), white[disc])
        return cls((left, top), iris, white, layer, reflection if reflection.any() else None)

    @functools.cached_property
    def highlight(self) -> tuple[np.ndarray, float] | None:
        """The centre [2] of the reflections in photo pixels, and half their height; None if there are none."""
        if self.reflection is None:
            return None
        weight = self.reflection.mean(axis=2)
        y, x = np.nonzero(weight)
        centre = np.average(np.stack([x, y], axis=1), axis=0, weights=weight[y, x])
        spread = np.sqrt(np.average((y - centre[1]) ** 2, weights=weight[y, x]))
        return centre + 0.5 + self.corner, float(2 * spread)

    def draw(self, x: np.ndarray, y: np.ndarray, gaze: np.ndarray, lowered: np.ndarray | float = 0.0) -> np.ndarray:
        """Draw the eyeball at positions of the photo, `x` and `y` [h, w], with the iris moved by `gaze` [2] pixels.

        `lowered` [2] moves the reflections further, so that a lid does not hide them.
        """
        x, y = x - self.corner[0], y - self.corner[1]
        iris_x, iris_y = self._narrowed(x - gaze[0], y - gaze[1], gaze)
        iris = sample(self.iris, iris_x, iris_y)
        drawn = sample(self.white, x, y) * (1 - iris[..., 3:]) + iris[..., :3]
        if self.reflection is None:
            return drawn
        moved = REFLECTION * gaze + lowered
        return drawn + sample(self.reflection, x - moved[0], y - moved[1])

    def _narrowed(self, x: np.ndarray, y: np.ndarray, gaze: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Show the iris as the ellipse that it becomes when it turns aside."""
        length = float(np.hypot(*gaze))
        if length == 0:
            return x, y
        turned = min(0.6, length / (1.7 * self.place.radius))  # sine of the turn; the iris lies 1.7 radii off the axis
        along = gaze / length
        offset = (x - self.place.x + self.corner[0]) * along[0] + (y - self.place.y + self.corner[1]) * along[1]
        by = offset * (1 / np.sqrt(1 - turned**2) - 1)
        return x + by * along[0], y + by * along[1]

"""The eyeball as layers behind the lids: the white of the eye, the iris, and reflections of lights (catch-lights).

Together the layers give the photo's own pixels. The iris alone moves with the gaze, its parts hidden by a lid are
completed by its symmetry, and reflections move less, because they are images of lights in a curved mirror.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.iris import Iris, find_iris
from rbvae.faces.mesh import LIDS
from rbvae.faces.openings import Opening, sample

REFLECTION = 0.4  # of the iris's motion: how far a reflection moves with it
RIM = 0.14  # of the iris's radius: half the width of its soft edge
AROUND = 1.2  # radii: the white of the eye starts here
LASHES = 0.1  # of the eye's height, at most: strip below the upper lid in which lashes hide the iris
MARGIN = 0.25  # of the eye's width: margin of the patch around the lids
CHART = (24, 64)  # rows across and columns along the eye, on which the white of the eye is filled in
BINS = 16  # rings of the iris in its radial profile
ENOUGH = 12  # pixels of the radius that suffice for the profile
TYPICAL = 0.35  # quantile of a ring's pixels, below the median because reflections are bright
BRIGHT = 26.0  # grey levels above its ring at which a pixel of the iris starts to count as a reflection


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
        box = opening.box(MARGIN * opening.width, photo.shape[1], photo.shape[0])
        left, top, right, bottom = box
        patch = photo[top:bottom, left:right].astype(np.float32)
        x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
        distance = np.hypot(x - iris.x, y - iris.y) / iris.radius
        seen = visible(opening, x, y)
        share = iris_share(distance, iris.radius)
        white = white_of(patch, opening, iris, (x, y), distance, seen)
        profile = radial_profile(patch, distance, seen, iris.radius)
        reflection = reflection_of(patch, profile, distance, seen, iris.radius)
        plain = (patch - reflection - (1 - share[..., None]) * white) * (distance < AROUND + 0.2 + 1 / iris.radius)[
            ..., None
        ]
        guess = (profile - (1 - share[..., None]) * white) * share[..., None]
        plain = completed(plain, guess, seen, Mirror(opening, iris, left, top))
        layer = np.concatenate([plain, share[..., None]], axis=2)
        return cls((left, top), iris, white, layer, reflection if reflection.any() else None)

    def draw(self, x: np.ndarray, y: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Draw the eyeball at positions of the photo, `x` and `y` [h, w], with the iris moved by `gaze` [2] pixels."""
        x, y = x - self.corner[0], y - self.corner[1]
        iris_x, iris_y = self._narrowed(x - gaze[0], y - gaze[1], gaze)
        iris = sample(self.iris, iris_x, iris_y)
        drawn = sample(self.white, x, y) * (1 - iris[..., 3:]) + iris[..., :3]
        if self.reflection is None:
            return drawn
        return drawn + sample(self.reflection, x - REFLECTION * gaze[0], y - REFLECTION * gaze[1])

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


def iris_share(distance: np.ndarray, radius: float) -> np.ndarray:
    """Return the iris's share of pixels at a distance from its centre, in radii: 1 inside, with a soft rim."""
    soft = RIM + 0.7 / radius
    t = np.clip((1 + soft - distance) / (2 * soft), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def visible(opening: Opening, x: np.ndarray, y: np.ndarray, lashes: float = LASHES) -> np.ndarray:
    """Return how far pixels show the eyeball, in [0, 1], without the margins of the lids.

    `lashes` is the margin of the upper lid, as a share of the eye's height.
    """
    s, across = opening.coordinates(x, y)
    upper, lower = opening.lines(s)
    height = np.maximum(lower - upper, 1e-3)
    soft = np.maximum(1.0, 1.2 * lashes * height)
    above = (across - upper - lashes * height) / soft
    below = (lower - 0.03 * height - across) / soft
    return (np.clip(above, 0, 1) * np.clip(below, 0, 1) * ((s > 0) & (s < 1))).astype(np.float32)


def white_of(
    patch: np.ndarray, opening: Opening, iris: Iris, grid: tuple[np.ndarray, np.ndarray],
    distance: np.ndarray, seen: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return the white of the eye, filled in behind the iris and the lids along lines that are parallel to the lids."""
    rows, columns = CHART
    v, s = np.mgrid[0.5 / rows : 1 : 1 / rows, 0.5 / columns : 1 : 1 / columns][:, :rows, :columns]
    upper, lower = opening.lines(s)
    x, y = opening.positions(s, upper + v * (lower - upper))
    finer = max(0.0, 0.4 * opening.width / columns)
    smooth = cv2.GaussianBlur(patch, (0, 0), finer) if finer > 0.5 else patch
    left, top = grid[0][0, 0] - 0.5, grid[1][0, 0] - 0.5
    chart = sample(smooth, x - left, y - top)
    aside = np.hypot(x - iris.x, y - iris.y) / iris.radius > AROUND + 0.5 / iris.radius
    chart = filled_rows(chart, aside & (s > 0.06) & (s < 0.94))
    at_s, across = opening.coordinates(*grid)
    at_upper, at_lower = opening.lines(at_s)
    at_v = np.clip((across - at_upper) / np.maximum(at_lower - at_upper, 1e-3), 0.12, 0.95)
    fill = sample(chart, np.clip(at_s, 0, 1) * columns, at_v * rows)
    soft = 0.15 + 1.0 / iris.radius
    keep = seen * np.clip((distance - AROUND) / soft, 0, 1)
    return fill + np.float32(keep)[..., None] * (patch - fill)


def filled_rows(chart: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown pixels of a chart [rows, columns, 3] along its rows, or from the rows next to them."""
    out, rows = chart.copy(), []
    for row, is_known in enumerate(known):
        places = np.flatnonzero(is_known)
        if len(places) >= 3:
            rows.append(row)
            calm = cv2.blur(chart[row][places][None], (5, 1), borderType=cv2.BORDER_REPLICATE)[0]
            for channel in range(3):
                out[row, ~is_known, channel] = np.interp(np.flatnonzero(~is_known), places, calm[:, channel])
    if rows:
        for row in set(range(len(chart))) - set(rows):
            out[row] = out[min(rows, key=lambda other: abs(other - row))]
    return cv2.GaussianBlur(out, (0, 0), 1.0)


def radial_profile(patch: np.ndarray, distance: np.ndarray, seen: np.ndarray, radius: float) -> np.ndarray:
    """Return the typical colour of the iris's visible pixels, without reflections, at each pixel's distance from its
    centre: float32 [h, w, 3]."""
    step = max(1, int(radius / ENOUGH))
    ring = (distance[::step, ::step] * BINS).astype(int)
    some, is_seen = patch[::step, ::step], seen[::step, ::step] > 0.5
    colours, known = np.zeros((int(AROUND * BINS) + 1, 3), np.float32), []
    for k in range(len(colours)):
        inside = some[(ring == k) & is_seen]
        if len(inside) >= 3:
            colours[k] = np.sort(inside, axis=0)[int(TYPICAL * len(inside))]
            known.append(k)
    if not known:
        return patch
    at = np.clip(distance * BINS - 0.5, 0, len(colours) - 1)
    planes = [np.interp(at, known, colours[known, channel]) for channel in range(3)]
    return np.stack(planes, axis=-1).astype(np.float32)


def reflection_of(
    patch: np.ndarray, profile: np.ndarray, distance: np.ndarray, seen: np.ndarray, radius: float
) -> np.ndarray:
    """Return the reflections of lights in the iris: what is much brighter than the rest of its ring."""
    brighter = (patch - profile).mean(axis=2)
    found = ((brighter > BRIGHT) & (distance < 0.8) & (seen > 0.2)).astype(np.float32)
    size = max(1, round(0.12 * radius))
    spread = cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1,) * 2))
    soft = cv2.GaussianBlur(spread, (0, 0), max(0.5, 0.06 * radius))
    return np.maximum(patch - profile, 0) * soft[..., None]


@dataclass(frozen=True)
class Mirror:
    """Reflections about the iris's centre, along and across the eye, in a patch with the corner (`left`, `top`)."""

    opening: Opening
    iris: Iris
    left: int
    top: int

    def positions(self, shape: tuple[int, ...], sign_along: int, sign_across: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the mirror image of each pixel of a patch [h, w, ...] lies in the patch."""
        along, across = self.opening.axes()
        x, y = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
        centre = self.iris.x - self.left, self.iris.y - self.top
        a = sign_along * ((x - centre[0]) * along[0] + (y - centre[1]) * along[1])
        b = sign_across * ((x - centre[0]) * across[0] + (y - centre[1]) * across[1])
        return centre[0] + a * along[0] + b * across[0], centre[1] + a * along[1] + b * across[1]


def completed(plain: np.ndarray, guess: np.ndarray, seen: np.ndarray, mirror: Mirror) -> np.ndarray:
    """Complete the iris's hidden parts by its mirror images: top from bottom, then both ways, then left from right.

    `guess` stands in where no mirror image is visible either.
    """
    total, weight = plain * seen[..., None], seen.copy()
    for signs in ((1, -1), (-1, -1), (-1, 1)):
        at = mirror.positions(plain.shape, *signs)
        share = np.clip(sample(seen, *at), 0, 1) * (1 - weight)
        total += sample(plain, *at) * share[..., None]
        weight += share
    return total + guess * (1 - weight)[..., None]

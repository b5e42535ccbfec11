"""Drawing of eyes that open, close or look elsewhere: the lids move over the eyeball, which does not stretch.

A band along each lid moves with it unchanged, so that lashes and the edges of the lids keep their form. Between the
bands lies the eyeball, drawn by rbvae.faces.eyeball.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from rbvae.faces.eyeball import Eyeball, visible
from rbvae.faces.gaze import ABOVE
from rbvae.faces.iris import find_iris
from rbvae.faces.lashes import Lid, turned_down
from rbvae.faces.mesh import LIDS
from rbvae.faces.openings import Opening, pixel_grid, sample

SOFT = 0.06  # change of the lids' distance, as a share of it, after which the eye no longer follows the mesh
LEAST = 1e-3  # smaller changes, as a share of the lids' distance or in radii of the iris, leave the eye to the mesh
EDGE = 0.04  # of the eye's height: band along the upper lid that moves with it
SHUT = 0.05  # gap, relative to the eye's width, below which an eye shows no eyeball

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Eyes:
    """Two eyes that an edit changes, the left of the picture first.

    `points` [478, 3] are the landmarks before the edit and `after` [468, 3] those after it, in pixels of `photo`;
    `gaze` [2, 2] moves the irises, in photo pixels.
    """

    photo: np.ndarray
    points: np.ndarray
    after: np.ndarray
    gaze: np.ndarray

    @functools.cached_property
    def openings(self) -> list[tuple[Opening, Opening]]:
        """The lids of each eye before and after the edit."""
        return [(Opening.of(self.points, lids), Opening.of(self.after, lids)) for lids in LIDS]

    @functools.cached_property
    def lids(self) -> list[tuple[Lid, float] | None]:
        """The lid of each eye that is almost closed, and how far its lashes have turned down."""
        shares = [turned_down(old, new) if old.gap > SHUT else 0.0 for old, new in self.openings]
        return [
            (Lid.of(self.photo, old, self._below_brow(number)), share) if share > 0 else None
            for number, ((old, _), share) in enumerate(zip(self.openings, shares, strict=True))
        ]

    def _below_brow(self, number: int) -> float:
        """Return the distance from the upper lid to the brow, in pixels."""
        lid, brow = LIDS[number][0][4], ABOVE[number][1][3]
        return float(np.linalg.norm(self.points[lid, :2] - self.points[brow, :2]))

    def skin(self) -> np.ndarray:
        """Return the photo, without the eye and the lashes where an eye almost closes."""
        if not any(self.lids):
            return self.photo
        photo = self.photo.copy()
        for found in self.lids:
            if found:
                lid, share = found
                lid.lifted(photo, share)
        return photo

    def draw(self, out: np.ndarray, box: Box) -> None:
        """Draw the eyes, in place, into `out` uint8 [h, w, 3], the pixels of the photo's `box`."""
        for number, ((old, new), gaze, found) in enumerate(zip(self.openings, self.gaze, self.lids, strict=True)):
            turned = float(np.abs(gaze).max()) / max(old.width, 1e-6)
            if old.gap > SHUT and max(moved(old, new), turned) > LEAST:
                ball = Eyeball.of(self.photo, old, find_iris(self.photo, self.points, number, old))
                draw_eye(out, box, ball, self.photo, (old, new), gaze)
            if found:
                found[0].draw(out, box, new, found[1])


def moved(old: Opening, new: Opening) -> float:
    """Return how much the distance of the lids changes, as a share of it."""
    return abs(new.gap - old.gap) / max(old.gap, 1e-6)


def draw_eye(
    out: np.ndarray, box: Box, ball: Eyeball, photo: np.ndarray, lids: tuple[Opening, Opening], gaze: np.ndarray
) -> None:  # fmt: skip
    """Draw one eye in place, between `lids` before and after the edit. The eyeball moves with the eye's corners."""
    old, new = lids
    left, top, right, bottom = box
    target = Opening(new.upper - [left, top], new.lower - [left, top])
    blur = max(0.5, 0.02 * new.width)
    inner = target.box(3 * blur + 2, right - left, bottom - top)
    x, y = pixel_grid(inner)
    s, across = target.coordinates(x, y)
    upper, lower = target.lines(s)
    old_upper, old_lower = old.lines(s)
    scale = old.width / max(new.width, 1e-6)
    near_upper = across - upper < lower - across
    band = np.where(near_upper, old_upper + scale * (across - upper), old_lower + scale * (across - lower))
    drawn = sample(photo, *old.positions(s, band))
    shown = visible(target, x, y, EDGE)[..., None]
    if shown.any():
        drawn += shown * (ball.draw(*old.positions(s, scale * across), gaze) - drawn)
    share = min(1.0, moved(old, new) / SOFT + float(np.hypot(*gaze)) / (0.1 * ball.place.radius))
    open_here = np.clip(lower - upper, 0, 1)  # a polygon without area still has an outline
    mask = (target.mask(inner, blur) * np.float32(share * open_here))[..., None]
    part = out[inner[1] : inner[3], inner[0] : inner[2]]
    part[:] = np.rint(part * (1 - mask) + drawn.clip(0, 255) * mask)

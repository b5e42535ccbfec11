"""Drawing of eyes that open, close or look elsewhere: the lids move over the eyeball, which does not stretch.

A band along each lid moves with it unchanged, so that lashes and the edges of the lids keep their form. Between the
bands lies the eyeball, drawn by rbvae.faces.eyeball.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rbvae.faces.boxes import Box
from rbvae.faces.easing import ramp
from rbvae.faces.eye_patch import visible
from rbvae.faces.eyeball import Eyeball
from rbvae.faces.gaze import SHUT, lid_moves, openness
from rbvae.faces.lashes import Lid, turned_down
from rbvae.faces.mesh import LIDS, POINTS
from rbvae.faces.openings import Opening, pixel_grid, sample

# Change of the lids' distance, as a share of it, up to which the eye follows the mesh, in sharp photos and in blurred
# ones, and the sharpness between the two; beyond that and SOFT together it does not. Layers of a few pixels have seams.
FOLLOWS, SHARPNESS, SOFT = (0.03, 0.7), (20, 15), 0.06
FIRM = 0.1  # of the iris's radius: a gaze further aside is drawn without the mesh
CLOSED = (0.055, 0.12)  # openness of an eye between which it is closed and open
LOWERED = 0.6  # of the iris's radius: how far reflections move at most with a lid that comes down
# Predicted and drawn shares by which an eye closes, or opens below 0. A squint hides less than half of an eye, and a
# blink all of it; a narrow eye opens by what can be seen of it (1.3 times in 95% of smiling people, 1.75 at most).
CLOSING = (-1.7, -0.3, 0.0, 0.3, 0.75, 0.9, 1.0), (-0.6, -0.3, 0.0, 0.3, 0.5, 1.0, 1.0)
EDGE = 0.04  # of the eye's height: band along the upper lid that moves with it


@dataclass(frozen=True)
class Eyes:
    """Two eyes that an edit changes, the left of the picture first.

    `points` [478, 3] are the landmarks before the edit and `after` [468, 3] those after it, in pixels of `photo`;
    `gaze` [2, 2] moves the irises, in photo pixels; `eyeballs` and `skins` return both eyes in
    layers and their lids, which depend on the photo alone. Eyes follow the mesh up to a change `follows` of the lids'
    distance, see `follows_mesh`.
    """

    photo: np.ndarray
    points: np.ndarray
    after: np.ndarray
    gaze: np.ndarray
    eyeballs: Callable[[], Sequence[Eyeball]]
    skins: Callable[[], Sequence[Lid]]
    follows: float = FOLLOWS[0]

    @functools.cached_property
    def openings(self) -> list[tuple[Opening, Opening]]:
        """The lids of each eye before and after the edit."""
        return [(Opening.of(self.points, lids), Opening.of(self.after, lids)) for lids in LIDS]

    @functools.cached_property
    def lids(self) -> list[tuple[Lid, float] | None]:
        """The lid of each eye that is almost closed, and how far its lashes have turned down."""
        shares = [turned_down(old, new) if openness(old) > SHUT else 0.0 for old, new in self.openings]
        return [(self.skins()[eye], share) if share > 0 else None for eye, share in enumerate(shares)]

    def skin(self, box: Box) -> np.ndarray:
        """Return the photo's pixels in a box, without the eye and the lashes where an eye almost closes."""
        left, top, right, bottom = box
        pixels = self.photo[top:bottom, left:right]
        if not any(self.lids):
            return pixels
        pixels = pixels.copy()
        for found in self.lids:
            if found:
                lid, share = found
                lid.lift_off(pixels, share, (left, top))
        return pixels

    def draw(self, out: np.ndarray, box: Box) -> None:
        """Draw the eyes, in place, into `out` uint8 [h, w, 3], the pixels of the photo's `box`."""
        for eye, ((old, new), found) in enumerate(zip(self.openings, self.lids, strict=True)):
            if openness(old) > SHUT and (changed(old, new) > self.follows or self.gaze[eye].any()):
                self._draw_between_lids(out, box, eye)
            if found:
                lid, share = found
                lid.draw_closed(out, new.moved(-box[0], -box[1]), share)

    def _draw_between_lids(self, out: np.ndarray, box: Box, eye: int) -> None:
        """Draw the bands along the lids and the eyeball between them; the eyeball moves with the eye's corners."""
        (old, new), ball, gaze = self.openings[eye], self.eyeballs()[eye], self.gaze[eye]
        target = new.moved(-box[0], -box[1])
        blur = max(0.5, 0.02 * new.width)
        inner = target.box(3 * blur + 2, out.shape[1], out.shape[0])
        x, y = pixel_grid(inner)
        at = target.at(x, y)
        old_upper, old_lower = old.lines(at.s)
        scale = old.width / max(new.width, 1e-6)
        near_upper = at.across - at.upper < at.lower - at.across
        from_lid = np.where(near_upper, at.across - at.upper, at.across - at.lower)
        band = np.where(near_upper, old_upper, old_lower) + scale * from_lid
        drawn = sample(self.photo, *old.positions(at.s, band))
        shown = visible(at, EDGE)[..., None]
        if shown.any():
            lowered = lowered_highlight(ball, old, target, scale)
            drawn += shown * (ball.draw(*old.positions(at.s, scale * at.across), gaze, lowered) - drawn)
        by_lids = max(0.0, changed(old, new) - self.follows) / SOFT
        share = min(1.0, by_lids + float(np.hypot(*gaze)) / (FIRM * ball.place.radius))
        is_open = np.clip(at.lower - at.upper, 0, 1)  # a polygon without area still has an outline
        mask = (target.mask(inner, blur) * np.float32(share * is_open))[..., None]
        part = out[inner[1] : inner[3], inner[0] : inner[2]]
        part[:] = np.rint(part * (1 - mask) + drawn.clip(0, 255) * mask)


def lowered_highlight(ball: Eyeball, old: Opening, new: Opening, scale: float) -> np.ndarray:
    """Return the move [2] of reflections, in photo pixels, that keeps them in sight below a lid that comes down.

    A real lid hides some of them, but eyes without any look lifeless. `scale` is the size of `old` relative to `new`.
    """
    if ball.highlight is None:
        return np.zeros(2)
    centre, half = ball.highlight
    s, across = old.coordinates(centre[:1], centre[1:])
    upper, lower = (scale * float(line[0]) for line in new.lines(s))
    needed = upper + EDGE * (lower - upper) + half - float(across[0])
    room = LOWERED * ball.place.radius * min(1.0, max(0.0, (lower - upper) / (3 * half) - 1))
    return min(max(0.0, needed), room) * old.axes()[1]


def changed(old: Opening, new: Opening) -> float:
    """Return how much the distance of the lids changes, as a share of it."""
    return abs(openness(new) - openness(old)) / max(openness(old), 1e-6)


def follows_mesh(sharpness: float) -> float:
    """Return the change of the lids' distance up to which eyes follow the mesh in a photo; see FaceView.sharpness."""
    return FOLLOWS[0] + (FOLLOWS[1] - FOLLOWS[0]) * float(ramp(sharpness, *SHARPNESS))


def natural_lids(points: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return the moves [468, 3] of landmarks with eyes that squint, close or open as far as real ones, see CLOSING.

    Predicted moves are those of a mean eye, so they would close narrow eyes when they squint, and wide ones never, and
    open narrow ones to twice their height or more, where nothing is known of the eyeball.
    """
    moves = moves.copy()
    for eye, lids in enumerate(LIDS):
        before, after = openness(Opening.of(points, lids)), openness(Opening.of(points[:POINTS] + moves, lids))
        closed = 1 - after / max(before, 1e-6)
        by = float(np.interp(closed, *CLOSING)) - closed
        if before > SHUT and abs(by) > 1e-9:
            moves += lid_moves(points, eye, 1.0, np.zeros(2)) * by
    return moves


def still_lids(points: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return the moves [468, 3] of landmarks, without the opening of eyes that are closed in the photo.

    Nothing is known of such an eye, so its lids follow its corners.
    """
    moves = moves.copy()
    for lids in LIDS:
        shut = 1 - ramp(openness(Opening.of(points, lids)), *CLOSED)
        every = sorted({*lids[0], *lids[1]})
        corners = moves[[lids[0][0], lids[0][-1]]].mean(axis=0)
        moves[every] += shut * (corners - moves[every])
    return moves

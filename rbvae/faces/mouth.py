"""The inside of the mouth, drawn where an edit opens or closes the lips.

It comes from the photo itself, from another photo of the person, from the donor of a transfer, or from a bank of teeth
of synthetic faces (rbvae.faces.teeth).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from rbvae.faces.boxes import Box, intersection, window
from rbvae.faces.easing import ramp
from rbvae.faces.lips import SHOWN, SOFT, changed, lower_rim, seam
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening, pixel_grid, sample
from rbvae.faces.own_mouth import OwnMouth, base_of_nose
from rbvae.faces.teeth_colours import brightness_of, shows_teeth
from rbvae.faces.view import FaceView

# Growth of the gap, and of the width, over which an open mouth without visible teeth takes its inside from the filling.
# The third is that of the width where it shows teeth: a mouth that speaks shows too few for a broad smile.
REPLACED, REPLACED_WIDER, SPREAD = 0.08, 0.15, 0.45
SWAPPED = (0.45, 0.55)  # growth, in units of REPLACED, over which a row replaces such teeth: both together look odd
KEPT = 0.7  # of the height of a donor's mouth that keeps its size while the mouth opens wider
SQUASHED = 0.75  # of its height: a donor's mouth that must be lower is cropped instead of compressed
STRETCHED = 1.3  # of its height: a donor's mouth that must be higher keeps its upper part
FINE, TURNED = 0.5, 25  # of a mouth's width, and degrees: a donor's is neither narrower nor turned further away
LEAST_BLUR = 0.1  # square pixels: a smaller difference of blurs is not made up for
BITE = 0.42  # centre of a cropped filling between upper lip (0) and lower lip (1): the edge of the teeth
FINER = 0.75  # of a filling's width: a narrower target is drawn from an area-averaged filling, to avoid aliasing
NARROW = (0.015, 0.04)  # gaps between which the inside appears; below, there is only a shadow between the lips


class Filling(Protocol):
    """What fills the inside of a mouth, also of one that is open, and of one that shows teeth if it `replaces` those.

    If its teeth are `behind` the upper lip of that mouth, only a wider one, a smile, bares them.
    """

    @property
    def replaces(self) -> bool: ...

    @property
    def behind(self) -> bool: ...

    def fill(self, target: Opening, nose: np.ndarray, box: Box) -> np.ndarray:
        """Draw the inside of the opening `target`, float32 [h, w, 3], at the pixels of `box`.

        `nose` [2] is the base of the nose in the edited photo.
        """
        ...


@dataclass(frozen=True)
class Mouth:
    """An open mouth of another photo.

    `picture` uint8 [h, w, 3] shows it, `opening` is its inner lip line in the picture, `gain` [3] adapts its colours,
    `blur` is that of the edited photo and `own_blur` that of the picture, in their pixels.
    """

    picture: np.ndarray
    opening: Opening
    gain: np.ndarray
    blur: float = 0.0
    own_blur: float = 0.0
    replaces: bool = True
    behind: bool = False

    @classmethod
    def of(cls, photo: np.ndarray, points: np.ndarray) -> Mouth:
        """Cut the mouth out of a photo uint8 [H, W, 3] with landmarks [468 or more, 3]."""
        opening = Opening.of(points, INNER_LIPS)
        left, top, right, bottom = opening.box(0.3 * opening.width, photo.shape[1], photo.shape[0])
        corner = np.array([left, top])
        moved = Opening(opening.upper - corner, opening.lower - corner)
        return cls(photo[top:bottom, left:right], moved, np.ones(3))

    def lends_teeth(self, width: float, turn: float) -> bool:
        """Return whether this is a donor for a mouth `width` pixels wide whose head is turned `turn` degrees from here.

        It shows teeth, finely enough, and from nearly the same side.
        """
        visible = self.opening.gap > SHOWN and shows_teeth(self.picture, self.opening)
        return visible and self.opening.width >= FINE * width and abs(turn) <= TURNED

    def coloured(self, colour: np.ndarray) -> Mouth:
        """Return the same mouth with teeth of another colour [3], if it shows teeth."""
        height, width = self.picture.shape[:2]
        inside = self.opening.mask((0, 0, width, height), 0) > 0.5
        if not shows_teeth(self.picture, self.opening) or not inside.any():
            return self
        return replace(self, gain=colour / brightness_of(self.picture[inside].astype(np.float64)))

    def fill(self, target: Opening, nose: np.ndarray, box: Box) -> np.ndarray:
        """Fit the inside of the mouth to the lip line `target`; see Filling.

        For a much smaller gap it is cropped to its middle instead of compressed. For a larger one its upper part keeps
        its height, and the rest is stretched.
        """
        scale = target.width / max(self.opening.width, 1e-6)
        if scale < FINER and min(self.picture.shape[:2]) > 8:
            return self.shrunk(scale).fill(target, nose, box)
        s, across = target.coordinates(*pixel_grid(box))
        upper, lower = target.lines(s)
        v = np.clip((across - upper) / np.maximum(lower - upper, 1e-3), -0.3, 1.3)
        wider = target.gap / max(self.opening.gap, 1e-6)
        if wider < SQUASHED:
            v = BITE + (v - BITE) * wider / SQUASHED
        elif wider > STRETCHED:
            v = stretched(v, wider / STRETCHED)
        own_upper, own_lower = self.opening.lines(s)
        colours = sample(self.picture, *self.opening.positions(s, own_upper + v * (own_lower - own_upper)))
        extra = self.blur**2 - (self.own_blur * scale) ** 2
        if extra > LEAST_BLUR:
            colours = cv2.GaussianBlur(colours, (0, 0), float(np.sqrt(extra)))
        return colours * np.float32(self.gain)

    def shrunk(self, scale: float) -> Mouth:
        """Return the same mouth in a smaller picture, averaged over areas."""
        height, width = self.picture.shape[:2]
        extent = max(1, round(width * scale)), max(1, round(height * scale))
        by = np.array(extent) / [width, height]
        picture = cv2.resize(self.picture, extent, interpolation=cv2.INTER_AREA)
        opening = Opening(self.opening.upper * by, self.opening.lower * by)
        return replace(self, picture=picture, opening=opening, own_blur=self.own_blur * float(by[0]))


def stretched(v: np.ndarray, times: np.ndarray | float) -> np.ndarray:
    """Map heights in an opening, in [0, 1], to those in one that is `times` less high, keeping sizes above KEPT."""
    times = np.maximum(times, 1.0)
    below = KEPT / times
    return np.where(v < below, v * times, KEPT + (v - below) / np.maximum(1 - below, 1e-6) * (1 - KEPT))


def draw_mouth(out: np.ndarray, box: Box, view: FaceView, after: np.ndarray, filling: Filling | None) -> None:
    """Draw the inside of the mouth, in place, into `out` uint8 [h, w, 3], the pixels of the photo's `box`.

    `after` are the landmarks [468, 3] after the edit, in photo pixels. A mouth that shows teeth in the photo keeps its
    own inside; one that is closed or hardly open, or opens further without any, or becomes much wider, shows `filling`.
    """
    photo = view.photo
    mouth, new = OwnMouth(view), Opening.of(after, INNER_LIPS)
    old = mouth.opening
    is_open = old.gap > SHOWN
    filled = 0.0 if filling is None else 1.0
    if filling is not None and is_open:
        kept_below, kept_beside, _ = mouth.keeps_teeth
        deeper = 0.0 if filling.behind or kept_below else (new.gap - old.gap) / REPLACED
        broader = new.width / old.width - 1
        wider = broader / (SPREAD if kept_beside else REPLACED_WIDER)
        over = SWAPPED if view.has_teeth else (0, 1)
        grown = max(ramp(max(deeper, wider), *over) * (1 - mouth.fills(new)), ramp(broader / SPREAD, *over))
        filled = float(grown) if filling.replaces or not view.has_teeth else 0.0
    share = max(changed(old, new), filled * is_open)
    if not share or (filling is None and not is_open):
        return
    nose = base_of_nose(after)
    soft = max(0.6, SOFT * new.width, view.softness)
    area = intersection(new.box(4 * soft + 2, photo.shape[1], photo.shape[0]), box)
    if area[0] >= area[2] or area[1] >= area[3]:
        return
    part = out[window(area, box)]
    mask = new.mask(area, soft)[..., None] * np.float32(share)
    inside = filling.fill(new, nose, area) if filling is not None and filled else np.zeros(1, np.float32)
    if is_open:
        own = mouth.fill(new, nose, area)
        inside = own + np.float32(filled) * (inside - own)
    between = view.between_lips
    apart = float(ramp(new.gap, *NARROW))
    inside = between + np.float32(apart) * (inside - between)
    inside = np.maximum(inside, lower_rim(new, area)[..., None] * between)
    drawn = part * (1 - mask) + inside.clip(0, 255) * mask
    if is_open:
        line = seam(new, area, soft, share * (1 - apart))
        drawn = drawn + line * (between - drawn)
    part[:] = np.rint(drawn)

"""The inside of the mouth, drawn where an edit opens or closes the lips.

It comes from the photo itself, from another photo of the person, from the donor of a transfer, or from a bank of teeth
of synthetic faces (rbvae.faces.teeth).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from rbvae.faces.boxes import Box
from rbvae.faces.cavity import BRIGHT_TEETH, Cavity
from rbvae.faces.easing import ramp, smoothstep
from rbvae.faces.lips import SHOWN, SOFT, changed, lower_rim, seam
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening, pixel_grid, sample
from rbvae.faces.teeth import LIP_SHADOW, SHADOW_WIDTH, unit_of
from rbvae.faces.teeth_colours import brightness_of, shows_teeth
from rbvae.faces.view import INDISTINCT, FaceView

# Growth of the gap, and of the width, over which an open mouth without visible teeth takes its inside from the filling.
# The third is that of the width where it shows teeth: a mouth that speaks shows too few for a broad smile.
REPLACED, REPLACED_WIDER, SPREAD = 0.08, 0.15, 0.45
# Least gaps of a mouth that keeps its teeth, where the jaw drops and where it smiles. Others would show a strip of
# teeth, or what is left of blurred ones, above a dark cavity.
HARDLY_OPEN = (0.12, 0.15)
SWAPPED = (0.45, 0.55)  # growth, in units of REPLACED, over which a row replaces such teeth: both together look odd
KEPT = 0.7  # of the height of a donor's mouth that keeps its size while the mouth opens wider
MOST_STRETCHED = 2.5  # times its height that a person's own open mouth is stretched where it opens wider
TEETH_STRETCHED = 1.1  # times that, relative to its width, where it shows teeth
BELOW = (0.8, 1.1)  # range between upper lip (0) and lower lip (1) in which it fades into the cavity
PAST = (0.95, 1.08)  # the same where the lower lip moves down in front of the skull and the mouth does not open
PARTS = 0.1  # half the width, of the heights of the mouth times its gap, of the line along which teeth part
# Shares by which a mouth becomes wider up to which, and growth of its gap in old widths from which, its jaw drops.
NARROW_JAW, DROPPED = (0.0, 0.1), (0.08, 0.16)
COVERED = 0.6  # of the height of a mouth that opens wider: how much of it an upper lip that comes down covers at most
CORNER_SHADOW, CORNERS = 0.4, 0.2  # darkness of the shadow at the corners, and how far it reaches, in mouth widths
NARROWER, LOWER = 0.2, 0.4  # shares by which a mouth loses width and height until it has the whole shadows
COVERING = 0.2  # of the height of the mouth: where a lip that comes down covers as much of the teeth, it shades them
LIP_SHADOWED = 0.5  # share of the lip's shadow on teeth of the bank: the photo's own have some
CLAMP = (0.1, 0.92)  # range between upper lip (0) and lower lip (1) from which the inside of a photo's mouth is taken
SQUASHED = 0.75  # of its height: a donor's mouth that must be lower is cropped instead of compressed
STRETCHED = 1.3  # of its height: a donor's mouth that must be higher keeps its upper part
FINE, TURNED = 0.5, 25  # of a mouth's width, and degrees: a donor's is neither narrower nor turned further away
LEAST_BLUR = 0.1  # square pixels: a smaller difference of blurs is not made up for
BITE = 0.42  # centre of a cropped filling between upper lip (0) and lower lip (1): the edge of the teeth
FINER = 0.75  # of a filling's width: a narrower target is drawn from an area-averaged filling, to avoid aliasing
NARROW = (0.015, 0.04)  # gaps between which the inside appears; below, there is only a shadow between the lips
NOSE = [1, 2, 98, 327]  # points of the nose that follow the skull, not the lips


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


@dataclass(frozen=True)
class OwnMouth:
    """The open mouth of the edited photo itself."""

    view: FaceView

    @functools.cached_property
    def opening(self) -> Opening:
        """Its inner lip line."""
        return Opening.of(self.view.points, INNER_LIPS)

    @functools.cached_property
    def nose(self) -> np.ndarray:
        """The base of the nose [2]."""
        return base_of_nose(self.view.points)

    def fill(self, target: Opening, nose: np.ndarray, box: Box) -> np.ndarray:
        """Draw the inside where the skull has it: lips cover and uncover it; see Filling.

        Where the mouth opens wider than in the photo, its teeth keep their size, and an upper lip that comes down
        covers them; other mouths stretch to MOST_STRETCHED. What is left below is the cavity, and lower teeth that the
        photo shows move with the lower lip.
        """
        x, y = pixel_grid(box)
        s, across = self.opening.coordinates(x - (nose - self.nose)[0], y - (nose - self.nose)[1])
        upper, lower = self.opening.lines(s)
        new_s, new_across = target.coordinates(x, y)
        new_upper, new_lower = target.lines(new_s)
        height, new_height = np.maximum(lower - upper, 1e-3), np.maximum(new_lower - new_upper, 1e-3)
        wider = target.gap * target.width / max(self.opening.gap * self.opening.width, 1e-6)
        place = (new_across - new_upper) / new_height
        share = float(np.clip((wider - 1) / 0.1, 0, 1))  # 0 if lips close, 1 if they open
        broader = target.width / max(self.opening.width, 1e-6)
        v = (across - upper) / height
        covered = ((across - upper - (new_across - new_upper)) / height).clip(0, COVERED)
        deeper = max(1.0, wider / self.most_stretched(broader))
        from_below = v + share * (1 - (1 - place) * deeper - v)
        v, s = v + share * (covered + place * deeper - v), s + share * (0.5 + min(1.0, broader) * (new_s - 0.5) - s)
        light = np.float32(self.light(target, new_s, new_across - new_upper, share * covered))[..., None]

        def own(v: np.ndarray) -> np.ndarray:
            places = self.opening.positions(s.clip(0.02, 0.98), upper + v.clip(*CLAMP) * height)
            return sample(self.view.photo, *places) * light

        colours, bite = own(v), self.view.bite
        deep, parts = np.maximum(share * ramp(v, *BELOW), ramp(v, *PAST)), share * self.dropped(target)
        if bite is None or not parts:
            return blended(colours, self.cavity.at(new_s, place, target.gap), deep) if deep.any() else colours
        half = PARTS * self.opening.gap
        ends = bite.at(s) - half, bite.at(s) + half
        cavity = self.cavity.at(new_s, place, target.gap)
        apart = blended(colours, cavity, ramp(v, *ends))
        apart = blended(apart, own(from_below), ramp(from_below, *ends))
        return blended(blended(colours, cavity, deep), apart, np.full_like(v, parts))

    def dropped(self, target: Opening) -> float:
        """Return how far the jaw drops, in [0, 1]: lips part in a broader smile, but teeth do not."""
        old = self.opening
        grown = (target.gap * target.width - old.gap * old.width) / max(old.width, 1e-6)
        broader = target.width / max(old.width, 1e-6) - 1
        return float(max(1 - ramp(broader, *NARROW_JAW), ramp(grown, *DROPPED)))

    def light(self, target: Opening, s: np.ndarray, below: np.ndarray, covered: np.ndarray) -> np.ndarray:
        """Return the light, in 0..1, of what a mouth shows at its new edges that it showed in the open in the photo.

        `s` are places along it, `below` distances from its upper lip, and `covered` the share of its height that this
        lip has come to cover.
        """
        narrower = 1 - target.width / max(self.opening.width, 1e-6)
        lower = 1 - target.gap * target.width / max(self.opening.gap * self.opening.width, 1e-6)
        ends = 1 - smoothstep(ramp(np.minimum(s, 1 - s), 0, CORNERS))
        lip = np.exp(-np.maximum(below, 0) / (SHADOW_WIDTH * target.width))
        under = LIP_SHADOW * np.maximum(LIP_SHADOWED * ramp(lower, 0, LOWER), ramp(covered, 0, COVERING))
        return (1 - CORNER_SHADOW * ramp(narrower, 0, NARROWER) * ends) * (1 - under * lip)

    @property
    def cavity(self) -> Cavity:
        """What is behind the teeth."""
        view = self.view
        return Cavity.beside(self.teeth, view.haze, view.blur / unit_of(view.points), view.toothless)

    def most_stretched(self, broader: float) -> float:
        """Return how many times its height the mouth is stretched at most, where it becomes `broader` times as wide.

        Teeth keep their proportions.
        """
        if not self.view.has_teeth:
            return MOST_STRETCHED
        return float(np.clip(TEETH_STRETCHED * broader, 1.0, MOST_STRETCHED))

    @property
    def keeps_teeth(self) -> tuple[bool, bool]:
        """Whether it shows enough teeth to keep them where the jaw drops, and where it smiles."""
        gap = self.opening.gap
        shown = self.view.has_teeth and self.view.in_blurs(gap * self.opening.width) >= INDISTINCT
        in_dropped, in_smile = (shown and gap >= least for least in HARDLY_OPEN)
        return in_dropped, in_smile

    @functools.cached_property
    def teeth(self) -> np.ndarray:
        """The colour of the teeth [3], in grey levels; if none are visible, teeth as bright as the mouth."""
        photo = self.view.photo
        inside = self.opening.pixels(photo, 0.5)
        if len(inside) <= 8:
            return BRIGHT_TEETH
        colour = brightness_of(inside.astype(np.float64))
        return colour if self.view.has_teeth else BRIGHT_TEETH * (colour.mean() / BRIGHT_TEETH.mean())


def blended(colours: np.ndarray, others: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return colours [h, w, 3] with a share [h, w] of others."""
    return colours + np.float32(share)[..., None] * (others - colours)


def stretched(v: np.ndarray, times: np.ndarray | float) -> np.ndarray:
    """Map heights in an opening, in [0, 1], to those in one that is `times` less high, keeping sizes above KEPT."""
    times = np.maximum(times, 1.0)
    below = KEPT / times
    return np.where(v < below, v * times, KEPT + (v - below) / np.maximum(1 - below, 1e-6) * (1 - KEPT))


def base_of_nose(points: np.ndarray) -> np.ndarray:
    """Return the base of the nose [2] of landmarks [468 or more, 3]: it follows the skull, not the lips."""
    return points[NOSE, :2].mean(axis=0)


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
        kept_below, kept_beside = mouth.keeps_teeth
        deeper = 0.0 if filling.behind or kept_below else (new.gap - old.gap) / REPLACED
        wider = (new.width / old.width - 1) / (SPREAD if kept_beside else REPLACED_WIDER)
        grown = ramp(max(deeper, wider), *(SWAPPED if view.has_teeth else (0, 1)))
        filled = float(grown) if filling.replaces or not view.has_teeth else 0.0
    share = max(changed(old, new), filled * is_open)
    if not share or (filling is None and not is_open):
        return
    nose = base_of_nose(after)
    left, top, right, bottom = box
    soft = max(0.6, SOFT * new.width, view.softness)
    area = new.box(4 * soft + 2, photo.shape[1], photo.shape[0])
    area = max(area[0], left), max(area[1], top), min(area[2], right), min(area[3], bottom)
    if area[0] >= area[2] or area[1] >= area[3]:
        return
    part = out[area[1] - top : area[3] - top, area[0] - left : area[2] - left]
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

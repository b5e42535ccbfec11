"""The inside of an open mouth of the edited photo itself, which lips cover and uncover, and jaws take apart."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from rbvae.faces.boxes import Box
from rbvae.faces.cavity import BRIGHT_TEETH, Cavity
from rbvae.faces.easing import ramp, smoothstep
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.openings import Opening, pixel_grid, sample
from rbvae.faces.teeth import LIP_SHADOW, SHADOW_WIDTH, unit_of
from rbvae.faces.teeth_colours import brightness_of
from rbvae.faces.view import INDISTINCT, FaceView

# Least gaps of a mouth that keeps its teeth, where the jaw drops, where it smiles, and where they fill the smile. In
# others, a strip of teeth would be left, or what is left of blurred ones, above a dark cavity.
HARDLY_OPEN = (0.12, 0.15, 0.08)
MOST_STRETCHED = 2.5  # times its height that a person's own open mouth is stretched where it opens wider
TEETH_STRETCHED = 1.1  # times that, relative to its width, where it shows teeth
TALLEST = 0.11  # of the distance between the eyes: height up to which a lip that rises in a smile bares upper teeth
UNFILLED = 1.18, 1.22  # times the height of a mouth that they fill: a smile up to the first keeps teeth, above not
BELOW = (0.9, 1.04)  # range between upper lip (0) and lower lip (1) in which it fades into the cavity
PAST = (0.95, 1.08)  # the same where the lower lip moves down in front of the skull and the mouth does not open
PARTS = 0.1  # half the width, of the heights of the mouth times its gap, of the line along which teeth part
# Shares by which a mouth becomes wider up to which, and growth of its gap in old widths from which, its jaw drops.
NARROW_JAW, DROPPED = (0.035, 0.065), (0.1, 0.13)
OPENS = 1.0, 1.1  # times its height, or its gap, over which a mouth opens
LAUGHS = 0.3, 0.35  # gaps of a smile between which its jaw has dropped
COVERED = 0.6  # of the height of a mouth that opens wider: how much of it an upper lip that comes down covers at most
CORNER_SHADOW, CORNERS = 0.4, 0.2  # darkness of the shadow at the corners, and how far it reaches, in mouth widths
NARROWER, LOWER = 0.2, 0.4  # shares by which a mouth loses width and height until it has the whole shadows
COVERING = 0.2  # of the height of the mouth: where a lip that comes down covers as much of the teeth, it shades them
LIP_SHADOWED = 0.5  # share of the lip's shadow on teeth of the bank: the photo's own have some
CLAMP = (0.1, 0.92)  # range between upper lip (0) and lower lip (1) from which the inside of a photo's mouth is taken
NOSE = [1, 2, 98, 327]  # points of the nose that follow the skull, not the lips


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
        broader, higher = self.grown(target)
        place = (new_across - new_upper) / new_height
        share = self.opens(target)
        v = (across - upper) / height
        covered = ((across - upper - (new_across - new_upper)) / height).clip(0, COVERED)
        deeper = max(1.0, higher / self.most_stretched(target))
        from_below = v + share * (1 - (1 - place) * deeper - v)
        v, s = v + share * (covered + place * deeper - v), s + share * (0.5 + min(1.0, broader) * (new_s - 0.5) - s)
        light = np.float32(self.light(target, new_s, new_across - new_upper, share * covered))[..., None]

        def own(v: np.ndarray) -> np.ndarray:
            places = self.opening.positions(s.clip(0.02, 0.98), upper + v.clip(*CLAMP) * height)
            return sample(self.view.photo, *places) * light

        colours, bite = own(v), self.view.bite
        parts = share * self.dropped(target)
        deep = np.maximum(share * ramp(v, *BELOW), ramp(v, *PAST))
        if parts and self.below_teeth:
            rows, columns = self.view.down_to_teeth.shape
            below = 1 - sample(self.view.down_to_teeth, s * columns, v * rows)
            deep = np.maximum(deep, parts * self.below_teeth * below)
        behind = self.cavity
        cavity = behind.at(new_s, place, target.gap)
        whole, has_lower = blended(colours, cavity, deep), self.view.shows_lower_teeth
        if bite is None or not parts:
            return whole
        half = PARTS * self.opening.gap
        ends = bite.at(s) - half, bite.at(s) + half
        if has_lower:  # the tongue lies above them
            cavity = behind.at(new_s, np.minimum(place + (1 - ends[1]) / deeper, 1), target.gap)
        apart = blended(colours, cavity, ramp(v, *ends))
        if has_lower:
            apart = blended(apart, own(from_below), ramp(from_below, *ends))
        return blended(whole, apart, parts)

    def grown(self, target: Opening) -> tuple[float, float]:
        """Return how many times as wide and how many times as high it becomes."""
        old = self.opening
        return target.width / max(old.width, 1e-6), target.gap * target.width / max(old.gap * old.width, 1e-6)

    def opens(self, target: Opening) -> float:
        """Return how far it opens on the way to `target`, in [0, 1]: 0 if lips close.

        The jaw also drops if a smile becomes a round mouth that is no higher, unless it has dropped in the photo.
        """
        broader, higher = self.grown(target)
        rounder = ramp(higher / broader, *OPENS) * (1 - ramp(self.opening.gap, *LAUGHS))
        return float(max(ramp(higher, *OPENS), rounder))

    def dropped(self, target: Opening) -> float:
        """Return how far the jaw drops, in [0, 1]: lips part in a broader smile, but teeth do not."""
        broader, higher = self.grown(target)
        return float(max(1 - ramp(broader - 1, *NARROW_JAW), ramp((higher - 1) * self.opening.gap, *DROPPED)))

    def light(self, target: Opening, s: np.ndarray, below: np.ndarray, covered: np.ndarray) -> np.ndarray:
        """Return the light, in 0..1, of what a mouth shows at its new edges that it showed in the open in the photo.

        `s` are places along it, `below` distances from its upper lip, and `covered` the share of its height that this
        lip has come to cover.
        """
        narrower, lower = (1 - times for times in self.grown(target))
        ends = 1 - smoothstep(ramp(np.minimum(s, 1 - s), 0, CORNERS))
        lip = np.exp(-np.maximum(below, 0) / (SHADOW_WIDTH * target.width))
        under = LIP_SHADOW * np.maximum(LIP_SHADOWED * ramp(lower, 0, LOWER), ramp(covered, 0, COVERING))
        return (1 - CORNER_SHADOW * ramp(narrower, 0, NARROWER) * ends) * (1 - under * lip)

    @property
    def cavity(self) -> Cavity:
        """What is behind the teeth."""
        view = self.view
        return Cavity.beside(self.teeth, view.haze, view.blur / unit_of(view.points), view.toothless)

    def most_stretched(self, target: Opening) -> float:
        """Return how many times its height the mouth is stretched at most on the way to `target`.

        Teeth keep their proportions where the jaw drops; in a smile, the upper lip bares more of them.
        """
        if not self.view.has_teeth:
            return MOST_STRETCHED
        kept = TEETH_STRETCHED * self.grown(target)[0]
        bared = max(self.bared, kept)
        return float(np.clip(kept + (1 - self.dropped(target)) * (bared - kept), 1.0, MOST_STRETCHED))

    @property
    def bared(self) -> float:
        """How many times as high as the upper teeth that it shows, down to the lower ones, are those that lips bare."""
        bite = self.view.bite
        shown = 1.0 if bite is None else float(bite.at(np.array(0.5)))
        height = self.opening.gap * self.opening.width * shown
        return min(TALLEST * unit_of(self.view.points) / max(height, 1e-6), MOST_STRETCHED)

    def fills(self, target: Opening) -> float:
        """Return how well its own teeth fill `target` in a smile, in [0, 1]."""
        _, higher = self.grown(target)
        return float(1 - ramp(higher / self.most_stretched(target), *UNFILLED)) * self.keeps_teeth[2]

    @functools.cached_property
    def below_teeth(self) -> float:
        """How far what it shows below its teeth gives way to the cavity where the jaw drops, in [0, 1]."""
        return float(1 - ramp(self.opening.gap, *LAUGHS)) * self.view.has_teeth

    @functools.cached_property
    def keeps_teeth(self) -> tuple[bool, bool, bool]:
        """Whether it shows enough teeth to keep them, see HARDLY_OPEN."""
        gap = self.opening.gap
        shown = self.view.has_teeth and self.view.in_blurs(gap * self.opening.width) >= INDISTINCT
        in_dropped, in_smile, in_filled = (shown and gap >= least for least in HARDLY_OPEN)
        return in_dropped, in_smile, in_filled

    @functools.cached_property
    def teeth(self) -> np.ndarray:
        """The colour of the teeth [3], in grey levels; if none are visible, teeth as bright as the mouth."""
        photo = self.view.photo
        inside = self.opening.pixels(photo, 0.5)
        if len(inside) <= 8:
            return BRIGHT_TEETH
        colour = brightness_of(inside.astype(np.float64))
        return colour if self.view.has_teeth else BRIGHT_TEETH * (colour.mean() / BRIGHT_TEETH.mean())


def blended(colours: np.ndarray, others: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Return colours [h, w, 3] with a share, [h, w] or one number, of others."""
    return colours + np.asarray(share, np.float32)[..., None] * (others - colours)


def base_of_nose(points: np.ndarray) -> np.ndarray:
    """Return the base of the nose [2] of landmarks [468 or more, 3]: it follows the skull, not the lips."""
    return points[NOSE, :2].mean(axis=0)

"""A face in its photo, and what is measured there on first use: blur, haze, eyes, and whether the mouth shows teeth."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.bite import Bite, find_bite
from rbvae.faces.creases import Creases
from rbvae.faces.easing import ramp
from rbvae.faces.eyeball import Eyeball
from rbvae.faces.infants import is_infant
from rbvae.faces.lashes import Lid
from rbvae.faces.lips import SHOWN, lip_colour, lip_edges, shadow_between
from rbvae.faces.mesh import INNER_LIPS, LIDS, OVAL
from rbvae.faces.openings import Opening
from rbvae.faces.region import box_of
from rbvae.faces.tooth_map import COLUMNS, ROWS, down_to_teeth
from rbvae.faces.visible_teeth import has_teeth
from rbvae.images.blur import estimate_blur

DARKEST, USUAL_BLACK = 0.3, 40.0  # percentile of the darkest parts of a face, and their usual grey level
HAZY = 0.5  # share of their difference that is haze
LEAST_BLUR = 0.3  # pixels: no photo is sharper
SOFTER = 0.8  # share of the blur by which edges around the mouth are softer in blurred photos
BLURRED = 30, 15  # sharpness at which that begins, and from which it is whole
INDISTINCT = 5  # heights of an open mouth, in units of the blur, below which its teeth are not told apart
SLIVER = 10  # heights of lower teeth, in the same units, below which they are a serrated edge of the lip
SAMPLED = 200  # pixels along a face that suffice for that


@dataclass(frozen=True)
class FaceView:
    """A face in a photo uint8 [H, W, 3]: its landmarks `points` float64 [478, 3] are in photo pixels.

    With `quick`, pixels are moved with the cubic kernel also where the face is small.
    """

    photo: np.ndarray
    points: np.ndarray
    quick: bool = False

    @functools.cached_property
    def blur(self) -> float:
        """The blur of the photo in the face, as the width of a Gaussian in pixels."""
        left, top, right, bottom = box_of(self.points, self.photo.shape[1], self.photo.shape[0])
        return estimate_blur(self.photo[top:bottom, left:right])

    @property
    def sharpness(self) -> float:
        """The width of an eye, the mean of both, in units of the blur."""
        return self.in_blurs(float(np.mean([Opening.of(self.points, lids).width for lids in LIDS])))

    def in_blurs(self, length: float) -> float:
        """Return a length, given in pixels, in units of the blur."""
        return length / max(self.blur, LEAST_BLUR)

    @property
    def softness(self) -> float:
        """The blur of edges around the mouth, in pixels. In blurred photos `blur` is that of the sharpest edges."""
        return self.blur * (1 + SOFTER * float(ramp(self.sharpness, *BLURRED)))

    @functools.cached_property
    def haze(self) -> float:
        """The light, in grey levels, that lies over dark parts of the photo, more than over those of usual photos."""
        left, top, right, bottom = box_of(self.points, self.photo.shape[1], self.photo.shape[0])
        step = max(1, (right - left) // SAMPLED)
        pixels = self.photo[top:bottom:step, left:right:step]
        face = np.zeros(pixels.shape[:2], np.uint8)
        cv2.fillPoly(face, [np.rint((self.points[OVAL, :2] - [left, top]) / step).astype(np.int32)], 255)
        levels = pixels[face > 0].mean(axis=1)
        darkest = float(np.percentile(levels, DARKEST)) if len(levels) else 0.0
        return HAZY * max(0.0, darkest - USUAL_BLACK)

    @functools.cached_property
    def creases(self) -> Creases:
        """The creases of a smile on the cheeks."""
        return Creases.of(self.photo, self.points)

    @functools.cached_property
    def is_infant(self) -> bool:
        """Whether the face has the proportions of an infant, who has no teeth yet."""
        return is_infant(self.points)

    @functools.cached_property
    def has_teeth(self) -> bool:
        """Whether the mouth is open and shows teeth."""
        opening = Opening.of(self.points, INNER_LIPS)
        return opening.gap > SHOWN and has_teeth(self.photo, self.points)

    @functools.cached_property
    def bite(self) -> Bite | None:
        """Where upper and lower teeth meet, None if the mouth does not show both clearly."""
        opening = Opening.of(self.points, INNER_LIPS)
        if not self.has_teeth or self.in_blurs(opening.gap * opening.width) < INDISTINCT:
            return None
        return find_bite(self.photo, opening, lip_colour(self.photo, self.points))

    @functools.cached_property
    def down_to_teeth(self) -> np.ndarray:
        """What of an open mouth lies above the edge of its upper teeth, all without; see rbvae.faces.tooth_map."""
        if not self.has_teeth:
            return np.ones((ROWS, len(COLUMNS)), np.float32)
        return down_to_teeth(self.photo, Opening.of(self.points, INNER_LIPS), lip_colour(self.photo, self.points))

    @property
    def toothless(self) -> bool:
        """Whether what is behind the teeth has no lower teeth: there are none, or the mouth shows its own."""
        return self.is_infant or self.shows_lower_teeth

    @functools.cached_property
    def shows_lower_teeth(self) -> bool:
        """Whether the mouth shows enough of its lower teeth to draw them where the jaw drops."""
        opening = Opening.of(self.points, INNER_LIPS)
        height = opening.gap * opening.width
        return self.bite is not None and self.in_blurs((1 - self.bite.middle) * height) >= SLIVER

    @functools.cached_property
    def lip_edges(self) -> np.ndarray:
        """Where the lips begin, [2, K], in shares of their thickness; 0 without teeth. See rbvae.faces.lips."""
        return lip_edges(self.photo, self.points) * self.has_teeth

    @functools.cached_property
    def between_lips(self) -> np.ndarray:
        """The colour of the shadow between closed lips [3], in grey levels."""
        return shadow_between(self.photo, self.points, self.sharpness)

    @functools.cached_property
    def eyeballs(self) -> tuple[Eyeball, ...]:
        """The left eye of the picture and the right one, separated into layers on first use."""
        return tuple(Eyeball.at(self.photo, self.points, eye) for eye in (0, 1))

    @functools.cached_property
    def lids(self) -> tuple[Lid, ...]:
        """The skin and the lashes of the left eye of the picture and of the right one, found on first use."""
        return tuple(Lid.at(self.photo, self.points, eye, self.blur) for eye in (0, 1))

"""Where the ink of a handwritten digit is in a picture: paper, shadows, frames and strokes told apart.

Ink is what differs from the paper behind it. Where the border of the picture is even, that paper is the border's
colour. Elsewhere it is estimated by morphology: a closing fills dark strokes but keeps shadows, whose edges are
further apart than those of a stroke (an opening for light strokes).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

EVEN, EVEN_SHARE = 16, 0.97  # grey levels from the border's median, and the share of the border within them
BLACK, BLACK_SHARE = 8, 0.75  # the same for a border as black as that of a drawing, which a stroke may cross
DARK = 40  # grey levels: an even border no lighter than this is black
STROKE = 0.3  # of the picture's shorter side: the widest stroke that is told from a shadow
FAINT = 0.12  # ink below this, of [0, 1], is noise of the paper
CUT, CUT_UNEVEN = 0.4, 0.62  # of the strongest ink: what counts as ink; above a shadow's edge where there are some
WIDE, STRAIGHT, HOLLOW = 0.6, 0.93, 0.6  # a frame: share of the sides, of its box filled, and of it that is a hole
NEAR, SMALL = 0.35, 0.04  # parts of one digit: how far apart, as a share of its size, and least share of its area


@dataclass(frozen=True)
class Paper:
    """The paper of a picture: its colour float [H, W, 3] or [3], whether it is even, and ink float [H, W] in [0, 1].

    `light` says whether the paper is lighter than the ink.
    """

    colour: np.ndarray
    even: bool
    ink: np.ndarray
    light: bool

    @property
    def black(self) -> bool:
        """Whether it is the even black that the model knows."""
        return self.even and float(self.colour.max()) <= DARK

    @property
    def strongest(self) -> float:
        """The strongest ink, of the mean of 3 x 3 pixels."""
        return float(cv2.blur(self.ink, (3, 3)).max())

    @property
    def anything(self) -> np.ndarray:
        """Where there is more than noise of the paper, uint8 [H, W] of 0 and 1."""
        return (self.ink > FAINT).astype(np.uint8)

    @property
    def mask(self) -> np.ndarray:
        """Where there is ink, uint8 [H, W] of 0 and 1."""
        cut = CUT if self.even else CUT_UNEVEN
        return (self.ink > cut * max(self.strongest, 1e-6)).astype(np.uint8)


def papers(pixels: np.ndarray) -> list[Paper]:
    """Return what may be the paper of a picture uint8 [H, W, 3]: one if its border is even; else dark or light ink."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(np.float32)
    colour = np.median(border, axis=0)
    if (abs(border - colour).max(axis=1) <= EVEN).mean() >= (BLACK_SHARE if np.max(colour) <= BLACK else EVEN_SHARE):
        far = np.maximum(colour, 255 - colour)  # the furthest that a channel can be from the paper
        return [
            Paper(colour, True, (abs(pixels - colour) / far).max(axis=2).astype(np.float32), bool(colour.mean() > 127))
        ]
    kernel = np.ones((odd(STROKE * min(pixels.shape[:2])),) * 2, np.uint8)
    smooth = cv2.GaussianBlur(pixels, (3, 3), 0)
    light = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, kernel).astype(np.float32)
    dark = cv2.morphologyEx(smooth, cv2.MORPH_OPEN, kernel).astype(np.float32)
    of_dark_ink = ((light - smooth) / np.maximum(light, 24)).max(axis=2).clip(0, 1)
    of_light_ink = ((smooth - dark) / np.maximum(255 - dark, 24)).max(axis=2).clip(0, 1)
    return [Paper(light, False, of_dark_ink, True), Paper(dark, False, of_light_ink, False)]


def odd(length: float) -> int:
    """Return the nearest odd whole number, at least 3."""
    return max(3, 2 * int(length / 2) + 1)


@dataclass(frozen=True)
class Part:
    """A connected part of the ink: its box (left, top, right, bottom), area in pixels, and number among the labels."""

    box: tuple[int, int, int, int]
    area: int
    label: int

    @property
    def size(self) -> int:
        """The longer side of its box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def touches(self, shape: tuple[int, ...]) -> bool:
        """Whether it reaches the border of a picture [H, W]."""
        left, top, right, bottom = self.box
        return left <= 1 or top <= 1 or right >= shape[1] - 1 or bottom >= shape[0] - 1


def parts(mask: np.ndarray) -> tuple[np.ndarray, list[Part]]:
    """Return the labels int32 [H, W] of the connected parts of a mask uint8 [H, W], and the parts, largest first."""
    _, labels, rows, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = [Part((x, y, x + w, y + h), int(area), at) for at, (x, y, w, h, area) in enumerate(rows.tolist()) if at]
    return labels, sorted(found, key=lambda part: -part.area)


def frame_inside(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return the box inside a frame around everything else, or inside a sheet of paper on a table; None without one."""
    labels, found = parts(mask)
    for part in found[:3]:
        left, top, right, bottom = part.box
        wide = (right - left) / mask.shape[1] > WIDE and (bottom - top) / mask.shape[0] > WIDE
        outline, _ = cv2.findContours((labels == part.label).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        filled = cv2.drawContours(np.zeros_like(mask), outline, -1, 1, cv2.FILLED)
        if not wide or filled.sum() < STRAIGHT * (right - left) * (bottom - top):
            continue
        hole = filled & (labels != part.label)
        if hole.sum() > HOLLOW * filled.sum():  # a line around the digit
            _, holes = parts(hole)
            return _shrunk(holes[0].box, 0.03)
        return _shrunk(part.box, 0.04)  # a sheet of paper on something else
    return None


def _shrunk(box: tuple[int, int, int, int], share: float) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    by = max(1, round(share * min(right - left, bottom - top)))
    return left + by, top + by, right - by, bottom - by


def softness(paper: Paper, box: tuple[int, int, int, int]) -> tuple[float, int]:
    """Return how many pixels the ink in a box takes to fade, and how many outlines it has, of parts and holes.

    The first is the number of half-dark pixels per pixel of the outlines.
    """
    left, top, right, bottom = box
    rows, columns = slice(max(0, top - 2), bottom + 2), slice(max(0, left - 2), right + 2)
    ink = paper.ink[rows, columns] / max(paper.strongest, 1e-6)
    outlines, _ = cv2.findContours(paper.mask[rows, columns], cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return float(((ink > 0.15) & (ink < 0.6)).sum()) / max(1, sum(len(one) for one in outlines)), len(outlines)


def digit_parts(found: list[Part]) -> list[Part]:
    """Return the parts that belong to the largest one: those that are near it and not tiny."""
    main = max(found, key=lambda part: part.size * part.area**0.5)
    reach = NEAR * main.size
    left, top, right, bottom = main.box
    near = (left - reach, top - reach, right + reach, bottom + reach)
    return [
        part
        for part in found
        if part.area >= SMALL * main.area
        and (part.box[0] >= near[0] and part.box[1] >= near[1] and part.box[2] <= near[2] and part.box[3] <= near[3])
    ]

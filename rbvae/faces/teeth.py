"""Upper teeth for mouths that an edit opens: rows of teeth of synthetic faces, which are the teeth of no real person.

The upper teeth are part of the skull: they stay where they are, and the lips move over them. So a mouth that opens by
degrees shows them by degrees, and a dropped jaw shows no more of them than a small gap does. Behind them is the
cavity (rbvae.faces.cavity). The bank is teeth.webp and teeth.json, written by training/tools/make_teeth.py.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rbvae.faces.boxes import Box
from rbvae.faces.cavity import BRIGHT_TEETH, Cavity
from rbvae.faces.mesh import INNER_LIPS, OUTER_EYE_CORNERS
from rbvae.faces.openings import Opening, pixel_grid, sample
from rbvae.faces.teeth_colours import brightness_of

BANK = Path(__file__).with_name("teeth.webp")
SHOWN_AT_REST = 0.05  # of the distance between the eyes: how far the teeth reach below the line of closed lips
GUMS = np.array([188.0, 108, 104])  # grey levels
GUMS_SHADE, GUMS_SOFT = (0.8, 1.1), 0.012  # shares of their lightness from top to bottom; softness, of `unit`
GUMS_AT_REST = 0.03  # how far gums reach
MARGIN = 2.5  # pixels of the bank's pictures next to the lip that are not used
LIP_SHADOW, SHADOW_WIDTH = 0.35, 0.035  # darkness and width, in mouth widths, of the upper lip's shadow on the teeth
HIDING = 0.22  # gap above which an open mouth that shows no teeth has them behind its lip; below, in its shadow
SMILE_GAPS, WIDER, MOST_FITTED = (0.22, 0.12), 0.12, 0.85
WIDEST = 1.35  # times their width at most that teeth are drawn to fill a mouth
CORRIDOR = 0.14  # share of each half of a mouth that stays dark between teeth and corner
IN_LIGHT = 0.5  # least brightness of a row's outermost teeth, of the colour of all
COVERED = 0.15  # of the teeth's height: their part that the lower lip covers in a smile
FINER = 0.75  # of the bank's size: smaller teeth are drawn from an area-averaged picture, to avoid aliasing
FOLLOWED = 0.75, 1.0  # share of the photo's blur that teeth get: it is measured at edges, which are often out of focus
BLURRED = 1.2, 2.2  # pixels of blur up to which the first share holds, and from which the second
BANK_BLUR = 0.7  # blur of the bank's pictures, in their pixels
FINE = 0.07  # detail of a row, see TeethRow: more of it decides nothing
SHARPENED, MOST_SHARPENED = 4, 0.8  # strength of the sharpening of enlarged teeth, per share of their size, and at most


@dataclass(frozen=True)
class TeethRow:
    """A row of upper teeth of the bank: `picture` uint8 [h, w, 4], opaque where the teeth or the gums are.

    `upper` [K, 2] is the upper lip line in it, `edge` [2] the middle of the teeth's lower edge, `unit` the distance
    between the outer corners of the eyes in its pixels, `yaw` that of the head in degrees, and `skin` [3] the colour of
    the face. `white` [3] is the colour of teeth in its light, and `lit` their ends, if they are not what is measured.
    """

    picture: np.ndarray
    upper: np.ndarray
    edge: np.ndarray
    unit: float
    yaw: float
    skin: np.ndarray
    white: np.ndarray | None = None
    lit: tuple[float, float] | None = None

    @functools.cached_property
    def visible(self) -> np.ndarray:
        """Whether each pixel [h, w] shows teeth, away from the shadow of the lip."""
        height, width = self.picture.shape[:2]
        return (self.picture[..., 3] > 250) & (
            np.arange(height)[:, None] > np.interp(np.arange(width), *self.upper.T) + 2 * MARGIN
        )

    @functools.cached_property
    def detail(self) -> float:
        """How finely the teeth are drawn: the spread of the Laplacian relative to their brightness."""
        grey = self.picture[..., :3].mean(axis=2, dtype=np.float32)
        return float(cv2.Laplacian(grey, cv2.CV_32F)[self.visible].std() / grey[self.visible].mean())

    @functools.cached_property
    def colour(self) -> np.ndarray:
        """The colour of the teeth [3], in grey levels."""
        if self.white is not None:
            return self.white
        return brightness_of(self.picture[self.visible][:, :3].astype(np.float64))

    @functools.cached_property
    def ends(self) -> tuple[float, float]:
        """The left and the right end of the teeth, without those in the dark, in pixels of the picture."""
        if self.lit is not None:
            return self.lit
        grey = self.picture[..., :3].mean(axis=2)
        light = (grey * self.visible).sum(axis=0) / np.maximum(self.visible.sum(axis=0), 1)
        lit = np.flatnonzero(light > IN_LIGHT * self.colour.mean())
        return (float(lit[0]), float(lit[-1]) + 1) if len(lit) else (float(self.upper[0, 0]), float(self.upper[-1, 0]))

    def sides(self, s: np.ndarray, middle: float, width: float, along: float, fitted: float) -> np.ndarray:
        """Return the pixels of the row per pixel of a mouth at each `s` along it, whose teeth have their middle there.

        That is `along`, up to where each side of the row ends beside its corner of the mouth if `fitted` is 1. Teeth
        are made wider in any case, up to WIDEST, rather than leave a dark corner.
        """
        both = (abs(end - self.edge[0]) / (1 - CORRIDOR) for end in self.ends)
        left, right = (
            length / max(share * width, 1e-6) for length, share in zip(both, (middle, 1 - middle), strict=True)
        )
        needed = np.where(s < middle, left, right)
        return np.where(needed < along, np.maximum(needed, along / WIDEST), along + fitted * (needed - along))

    def mirrored(self) -> TeethRow:
        """Return the row as seen in a mirror."""
        width = self.picture.shape[1]
        flip = np.array([-1.0, 1.0])
        upper = self.upper[::-1] * flip + [width, 0]
        return replace(
            self, picture=self.picture[:, ::-1], upper=upper, edge=self.edge * flip + [width, 0], yaw=-self.yaw
        )

    def gums(self) -> TeethRow:
        """Return the gums of an infant instead of the teeth: as wide, softer and without any detail."""
        picture = self.picture.copy()
        shade = np.linspace(*GUMS_SHADE, len(picture))[:, None, None]
        picture[..., :3] = np.rint(self.colour * GUMS / BRIGHT_TEETH * shade).clip(0, 255)
        picture[..., 3] = cv2.GaussianBlur(self.picture[..., 3], (0, 0), GUMS_SOFT * self.unit)
        return replace(self, picture=picture, white=self.colour, lit=self.ends)

    def scaled(self, scale: float) -> TeethRow:
        """Return the row in a smaller picture, averaged over areas."""
        height, width = self.picture.shape[:2]
        extent = max(2, round(width * scale)), max(2, round(height * scale))
        by = np.array(extent) / [width, height]
        picture = cv2.resize(self.picture, extent, interpolation=cv2.INTER_AREA)
        upper, edge, unit = self.upper * by, self.edge * by, self.unit * by[0]
        left, right = (end * float(by[0]) for end in self.ends)
        return replace(self, picture=picture, upper=upper, edge=edge, unit=unit, lit=(left, right))


@dataclass(frozen=True)
class UpperTeeth:
    """A row of teeth in the skull of a face in a photo.

    `edge` [2] is the middle of the teeth's lower edge, relative to the base of the nose, in photo pixels; `unit` is the
    distance between the outer corners of the eyes and `width` that between the corners of the mouth at rest, in pixels;
    `yaw` is in degrees, `colour` [3] that of the teeth in grey levels; `blur` and `haze` are those of the photo.
    With `gums` the row shows those of an infant, which do not fit themselves to a smile. In a mouth that is open in
    the photo without showing them they are `behind` the upper lip. Without lower teeth the mouth is `toothless`.
    """

    row: TeethRow
    edge: np.ndarray
    unit: float
    yaw: float
    width: float
    colour: np.ndarray
    blur: float = 0.0
    haze: float = 0.0
    gums: bool = False
    behind: bool = False
    toothless: bool = False

    @property
    def replaces(self) -> bool:
        """Whether they replace teeth that the photo shows, as gums do not."""
        return not self.gums

    @property
    def cavity(self) -> Cavity:
        """What is behind them."""
        return Cavity.beside(self.colour, self.haze, self.blur / self.unit, self.toothless)

    def smile(self, target: Opening) -> float:
        """Return how far the teeth fit themselves to the lips, in [0, 1]: in a smile, not where the jaw drops."""
        if self.gums:
            return 0.0
        wider, narrow = target.width / max(self.width, 1e-6) - 1, 1 - (target.gap - SMILE_GAPS[0]) / SMILE_GAPS[1]
        return float(MOST_FITTED * np.clip(wider / WIDER, 0, 1) * np.clip(narrow, 0, 1))

    def fill(self, target: Opening, nose: np.ndarray, box: Box) -> np.ndarray:
        """Draw the inside of a mouth, float32 [h, w, 3], at the pixels of `box`, which include the opening `target`.

        `nose` [2] is the base of the nose in the edited photo.
        """
        s, across = target.coordinates(*pixel_grid(box))
        upper, lower = target.lines(s)
        deep = self.cavity.at(s, (across - upper) / np.maximum(lower - upper, 1e-3), target.gap)
        colours, opaque = self._teeth(target, nose + self.edge, s, across, (upper, lower))
        shadow = 1 - LIP_SHADOW * np.exp(-np.maximum(across - upper, 0) / (SHADOW_WIDTH * target.width))
        lit = colours * np.float32(self.colour / self.row.colour) * np.float32(shadow)[..., None]
        return deep + opaque[..., None] * (lit - deep)

    def _teeth(
        self, target: Opening, edge: np.ndarray, s: np.ndarray, across: np.ndarray, lips: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the colours [h, w, 3] and opacities [h, w] of the teeth; `lips` are the lip lines at each `s`."""
        row = self.row.scaled(scale) if (scale := float(self.unit / self.row.unit)) < FINER else self.row
        down = row.unit / self.unit  # pixels of the row's picture per pixel of the photo
        along = down * np.cos(np.radians(row.yaw)) / np.cos(np.radians(self.yaw))
        fitted = self.smile(target)
        edge_s, edge_across = (float(value) for value in target.coordinates(edge[0], edge[1]))
        lowest = float(target.lines(np.array([edge_s]))[1][0])
        covered = COVERED * (row.edge[1] - np.interp(row.edge[0], *row.upper.T)) / down
        edge_across += fitted * (lowest + covered - edge_across)
        x = row.edge[0] + (s - edge_s) * target.width * row.sides(s, edge_s, target.width, along, fitted)
        y = row.edge[1] + (across - edge_across) * down
        highest = np.interp(x, row.upper[:, 0], row.upper[:, 1]) + MARGIN
        top = row.edge[1] + (lips[0] - edge_across) * down
        stretch = np.clip((row.edge[1] - highest) / np.maximum(row.edge[1] - top, 1e-3), 0.4, 1.0)
        y = np.where(y < row.edge[1], row.edge[1] - (row.edge[1] - y) * stretch, y)
        found = sample(row.picture, x, np.maximum(y, highest))
        inside = (x > 0.5) & (x < row.picture.shape[1] - 0.5)
        colours, opaque = found[..., :3], (found[..., 3] / 255).clip(0, 1) * inside
        if down < 1:
            colours = colours + sharpening(down) * (colours - cv2.GaussianBlur(colours, (0, 0), 1 / down))
        extra = followed(self.blur) ** 2 - (BANK_BLUR / down) ** 2
        if extra > 0.04:
            colours, opaque = (cv2.GaussianBlur(one, (0, 0), float(np.sqrt(extra))) for one in (colours, opaque))
        return colours, opaque.astype(np.float32)


def followed(blur: float) -> float:
    """Return the blur of teeth in a photo with this `blur`, in pixels."""
    return float(np.interp(blur, BLURRED, FOLLOWED)) * blur


def sharpening(down: float) -> float:
    """Return the strength of the sharpening of teeth drawn with `down` of their pixels, at most 1, per pixel.

    It makes up for a little enlargement; much of it would draw the grain of the bank's pictures.
    """
    return min(SHARPENED * (1 / down - 1), MOST_SHARPENED)


@functools.cache
def bank() -> tuple[TeethRow, ...]:
    """Load the rows of teeth of synthetic faces, each also mirrored."""
    entries = json.loads(BANK.with_suffix(".json").read_text(encoding="utf-8"))
    sheet = np.asarray(Image.open(BANK).convert("RGBA"))
    width, height, columns = entries["width"], entries["height"], entries["columns"]
    rows = []
    for number, one in enumerate(entries["rows"]):
        row, column = divmod(number, columns)
        picture = np.ascontiguousarray(sheet[row * height :, column * width :][:height, :width])
        upper, edge, skin = (np.array(one[name], np.float64) for name in ("upper", "edge", "skin"))
        found = TeethRow(picture, upper, edge, one["unit"], one["yaw"], skin)
        rows += [found, found.mirrored()]
    return tuple(rows)


def choose(yaw: float, skin: np.ndarray) -> TeethRow:
    """Return the row of the bank whose head is turned, and whose skin is coloured, most like a face's, if it is fine.

    It depends on the face alone, so that the teeth stay the same in all its edits.
    """
    skins = np.maximum([one.skin for one in bank()], 1.0)
    by_skin = np.abs(np.log(skins / np.maximum(skin, 1))).mean(axis=1)
    by_yaw = np.abs(np.array([one.yaw for one in bank()]) - yaw)
    detail = np.minimum([one.detail for one in bank()], FINE)
    return bank()[int(np.argmin(0.1 * by_skin + 0.02 * by_yaw - 6 * detail))]


def unit_of(points: np.ndarray) -> float:
    """Return the distance between the outer corners of the eyes of landmarks [468, 3], in their units."""
    left, right = OUTER_EYE_CORNERS
    return float(np.linalg.norm(points[right] - points[left]))


def rest_edge(closed: np.ndarray, shown: float = SHOWN_AT_REST) -> np.ndarray:
    """Return where the lower edge of the upper teeth [2] is, in photo pixels, given landmarks [468, 3] at rest.

    It is below the line of closed lips by `shown`, in distances between the eyes.
    """
    lips = Opening.of(closed, INNER_LIPS)
    middle = len(lips.upper) // 2
    _, down = lips.axes()
    return (lips.upper[middle] + lips.lower[middle]) / 2 + shown * unit_of(closed) * down

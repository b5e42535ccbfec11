"""The inside of the mouth, drawn where an edit opens the lips further than the photo shows.

It comes from another photo of the person, from the donor of a transfer, or from a bank of mouths of synthetic faces,
which show the teeth of no real person: mouths.webp and mouths.json (training/tools/make_mouths.py).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rbvae.faces.mesh import INNER_LIPS, OUTER_LIPS
from rbvae.faces.openings import Opening, pixel_grid, sample

BANK = Path(__file__).with_name("mouths.webp")
SHOWN = 0.06  # gap, relative to the mouth's width, above which a mouth shows its inside
FULL = 0.08  # increase of the gap at which a closed mouth is completely filled
STRETCH = 1.8  # times its own gap that an open mouth may open before it is filled as well
SQUASHED = 0.75  # of its height: a filling that must be lower is cropped instead of compressed
CLOSING = 0.3  # of its gap: once a mouth has closed by this much, its teeth no longer follow the lips
REACH = 2.5  # thicknesses of a lip: distance from the lip within which the face follows closing lips
MIDDLE = np.linspace(0.3, 0.7, 5)  # positions along the mouth where the thickness of lips is measured
SMILE = 0.17  # largest gap of a smile; beyond it the jaw drops, and the lower teeth with it
STRETCHED = 1.3  # times its height: a filling that must be higher is continued by a dark cavity
DEEP = (0.7, 1.0)  # range between upper lip (0) and lower lip (1) in which the filling fades into the cavity
CAVITY = (52, 24, 24)  # grey levels
BITE = 0.42  # centre of a cropped filling between upper lip (0) and lower lip (1): the edge of the teeth
FINER = 0.75  # of a filling's width: a narrower target is drawn from an area-averaged filling, to avoid aliasing
BRIGHTNESS, HUE = 0.7, 0.25  # how far teeth follow the skin's brightness and hue, which says little about the light
GAIN_LIMITS = (0.5, 1.08)  # teeth darken with the light but hardly get brighter, because they vary less than skin


@dataclass(frozen=True)
class Mouth:
    """An open mouth: `picture` uint8 [h, w, 3], the inner lip line `opening` in it, and a `gain` [3] of its colours."""

    picture: np.ndarray
    opening: Opening
    gain: np.ndarray

    @classmethod
    def of(cls, photo: np.ndarray, points: np.ndarray, skin: np.ndarray, on: np.ndarray) -> Mouth:
        """Cut the mouth out of a photo; `skin` [3] is the colour of that face, `on` [3] that of the face to draw on."""
        opening = Opening.of(points, INNER_LIPS)
        left, top, right, bottom = opening.box(0.3 * opening.width, photo.shape[1], photo.shape[0])
        corner = np.array([left, top])
        moved = Opening(opening.upper - corner, opening.lower - corner)
        return cls(photo[top:bottom, left:right], moved, colour_gain(skin, on))

    def fill(self, target: Opening, box: tuple[int, int, int, int]) -> np.ndarray:
        """Fit the inside of the mouth to another inner lip line; returns float32 [h, w, 3] for the pixels of `box`.

        For a much smaller gap the inside is cropped to its middle and shaded instead of compressed. For a much larger
        gap the teeth keep their height at the upper lip, and the rest is a dark cavity.
        """
        scale = target.width / max(self.opening.width, 1e-6)
        if scale < FINER and min(self.picture.shape[:2]) > 8:
            return self.shrunk(scale).fill(target, box)
        s, across = target.coordinates(*pixel_grid(box))
        upper, lower = target.lines(s)
        v = np.clip((across - upper) / np.maximum(lower - upper, 1e-3), -0.3, 1.3)
        wider = target.gap / max(self.opening.gap, 1e-6)
        kept, drop = min(1.0, wider / SQUASHED), max(1.0, wider / STRETCHED, target.gap / SMILE)
        inside = BITE + (v - BITE) * kept if kept < 1 else v * drop
        own_upper, own_lower = self.opening.lines(s)
        colours = sample(self.picture, *self.opening.positions(s, own_upper + inside * (own_lower - own_upper)))
        edge = np.minimum(np.abs(v), np.abs(1 - v)) * (lower - upper) / max(target.width, 1e-6)
        shade = 1 - 0.55 * (1 - kept) * np.exp(-edge / 0.025)
        lit = colours * np.float32(self.gain) * np.float32(shade)[..., None]
        deep = np.clip((inside - DEEP[0]) / (DEEP[1] - DEEP[0]), 0, 1) * min(1.0, 4 * (drop - 1))
        cavity = np.array(CAVITY, np.float32) * np.float32(self.gain.mean())
        return lit + np.float32(deep)[..., None] * (cavity - lit)

    def shrunk(self, scale: float) -> Mouth:
        """Return the same mouth in a smaller picture, averaged over areas."""
        height, width = self.picture.shape[:2]
        extent = max(1, round(width * scale)), max(1, round(height * scale))
        by = np.array(extent) / [width, height]
        picture = cv2.resize(self.picture, extent, interpolation=cv2.INTER_AREA)
        return Mouth(picture, Opening(self.opening.upper * by, self.opening.lower * by), self.gain)


def colour_gain(skin: np.ndarray, on: np.ndarray) -> np.ndarray:
    """Return the colour gain [3] of a mouth copied from a face with colour `skin` [3] to one with colour `on` [3]."""
    ratio = np.log(np.maximum(on, 1.0) / np.maximum(skin, 1.0))
    return np.clip(np.exp(BRIGHTNESS * ratio.mean() + HUE * (ratio - ratio.mean())), *GAIN_LIMITS)


def fill_share(before: float, after: float) -> float:
    """Return the share of the mouth's inside to fill, in [0, 1], given its gaps before and after an edit."""
    if before < SHOWN:
        return float(np.clip((after - before) / FULL, 0, 1))
    return float(np.clip((after - STRETCH * before) / FULL, 0, 1))


def draw_mouth(
    out: np.ndarray,
    box: tuple[int, int, int, int],
    photo: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    mouth: Mouth | None,
) -> None:
    """Draw the inside of the mouth, in place, into `out` uint8 [h, w, 3], the pixels of the photo's `box`.

    `before` and `after` are the landmarks [468, 3] in photo pixels before and after the edit. Closing lips cover the
    person's own teeth, which stay in place; lips that open further than the photo shows reveal `mouth`.
    """
    old, new = Opening.of(before, INNER_LIPS), Opening.of(after, INNER_LIPS)
    if old.gap > SHOWN and new.gap < old.gap:
        mouth, share = Mouth(photo, old, np.ones(3)), min(1.0, (old.gap - new.gap) / (CLOSING * old.gap))
    else:
        share = fill_share(old.gap, new.gap)
    if mouth is None or not share:
        return
    left, top, right, bottom = box
    moved = Opening(new.upper - [left, top], new.lower - [left, top])
    blur = max(0.6, 0.012 * new.width)
    inner = moved.box(4 * blur + 2, right - left, bottom - top)
    mask = moved.mask(inner, blur)[..., None] * np.float32(share)
    part = out[inner[1] : inner[3], inner[0] : inner[2]]
    part[:] = np.rint(part * (1 - mask) + mouth.fill(moved, inner).clip(0, 255) * mask)


def shut(points: np.ndarray) -> np.ndarray:
    """Close the lips of landmarks [468, 3] along the whole line, each lip moving half the distance.

    Lips keep their shape; points above and below follow less with distance. Lips that overlap are moved apart.
    """
    mouth, lips = Opening.of(points, INNER_LIPS), Opening.of(points, OUTER_LIPS)
    s, across = mouth.coordinates(points[:, 0], points[:, 1])
    upper, lower = mouth.lines(s)
    thick_above, thick_below = (
        np.median(np.abs(a - b)) for a, b in zip(lips.lines(MIDDLE), mouth.lines(MIDDLE), strict=True)
    )
    inside = (s > 0) & (s < 1)
    middle = (upper + lower) / 2
    above = across < middle
    distance = np.where(above, (upper - across) / max(thick_above, 1e-6), (across - lower) / max(thick_below, 1e-6))
    follow = 1 - np.clip((distance - 1) / REACH, 0, 1)
    follow = follow * follow * (3 - 2 * follow)
    by = np.where(above, 1.0, -1.0) * (lower - upper) / 2 * follow * inside
    _, normal = mouth.axes()
    moved = points.copy()
    moved[:, :2] += by[:, None] * normal
    return moved


@dataclass(frozen=True)
class BankMouth:
    """A mouth of the bank, with the yaw of the head in degrees and the skin colour of the face."""

    picture: np.ndarray
    opening: Opening
    yaw: float
    skin: np.ndarray


@functools.cache
def bank() -> tuple[BankMouth, ...]:
    """Load the mouths of synthetic faces."""
    entries = json.loads(BANK.with_suffix(".json").read_text(encoding="utf-8"))
    sheet = np.asarray(Image.open(BANK).convert("RGB"))
    width, height, columns = entries["width"], entries["height"], entries["columns"]
    mouths = []
    for number, one in enumerate(entries["mouths"]):
        row, column = divmod(number, columns)
        picture = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        opening = Opening(np.array(one["upper"]), np.array(one["lower"]))
        mouths.append(BankMouth(np.ascontiguousarray(picture), opening, one["yaw"], np.array(one["skin"])))
    return tuple(mouths)


@functools.cache
def bank_features() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the features of the bank's K mouths: profiles [K, 2, 9], skin colours [K, 3] and yaws [K]."""
    mouths = bank()
    lines = np.stack([profile(one.opening) for one in mouths])
    return lines, np.maximum([one.skin for one in mouths], 1.0), np.array([one.yaw for one in mouths])


def from_bank(after: np.ndarray, yaw: float, skin: np.ndarray) -> Mouth:
    """Return the mouth of the bank that is most similar to an edited face in lip line, yaw and skin colour.

    `after` [468, 3] are the landmarks after the edit, `yaw` is in degrees, `skin` [3] is the colour of the face.
    """
    mouths, (lines, skins, yaws) = bank(), bank_features()
    by_line = np.abs(lines - profile(Opening.of(after, INNER_LIPS))).mean(axis=(1, 2))
    by_skin = np.abs(np.log(skins / np.maximum(skin, 1))).mean(axis=1)
    best = mouths[int(np.argmin(by_line + 0.05 * by_skin + 0.002 * np.abs(yaws - yaw)))]
    return Mouth(best.picture, best.opening, colour_gain(best.skin, skin))


def profile(opening: Opening) -> np.ndarray:
    """Return the lip lines relative to the axis through the corners, in widths of the mouth: [2, 9]."""
    s = np.linspace(0.1, 0.9, 9)
    return np.stack(opening.lines(s)) / max(opening.width, 1e-6)


def skin_colour(values: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return the median colour [3] of texture values [P, 3] where `skin`, bool [P]."""
    return np.median(values[skin], axis=0)

"""The skin of a closing lid and its lashes: lashes and the eye are lifted off the skin before it moves, and the lashes
of an eye that is almost closed are drawn downwards along its line."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.openings import Opening, pixel_grid, sample

CLOSING = (0.55, 0.92)  # of the lids' distance: range of closing in which lashes turn from upwards to downwards
UNIT = 48  # pixels of the eye's width in the small picture in which skin is filled in
EDGE = 0.075  # of the eye's width: how far the eye's dark and wet edges reach beyond the lids' lines
REACH = 0.3  # of the eye's width: how far lashes reach
WET = 0.07  # of the eye's width: the edge of the lower lid, whose wet reflections a closed lid covers
SHINING = (1.08, 1.25)  # share of the skin's lightness at which a pixel there counts as a reflection
LIFTED = (0.92, 0.75)  # share of the skin's lightness at which a pixel starts to count as a lash, and fully does
USUAL, DARKEST = 60, 0.62  # a lid has at least this share of this percentile of the lightness around
DENSE = 0.7  # of the lightness around: darker pixels above the eye are dense lashes
ROOTS = 0.02  # of the eye's width: lashes start this far above the lid's line
FINE = (25.0, 70.0)  # pixels of the eye's width: range in which single lashes become visible
BLUR = 1.2  # pixels: least thickness of a line, about that of a photo's own
LINE = (0.022, 0.55)  # of the eye's width and of the skin's lightness: thickness and depth of the line of a closed eye


def turned_down(old: Opening, new: Opening) -> float:
    """Return how far the lashes of a closing eye have turned downwards, in [0, 1]."""
    closed = 1 - new.gap / max(old.gap, 1e-6)
    t = np.clip((closed - CLOSING[0]) / (CLOSING[1] - CLOSING[0]), 0, 1)
    return float(t * t * (3 - 2 * t))


@dataclass(frozen=True)
class Lid:
    """The surroundings of an eye in the patch of the photo with this `corner`: `skin` float32 [h, w, 3] without eye and
    lashes, `lashes` [h, w], the share of the skin's lightness that they leave, and `lift` [h, w], where they were."""

    corner: tuple[int, int]
    opening: Opening
    skin: np.ndarray
    lashes: np.ndarray
    lift: np.ndarray

    @classmethod
    def of(cls, photo: np.ndarray, opening: Opening, brow: float) -> Lid:
        """Separate lid and lashes of one eye in a photo uint8 [H, W, 3], whose brow is `brow` pixels above the lid."""
        reach = min(REACH * opening.width, brow)
        width = opening.width
        box = opening.box(0.5 * width, photo.shape[1], photo.shape[0])
        left, top, right, bottom = box
        patch = photo[top:bottom, left:right]
        local = Opening(opening.upper - [left, top], opening.lower - [left, top])
        inner = (0, 0, right - left, bottom - top)
        skin = bare_skin(patch, local, reach)
        x, y = pixel_grid(inner)
        s, across = local.coordinates(x, y)
        upper, lower = local.lines(s)
        share = patch.astype(np.float32).mean(axis=2) / np.maximum(skin.mean(axis=2), 1.0)
        dark = np.clip((LIFTED[0] - share) / (LIFTED[0] - LIFTED[1]), 0, 1)
        above = np.clip((upper - across) / reach, 0, 1)
        near = np.where(above > 0, np.clip(3 * (1 - above), 0, 1), 1) * (across < lower)
        ends = np.clip(6 * (s + 0.2), 0, 1) * np.clip(6 * (1.2 - s), 0, 1)
        grown = cv2.dilate(local.mask(inner, 0), disc(EDGE * width))
        under = np.clip(2 - (across - lower) / (WET * width), 0, 1) * (across >= lower)
        wet = np.clip((share - SHINING[0]) / (SHINING[1] - SHINING[0]), 0, 1) * under
        lift = np.maximum(cv2.GaussianBlur(grown, (0, 0), max(0.7, 0.4 * EDGE * width)), np.maximum(dark * near, wet) * ends)
        return cls((left, top), opening, skin, np.float32(np.clip(share, 0.25, 1)), np.float32(lift))

    def lifted(self, photo: np.ndarray, share: float) -> None:
        """Replace eye and lashes by skin, in place, by `share`."""
        left, top = self.corner
        height, width = self.lift.shape
        part = photo[top : top + height, left : left + width]
        weight = share * self.lift[..., None]
        part[:] = np.rint(part * (1 - weight) + self.skin * weight)

    def draw(self, out: np.ndarray, box: tuple[int, int, int, int], new: Opening, share: float) -> None:
        """Draw the lashes downwards along the upper lid `new`, in place, into `out`, the pixels of the photo's `box`."""
        left, top, right, bottom = box
        target = Opening(new.upper - [left, top], new.lower - [left, top])
        inner = target.box(REACH * new.width, right - left, bottom - top)
        s, across = target.coordinates(*pixel_grid(inner))
        upper, lower = target.lines(s)
        below = across - (upper + lower) / 2
        scale = self.opening.width / max(new.width, 1e-6)
        own_upper, _ = self.opening.lines(s)
        x, y = self.opening.positions(s, own_upper - scale * np.abs(below) - ROOTS * self.opening.width)
        own = 1 - sample(self.lashes, x - self.corner[0], y - self.corner[1])
        length = np.where(below > 0, 0.5 * REACH, 0.03) * new.width
        own = own * np.clip(2 - np.abs(below) / length, 0, 1) * np.clip((new.width - FINE[0]) / (FINE[1] - FINE[0]), 0, 1)
        thick = max(BLUR, LINE[0] * new.width)
        line = LINE[1] * LINE[0] * new.width / thick * np.exp(-0.5 * (below / thick) ** 2)
        ends = np.clip(5 * (s + 0.03), 0, 1) * np.clip(5 * (1.03 - s), 0, 1)
        part = out[inner[1] : inner[3], inner[0] : inner[2]]
        seam = (share * ends * np.exp(-0.5 * (below / (1.5 * thick)) ** 2)).astype(np.float32)[..., None]
        part[:] = np.rint(part + seam * (cv2.GaussianBlur(part, (0, 0), thick).astype(np.float32) - part))
        dark = 1 - share * ends * np.maximum(own, line)
        part[:] = np.rint(part * np.float32(dark)[..., None])


def disc(radius: float) -> np.ndarray:
    """Return a round structuring element."""
    size = max(1, round(radius))
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1,) * 2)


def bare_skin(patch: np.ndarray, opening: Opening, reach: float) -> np.ndarray:
    """Return a patch uint8 [h, w, 3] without the eye and dark lashes, filled in from the skin around: float32.

    Lashes are looked for up to `reach` pixels above the eye.
    """
    scale = min(1.0, UNIT / opening.width)
    extent = max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale))
    by = np.array(extent) / patch.shape[1::-1]
    small = cv2.resize(patch, extent, interpolation=cv2.INTER_AREA)
    eye = Opening(opening.upper * by, opening.lower * by)
    inner = (0, 0, *extent)
    hole = cv2.dilate((eye.mask(inner, 0) > 0.1).astype(np.uint8), disc(1.3 * EDGE * eye.width))
    light = cv2.morphologyEx(small, cv2.MORPH_CLOSE, disc(0.16 * eye.width)).mean(axis=2)
    s, across = eye.coordinates(*pixel_grid(inner))
    above = eye.lines(s)[0] - across
    lashes = (small.mean(axis=2) < DENSE * light) & (above > 0) & (above < reach * scale) & (s > -0.2) & (s < 1.2)
    filled = cv2.inpaint(small, cv2.dilate(lashes.astype(np.uint8), disc(1)) | hole, 3, cv2.INPAINT_TELEA)
    for how in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN):
        filled = cv2.morphologyEx(filled, how, disc(0.07 * eye.width))
    filled = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 1.0)
    usual = np.percentile(filled.mean(axis=2)[hole == 0], USUAL) if (hole == 0).any() else 0.0
    filled *= np.clip(DARKEST * usual / np.maximum(filled.mean(axis=2), 1.0), 1.0, 3.0)[..., None]
    return cv2.resize(filled, patch.shape[1::-1], interpolation=cv2.INTER_CUBIC)

"""The skin of a closing lid, and its lashes.

The eye and its lashes are lifted off the skin before the mesh moves it, so that nothing dark or white is stretched.
Then the lashes are drawn along the line of the closed eye, downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.easing import smoothstep
from rbvae.faces.gaze import ABOVE, openness
from rbvae.faces.mesh import LIDS
from rbvae.faces.openings import Opening, pixel_grid, sample

CLOSING = (0.55, 0.92)  # of the lids' distance: range of closing in which lashes turn from upwards to downwards
UNIT = 48  # pixels of the eye's width in the small picture in which skin is filled in
EDGE = 0.075  # of the eye's width: how far the eye's dark and wet edges reach beyond the lids' lines
REACH = 0.3  # of the eye's width: how far lashes reach
WET = 0.12  # of the eye's width: the edge of the lower lid, whose wet reflections a closed lid covers
SHINING = (1.08, 1.25)  # share of the skin's lightness at which a pixel there starts to count as a reflection, and does
LIFTED = (0.92, 0.75)  # share of the skin's lightness at which a pixel starts to count as a lash, and does
DENSE = 0.7  # of the lightness around: darker pixels above the eye are dense lashes
USUAL, DARKEST, LIGHTER = 60, 0.62, 1.5  # a lid is lightened to this share of this percentile, but this much at most
ROOTS = 0.02  # of the eye's width: lashes start this far above the lid's line
FINE = (25.0, 70.0)  # pixels of the eye's width: range in which single lashes become visible
BLUR = 1.2  # pixels: least thickness of a line, about that of a photo's own
LINE = (0.022, 0.55)  # of the eye's width and of the skin's lightness: thickness and depth of the line of a closed eye


def turned_down(old: Opening, new: Opening) -> float:
    """Return how far the lashes of a closing eye have turned downwards, in [0, 1]."""
    closed = 1 - openness(new) / max(openness(old), 1e-6)
    t = ramp(closed, *CLOSING)
    return float(smoothstep(t))


@dataclass(frozen=True)
class Lid:
    """The surroundings of an eye, in the patch of the photo with this `corner` (x, y).

    `skin` float32 [h, w, 3] is without eye and lashes, `lift` [h, w] says where they were, and `lashes` [h, w] which
    share of the skin's lightness they leave.
    """

    corner: tuple[int, int]
    opening: Opening
    skin: np.ndarray
    lift: np.ndarray
    lashes: np.ndarray

    @classmethod
    def at(cls, photo: np.ndarray, points: np.ndarray, eye: int) -> Lid:
        """Separate the lid of the left eye (0) or the right eye (1) of a picture with landmarks [468, 2 or more]."""
        lid, brow = LIDS[eye][0][4], ABOVE[eye][1][3]
        distance = float(np.linalg.norm(points[lid, :2] - points[brow, :2]))
        return cls.of(photo, Opening.of(points, LIDS[eye]), distance)

    @classmethod
    def of(cls, photo: np.ndarray, opening: Opening, brow: float) -> Lid:
        """Separate lid and lashes of one eye in a photo uint8 [H, W, 3], whose brow is `brow` pixels above the lid."""
        reach = min(REACH * opening.width, brow)
        left, top, right, bottom = opening.box(0.5 * opening.width, photo.shape[1], photo.shape[0])
        patch, local = photo[top:bottom, left:right], opening.moved(-left, -top)
        skin = bare_skin(patch, local, reach)
        share = lightness(patch) / np.maximum(lightness(skin), 1.0)
        return cls((left, top), opening, skin, lift_of(share, local, reach), np.clip(share, 0.25, 1))

    def lift_off(self, pixels: np.ndarray, share: float, corner: tuple[int, int]) -> None:
        """Replace eye and lashes by skin, by `share` and in place, in the pixels of the photo with this `corner`."""
        left, top = self.corner[0] - corner[0], self.corner[1] - corner[1]
        y, x = max(0, -top), max(0, -left)
        part = pixels[top + y : top + len(self.lift), left + x : left + self.lift.shape[1]]
        inside = np.s_[y : y + part.shape[0], x : x + part.shape[1]]
        weight = np.float32(share) * self.lift[inside][..., None]
        part[:] = np.rint(part * (1 - weight) + self.skin[inside] * weight)

    def draw_lashes(self, out: np.ndarray, target: Opening, share: float) -> None:
        """Draw the lashes downwards along the line of almost closed lids `target` in `out` uint8 [h, w, 3], in place.

        The line itself is blurred first, because skin that meets there has a jagged edge.
        """
        width = target.width
        inner = target.box(REACH * width, out.shape[1], out.shape[0])
        s, across = target.coordinates(*pixel_grid(inner))
        upper, lower = target.lines(s)
        below = across - (upper + lower) / 2
        thick = max(BLUR, LINE[0] * width)
        line = LINE[1] * min(1.0, 2 * LINE[0] * width / thick) * np.exp(-0.5 * (below / thick) ** 2)
        within = share * ramp(s, -0.03, 0.17) * ramp(s, 1.03, 0.83)
        dark = within * np.maximum(line, self._darkness(s, below, width))
        seam = np.float32(within * np.exp(-0.5 * (below / (1.5 * thick)) ** 2))[..., None]
        part = out[inner[1] : inner[3], inner[0] : inner[2]]
        calm = part + seam * (cv2.GaussianBlur(part, (0, 0), thick).astype(np.float32) - part)
        part[:] = np.rint(calm * np.float32(1 - dark)[..., None])

    def _darkness(self, s: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
        """Return how dark the photo's own lashes are, turned over, `below` its line, in pixels of an eye `width`."""
        scale = self.opening.width / max(width, 1e-6)
        upper, _ = self.opening.lines(s)
        x, y = self.opening.positions(s, upper - scale * np.abs(below) - ROOTS * self.opening.width)
        dark = 1 - sample(self.lashes, x - self.corner[0], y - self.corner[1])
        length = np.where(below > 0, 0.5 * REACH, 0.03) * width
        return dark * np.clip(2 - np.abs(below) / length, 0, 1) * ramp(width, *FINE)


def lightness(pixels: np.ndarray) -> np.ndarray:
    """Return the mean of red, green and blue of pixels [h, w, 3], float32 [h, w]."""
    return cv2.transform(np.float32(pixels), np.full((1, 3), 1 / 3))


def ramp(value: np.ndarray | float, start: float, end: float) -> np.ndarray:
    """Return 0 up to `start`, 1 from `end` on, and linear values between; `end` may be the smaller one."""
    return np.clip((np.asarray(value, np.float32) - start) / (end - start), 0, 1)


def disc(radius: float) -> np.ndarray:
    """Return a round structuring element."""
    size = max(1, round(radius))
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1,) * 2)


def lift_of(share: np.ndarray, opening: Opening, reach: float) -> np.ndarray:
    """Return where a patch shows eye, lashes or wet edges instead of skin, float32 [h, w] in [0, 1].

    `share` [h, w] is each pixel's lightness as a share of the skin's; lashes lie up to `reach` pixels above the eye.
    """
    width, box = opening.width, (0, 0, share.shape[1], share.shape[0])
    s, across = opening.coordinates(*pixel_grid(box))
    upper, lower = opening.lines(s)
    lashes = ramp(share, *LIFTED) * ramp(upper - across, reach, 0.67 * reach) * (across < lower)
    wet = ramp(share, *SHINING) * ramp(across - lower, 2 * WET * width, WET * width) * (across >= lower)
    near = ramp(s, -0.2, -0.03) * ramp(s, 1.2, 1.03)
    inside = np.rint(255 * opening.mask(box, 0)).astype(np.uint8)  # OpenCV dilates uint8 faster
    eye = cv2.dilate(inside, disc(EDGE * width)) / np.float32(255)
    eye = cv2.GaussianBlur(eye, (0, 0), max(0.7, 0.4 * EDGE * width))
    return np.float32(np.maximum(eye, np.maximum(lashes, wet) * near))


def bare_skin(patch: np.ndarray, opening: Opening, reach: float) -> np.ndarray:
    """Fill in the eye and its lashes in a patch uint8 [h, w, 3] from the skin around: float32 [h, w, 3].

    Lashes are looked for up to `reach` pixels above the eye.
    """
    scale = min(1.0, UNIT / opening.width)
    extent = max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale))
    small = cv2.resize(patch, extent, interpolation=cv2.INTER_AREA)
    by = np.array(extent) / patch.shape[1::-1]
    eye, inner = Opening(opening.upper * by, opening.lower * by), (0, 0, *extent)
    hole = cv2.dilate((eye.mask(inner, 0) > 0.1).astype(np.uint8), disc(1.3 * EDGE * eye.width))
    light = cv2.morphologyEx(small, cv2.MORPH_CLOSE, disc(0.16 * eye.width)).mean(axis=2)
    s, across = eye.coordinates(*pixel_grid(inner))
    above = eye.lines(s)[0] - across
    lashes = (small.mean(axis=2) < DENSE * light) & (above > 0) & (above < reach * scale) & (s > -0.2) & (s < 1.2)
    filled = cv2.inpaint(small, cv2.dilate(lashes.astype(np.uint8), disc(1)) | hole, 3, cv2.INPAINT_TELEA)
    for how in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN):
        filled = cv2.morphologyEx(filled, how, disc(0.07 * eye.width))
    skin = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 1.0)
    return cv2.resize(lightened(skin, hole), patch.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def lightened(skin: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Lighten very dark skin around an eye, which would become a dark blot on the lid; not in the `hole` of the eye."""
    light = skin.mean(axis=2)
    usual = np.percentile(light[hole == 0], USUAL) if (hole == 0).any() else 0.0
    gain = np.clip(DARKEST * usual / np.maximum(light, 1.0), 1.0, LIGHTER)
    outside = 1 - cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 2.0)
    return np.float32(skin * (1 + (gain - 1) * outside)[..., None])

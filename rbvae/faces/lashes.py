"""The skin of a closing lid, and its lashes.

The eye and its lashes are lifted off the skin before the mesh moves it, so that nothing dark or white is stretched.
Then the predicted closed lids are drawn, and the lashes along their line, downwards.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.closed_lid import AROUND, LEFT, STEP, TOP, closed_lid, resolved
from rbvae.faces.easing import ramp, smoothstep
from rbvae.faces.gaze import ABOVE, MIDDLE, openness
from rbvae.faces.lid_skin import BESIDE, EyeSide, along, bare_skin, lift_of, lightness, places_of
from rbvae.faces.openings import Opening, pixel_grid, sample

CLOSING = (0.6, 0.95)  # of the lids' distance: range of closing in which lashes turn from upwards to downwards
OPEN = (0.08, 0.15)  # openness of an eye in the photo between which it is closed, with lashes that point down, or open
REACH, LEAST_REACH = 0.4, 0.12  # of the eye's width: how far lashes reach at most, and below a brow near the eye
TO_BROW = 0.75  # of the brow's distance: how far lashes reach at most
FINE = (25.0, 70.0)  # pixels of the eye's width: range in which single lashes become visible
BLUR = 0.9  # pixels: least thickness of a line, about that of a photo's own
LINE = 0.02  # of the eye's width: thickness of the line of a closed eye
DEPTH = 0.4, 0.65  # of the skin's lightness: range of that line's depth
OUTER = 0.12, -0.05  # of the eye's width beyond its outer corner: where the line and the fringe end
INNER = 0.6  # share of the line's depth at the inner corner, where there are no lashes
FOLD, FOLDS_FROM = 0.3, (0.06, 0.1)  # of the eye's width: length of folds, and where they begin above the lid
SHADES = (0.8, 1.2)  # range of the exponents by which the line darkens red, green and blue
ROOTS = (0.0, 0.02, 0.04)  # of the eye's width above the lid: where the photo shows the roots of lashes
SHORT = 0.7  # of their length in the photo: length of lashes that point down, as they point to the viewer, too
# Of the eye's width: length of lashes that are drawn anew, as dark as the line. It grows with the mean darkness of the
# photo's lashes at these heights above the lid, which is .01 in eyes with short lashes and .08 in those with mascara.
FRINGE, LONGER, FRINGES = 0.09, 1.8, (0.1, 0.24)
LONG, FRONT = np.linspace(0.08, 0.25, 9), np.linspace(0.1, 0.75, 14)  # heights; places along the eye, from outside
THICK, THIN = 1.0, 5.0  # exponents of their profile: at the root, and how much it grows to the tip
STROKES, UNEVEN, SLANT = 40, 0.4, 0.5  # of these along the eye, how unevenly, and how far they point outwards
# Of the eye's width: size of the skin's texture; share of it that a lid has; grey levels: its largest amplitude.
GRAIN, SMOOTHER, FINEST = 0.03, 0.7, 10.0
BELOW = 0.28  # of the eye's width: skin without lashes begins this far below the eye
TEXTURED = 0.25  # of the eye's width: height of that skin, which is turned over again above
AJAR = 0.06, 0.02  # openness of an eye at which nothing is drawn between its lids, and all is


def turned_down(old: Opening, new: Opening) -> float:
    """Return how far the lashes of a closing eye have turned downwards, in [0, 1]."""
    before = openness(old)
    closed = ramp(1 - openness(new) / max(before, 1e-6), *CLOSING)
    return float(smoothstep(closed) * ramp(before, *OPEN))


def without_folds(lashes: np.ndarray, eye: Opening) -> np.ndarray:
    """Return which share of the skin's lightness lashes [h, w] leave, without the lid's folds, which lie along the eye.

    Near the lid's edge, all that is dark is lashes.
    """
    dark, at = np.float32(1 - lashes), places_of(eye, lashes.shape)
    line = along(eye, FOLD * eye.width).astype(np.float32)
    folds = cv2.filter2D(dark, -1, line / line.sum()) * ramp((at.upper - at.across) / eye.width, *FOLDS_FROM)
    return np.float32(1 - np.maximum(dark - folds, 0))


def darkness_of(patch: np.ndarray, skin: np.ndarray, eye: Opening) -> np.ndarray:
    """Return the natural logarithms [3] by which the roots of lashes in a patch [h, w, 3] are darker than `skin`."""
    s = np.linspace(0.2, 0.8, 13)[None]
    upper, _ = eye.lines(s)
    places = [eye.positions(s, upper - by * eye.width) for by in ROOTS]
    light, dark = (np.log(np.maximum([sample(of, *at) for at in places], 8.0)) for of in (skin, patch))
    return (light - dark).mean(axis=(0, 1, 2))


def shade_of(darker: np.ndarray) -> np.ndarray:
    """Return exponents [3], about 1, by which lashes that are so much darker [3] than skin darken it."""
    return (darker / darker.mean()).clip(*SHADES) if darker.mean() > 0.1 else np.ones(3)


@dataclass(frozen=True)
class Lid:
    """The surroundings of an eye, in the patch of the photo with this `corner` (x, y).

    `skin` float32 [h, w, 3] is without eye and lashes, `lift` [h, w] says where they were, `lashes` [h, w] which
    share of the skin's lightness they leave, `hairs` the same without the folds of the lid, and `grain` [h, w] is the
    skin's fine texture, in grey levels. `closed` is the picture of the closed lids, see closed_lid. `shade` are
    exponents [3] by which lashes darken red, green and blue. `blur` is that of the photo, as the width of a Gaussian in
    its pixels.
    """

    corner: tuple[int, int]
    eye: EyeSide
    skin: np.ndarray
    lift: np.ndarray
    lashes: np.ndarray
    hairs: np.ndarray
    grain: np.ndarray
    closed: np.ndarray
    shade: np.ndarray
    blur: float = 0.0

    @classmethod
    def at(cls, photo: np.ndarray, points: np.ndarray, eye: int, blur: float = 0.0) -> Lid:
        """Separate the lid of the left eye (0) or the right eye (1) of a picture with landmarks [468, 2 or more].

        `blur` is that of the picture, in pixels.
        """
        side, fold = EyeSide.at(points, eye), points[ABOVE[eye][1][3], :2]
        return cls.of(photo, side, float(np.linalg.norm(side.opening.upper[4] - fold)), blur)

    @classmethod
    def of(cls, photo: np.ndarray, eye: EyeSide, fold: float, blur: float = 0.0) -> Lid:
        """Separate lid and lashes of one eye in a photo uint8 [H, W, 3], with a fold `fold` pixels above the lid."""
        width = eye.opening.width
        upper, _ = eye.opening.lines(MIDDLE)
        to_brow = TO_BROW * float((upper - eye.brow_line(MIDDLE)).min())
        reach = min(REACH * width, fold, max(LEAST_REACH * width, to_brow))
        left, top, right, bottom = eye.opening.box((BESIDE + 0.15) * width, photo.shape[1], photo.shape[0])
        patch, local = photo[top:bottom, left:right], eye.moved(-left, -top)
        skin = bare_skin(patch, local, reach, blur)
        light = lightness(patch)
        share = light / np.maximum(lightness(skin), 1.0)
        grain = SMOOTHER * (light - cv2.GaussianBlur(light, (0, 0), max(0.5, GRAIN * width)))
        lift, darker = lift_of(share, local, reach, blur), darkness_of(patch, skin, local.opening)
        lashes = np.clip(share, 0.25, 1)
        hairs = without_folds(lashes, local.opening)
        closed = closed_lid(patch + lift[..., None] * (skin - patch), local, blur, float(darker.mean()))
        return cls((left, top), eye, skin, lift, lashes, hairs, grain, closed, shade_of(darker), blur)

    def lift_off(self, pixels: np.ndarray, share: float, corner: tuple[int, int]) -> None:
        """Replace eye and lashes by skin, by `share` and in place, in the pixels of the photo with this `corner`."""
        left, top = self.corner[0] - corner[0], self.corner[1] - corner[1]
        y, x = max(0, -top), max(0, -left)
        part = pixels[top + y : top + len(self.lift), left + x : left + self.lift.shape[1]]
        inside = np.s_[y : y + part.shape[0], x : x + part.shape[1]]
        weight = np.float32(share) * self.lift[inside][..., None]
        part[:] = np.rint(part * (1 - weight) + self.skin[inside] * weight)

    def draw_closed(self, out: np.ndarray, target: Opening, share: float) -> None:
        """Draw almost closed lids and their lashes, which point downwards, in `out` uint8 [h, w, 3], in place.

        `target` are the lids in its pixels. The skin gets a fine texture.
        """
        width = target.width
        inner = target.box(AROUND * width, out.shape[1], out.shape[0])
        s, across = target.coordinates(*pixel_grid(inner))
        upper, lower = target.lines(s)
        below = across - upper
        outwards = self.eye.outwards(s)
        thick = max(BLUR, LINE * width, self.blur)
        depth = self.depth(s)
        line = depth * min(1.0, 4 * LINE * width / thick) * np.exp(-0.5 * (below / thick) ** 2)
        line = line * (INNER + (1 - INNER) * ramp(outwards, -1.0, -0.7)) * ramp(outwards, -1.03, -0.95)
        within = share * ramp(outwards, *OUTER)
        lashes = self._darkness(s, below, width) * ramp(outwards, -1.0, -0.8) * ramp(outwards, 0.2, -0.15)
        dark = np.maximum(within * np.maximum(line, depth * self._fringe(s, below, width)), share * lashes)
        part = out[inner[1] : inner[3], inner[0] : inner[2]]
        skin, opacity = self._lids(s, below, np.maximum(lower - upper, 0), target)
        lid = part + np.float32(share) * opacity * (skin + self._texture(s, below, width)[..., None] - part)
        part[:] = np.rint((lid * np.float32(1 - dark)[..., None] ** np.float32(self.shade)).clip(0, 255))

    def _lids(
        self, s: np.ndarray, below: np.ndarray, gap: np.ndarray, target: Opening
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return colour [h, w, 3] and opacity [h, w, 1] of closed lids at places `below` the upper one.

        In an eye that is ajar, nothing is drawn between the lids, which are `gap` apart.
        """
        across = np.where(below < 0, below, np.maximum(below - gap, 0)) / target.width
        layer = sample(self.closed, (s - LEFT) / STEP + 0.5, (across - TOP) / STEP + 0.5)
        between = (below > 0) & (below < gap)
        hidden = np.where(between, ramp(openness(target), *AJAR), 1.0)
        return layer[..., :3], np.float32(layer[..., 3].clip(0, 255) / 255 * hidden)[..., None]

    def depth(self, s: np.ndarray) -> np.ndarray:
        """Return how dark the line of a closed eye is at each `s`: as the roots of its lashes, in a sharp photo."""
        upper, _ = self.eye.opening.lines(s)
        roots = [self._at(self.lashes, s, upper - by * self.eye.opening.width) for by in ROOTS]
        return np.clip(1.1 * (1 - np.mean(roots, axis=0)), *DEPTH) * resolved(self.blur, self.eye.opening.width)

    @functools.cached_property
    def fringe(self) -> float:
        """The length of the lashes of the closed eye, in widths of the eye."""
        s = self.eye.inwards(FRONT[None])
        upper, _ = self.eye.opening.lines(s)
        dark = [1 - self._at(self.hairs, s, upper - height * self.eye.opening.width) for height in LONG]
        return float(np.clip(FRINGE + LONGER * float(np.mean(dark)), *FRINGES))

    def _fringe(self, s: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
        """Return how dark fine lashes are at places `below` the line, as strokes of different lengths."""
        outwards = self.eye.outwards(s)
        even = STROKES * (outwards - SLANT * (outwards + 0.5) * below / width)
        along = even + UNEVEN * np.sin(2.1 * even)
        stroke = np.floor(along)
        noise = np.modf(np.abs(np.sin(12.9898 * stroke)) * 437.58)[0]
        reach = np.clip(below / (self.fringe * (0.6 + 0.8 * noise) * width), 0, 1)
        hair = (0.5 + 0.5 * np.cos(2 * np.pi * (along - stroke - 0.5))) ** (THICK + THIN * reach)
        dark = 0.5 + ramp(width, *FINE) * (hair - 0.5)
        return dark * (1 - reach) * (0.6 + 0.4 * noise) * (below > 0) * ramp(outwards, -0.95, -0.7)

    def _darkness(self, s: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
        """Return how dark the photo's own lashes are, turned over, `below` its line, in pixels of an eye `width`."""
        scale = self.eye.opening.width / max(width, 1e-6)
        upper, _ = self.eye.opening.lines(s)
        dark = 1 - self._at(self.hairs, s, upper - scale * np.abs(below) / SHORT)
        length = np.where(below > 0, SHORT * REACH, 0.03) * width
        return dark * np.clip(2 - 2 * np.abs(below) / length, 0, 1) * ramp(width, *FINE)

    def _at(self, layer: np.ndarray, s: np.ndarray, across: np.ndarray) -> np.ndarray:
        x, y = self.eye.opening.positions(s, across)
        return sample(layer, x - self.corner[0], y - self.corner[1])

    def _texture(self, s: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
        """Return the fine texture of a closed lid: that of the skin below the eye, turned over."""
        opening = self.eye.opening
        scale = opening.width / max(width, 1e-6)
        _, lower = opening.lines(s)
        folded = TEXTURED * width - np.abs(TEXTURED * width - np.abs(below))
        x, y = opening.positions(s, lower + BELOW * opening.width + scale * folded)
        grain = sample(self.grain, x - self.corner[0], y - self.corner[1]).clip(-FINEST, FINEST)
        return np.float32(grain * (below < 0))

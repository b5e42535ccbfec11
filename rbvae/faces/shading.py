"""Converts the change of texture predicted by a model to the change added to a photo, region by region."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.easing import ramp
from rbvae.faces.lighting import light_textures
from rbvae.faces.mesh import BROWS, INNER_LIPS, LIDS, OUTER_LIPS, face_mesh
from rbvae.faces.texture import CanonicalFrame, canonical_frame

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
BROAD = 4  # harmonics of lighting that no expression changes: a constant and three directions
DIMMEST = 4.0  # grey levels: of a texel's lightness, where changes are divided by it
DARKEST = 0.25  # of the mean face's lightness: changes are scaled down with the skin's lightness, but not below this
RATIOS = (0.8, 1.25)  # limits of the ratio by which skin may become darker or lighter
BROAD_SHARE, BROAD_SIZE = 0.5, 1 / 24  # of broad changes of skin: the share left out, and their size in frame sides
FAINT = 0.015  # relative change of skin that is left out, too: broad and faint shadows look like blotches, not folds
FLAT = 0.06  # by how much skin becomes lighter at most where there is no fold
FOLD = (0.03, 0.2)  # of the skin's lightness: by how much it is darker than the skin around, in faint and clear folds
SMOOTH = 0.5  # share of darkening that is left out in an infant: folds of the smiles of 1-year-olds are half as deep
DEEPER = 0.4  # how much clear folds darken, of what flat skin does
FILLED, AT_CORNERS = 0.7, 0.6  # share of a fold on cheeks that disappears with the smile, and of that on lips
SMILE = 0.08  # mean relative change of the folds from nose to mouth when a smile disappears
CHEEK = [117, 229, 231, 142, 129, 165, 61, 202, 212, 214, 187, 50]  # where smiles make folds, on the left of the image
NOSE_TO_MOUTH = [203, 206, 216]
WARMTH = np.array([0.75, 1.05, 1.2], np.float32)  # exponents of the ratio by colour: shadows on skin are warm


@dataclass(frozen=True)
class Gains:
    """Share of the predicted change applied to each region; chosen on the London people marked `tune` (docs/log.md)."""

    darker: float = 1.6  # skin: folds that appear
    lighter: float = 1.0  # skin: folds that disappear, and highlights on cheeks
    lips: float = 0.85
    mouth: float = 1.0
    eyes: float = 0.8
    brows: float = 0.0


@dataclass(frozen=True)
class Regions:
    """Smooth weights of the texels [P] by region; skin, lips, mouth, eyes, and brows add up to 1.

    `cheeks` is where smiles make folds, and `folds` are the two from nose to mouth, with a sum of 1.
    """

    skin: np.ndarray
    lips: np.ndarray
    mouth: np.ndarray
    eyes: np.ndarray
    brows: np.ndarray
    cheeks: np.ndarray
    folds: np.ndarray


@dataclass(frozen=True)
class Folds:
    """How skin changes in the folds of a face, where it is darker than the skin around.

    `darker` [P] is the gain of darkening, `lightest` [P] the limit of lightening, and `filling` [P, 3] what is added
    when a smile disappears, in grey levels: folds of cheeks become as the skin around.
    """

    darker: np.ndarray
    lightest: np.ndarray
    filling: np.ndarray


@functools.cache
def regions(size: int) -> Regions:
    """Return the weights of skin, lips, inside of the mouth, eyes and brows in the canonical frame of `size` texels."""
    frame = canonical_frame(size)
    points = face_mesh().canonical[:, :2] * size

    def area(outlines: list[list[int]], grow: float, soft: float) -> np.ndarray:
        drawn = np.zeros((size * 4, size * 4), np.uint8)
        for outline in outlines:
            cv2.fillPoly(drawn, [cv2.convexHull(np.round(points[outline] * 4).astype(np.int32))], 1)
        if grow:
            drawn = cv2.dilate(drawn, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(grow * 4) + 1,) * 2))
        small = cv2.resize(drawn.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        return frame.values(cv2.GaussianBlur(small, (0, 0), soft)[..., None])[:, 0]

    unit = size / 96
    mouth = area([INNER_LIPS[0] + INNER_LIPS[1]], 0, 0.6 * unit)
    lips = np.maximum(area([OUTER_LIPS[0] + OUTER_LIPS[1]], 1.5 * unit, 1.0 * unit) - mouth, 0)
    eyes = area([a + b for a, b in LIDS], 2.0 * unit, 1.0 * unit)
    brows = area(list(BROWS), 0.5 * unit, 1.0 * unit) * (1 - eyes)
    skin = np.clip(1 - mouth - lips - eyes - brows, 0, 1)
    mirror = face_mesh().mirror
    cheeks = (skin + AT_CORNERS * lips) * area([CHEEK, mirror[CHEEK].tolist()], 0, 1.0 * unit)
    folds = skin * area([NOSE_TO_MOUTH, mirror[NOSE_TO_MOUTH].tolist()], 2.5 * unit, 0.5 * unit)
    return Regions(skin, lips, mouth, eyes, brows, cheeks, folds / folds.sum())


class Shading:
    """Converts predicted changes of texture to changes that fit a face's own colours.

    Broad lighting is removed, skin becomes lighter, or darker and warmer, and changes of dark skin are scaled down in
    proportion to its lightness. `mean` [P, 3] is the mean texture in grey levels.
    """

    def __init__(self, frame: CanonicalFrame, mean: np.ndarray, gains: Gains | None = None) -> None:
        self.frame, self.gains, self.regions = frame, gains or Gains(), regions(frame.size)
        self.mean_luma = mean @ LUMA
        fields = light_textures(frame, mean, BROAD).reshape(3 * BROAD, -1)
        self.light = np.linalg.qr(fields.T)[0].astype(np.float32)  # [3P, 12]

    def apply(self, change: np.ndarray, own: np.ndarray, youth: float = 0.0) -> np.ndarray:
        """Return what to add, float32 [P, 3], for a predicted change and the face's own texture [P, 3], grey levels.

        `youth` is 1 for an infant, whose skin is smooth, and 0 for an adult.
        """
        region, gains = self.regions, self.gains
        change, ratio = self.relative(change, own)
        smile = self.smile(ratio)
        ratio = ratio - BROAD_SHARE * broad(ratio, self.frame)
        ratio = np.sign(ratio) * np.maximum(np.abs(ratio) - FAINT, 0)
        folds = self.folds(own)
        ratio = np.clip(
            ratio * np.where(ratio < 0, folds.darker * (1 - SMOOTH * youth), gains.lighter),
            RATIOS[0] - 1,
            folds.lightest,
        )
        on_skin = ((1 + ratio[:, None]) ** WARMTH - 1) * own
        coloured = gains.lips * region.lips + gains.mouth * region.mouth
        plain = region.skin + gains.eyes * region.eyes + gains.brows * region.brows
        return (change * coloured[:, None] + on_skin * plain[:, None] + smile * folds.filling).astype(np.float32)

    def relative(self, change: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a change without broad lighting, scaled down on dark skin, and the ratio [P] by which luma changes."""
        flat = change.reshape(-1)
        change = (flat - self.light @ (self.light.T @ flat)).reshape(-1, 3)
        luma = np.maximum(own @ LUMA, DIMMEST)
        change = change * np.clip(luma / np.maximum(self.mean_luma, 1.0), DARKEST, 1.0)[:, None]
        return change, (change @ LUMA) / luma

    def smile(self, ratio: np.ndarray) -> float:
        """Return the share of a smile that disappears with a change of luma by `ratio` [P]."""
        return float(np.clip(self.regions.folds @ ratio / SMILE, 0, 1))

    def folds(self, own: np.ndarray) -> Folds:
        """Find the folds in a face's own texture [P, 3], in grey levels."""
        depth, filling = fold_filling(own, self.frame)
        most, depth = RATIOS[1] - 1, self.regions.skin * depth
        lightest = most + self.regions.skin * (np.clip(FLAT + depth, FLAT / 2, most) - most)
        darker = self.gains.darker * (1 - (1 - DEEPER) * ramp(depth, *FOLD))
        return Folds(darker, lightest, filling)


def fold_filling(own: np.ndarray, frame: CanonicalFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much skin around is lighter [P], relative, and what fills folds of the cheeks float32 [P, 3].

    `own` [P, 3] is the face's texture, in grey levels.
    """
    around = np.stack([broad(own[:, channel], frame) for channel in range(3)], axis=1) - own
    depth, most = around @ LUMA / np.maximum(own @ LUMA, DIMMEST), RATIOS[1] - 1
    share = FILLED * regions(frame.size).cheeks * (depth > 0)
    return depth, (around * np.minimum(share, most / np.maximum(depth, most))[:, None]).astype(np.float32)


def broad(values: np.ndarray, frame: CanonicalFrame) -> np.ndarray:
    """Return the mean of values [P] over the skin around each texel."""
    sigma, skin = BROAD_SIZE * frame.size, regions(frame.size).skin
    both = frame.image(np.stack([values * skin, skin], axis=1).astype(np.float32))
    both = cv2.GaussianBlur(both * frame.mask[..., None].astype(np.float32), (0, 0), sigma)
    return frame.values(both[..., :1] / np.maximum(both[..., 1:], 0.01))[:, 0]


def skin_colour(values: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Return the median colour [3] of texture values [P, 3] where `skin`, bool [P]."""
    return np.median(values[skin], axis=0)

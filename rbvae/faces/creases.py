"""Creases of a smile on the cheeks that are finer than the model's texels: they disappear as the smile does."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.boxes import Box, intersection, window, with_margin
from rbvae.faces.easing import ramp
from rbvae.faces.mesh import OUTER_EYE_CORNERS, OUTER_LIPS, POINTS, face_mesh
from rbvae.faces.region import box_of
from rbvae.faces.shading import CHEEK, fold_filling
from rbvae.faces.texture import canonical_frame
from rbvae.faces.warping import Grid

SIZE = 96  # of the canonical frame in which texels fill folds
# In distances between the outer corners of the eyes:
CELL = 1 / 100  # side of the cells in which creases are looked for; pores and grain are finer
WIDEST, RIDGE, SOFT = 0.1, 0.05, 0.02  # widths of the widest crease and pale line, and blur of the skin without them
LONG, ANGLES = 0.08, 8  # length of the shortest crease, and how many angles are tried; moles and pores are shorter
LIPS, EDGE = 0.03, 0.03  # distance from the lips, and softness of the edge of the cheeks
MARGIN = 3 * EDGE  # around the cheeks
CLEAR = 1.5, 3.0  # times the usual depth of dark spots between which one becomes a crease
# Shares of the skin's brightness between which a dark line is no crease: rims, hair, outlines. The folds from nose to
# mouth are deeper than others.
DEEPEST, DEEPEST_FOLDS = np.array([0.3, 0.45]), np.array([0.5, 0.7])
FOLDS = [129, 203, 206, 216, 212, 61, 92, 165]  # around one of them, on the left of the image
# Beside an eye, and the share of the creases there that disappears, as much as in 51 London people.
BESIDE_EYE, BESIDE_EYES_FILLED = [156, 124, 113, 226, 31, 228, 117, 111, 143], 0.7
BESIDE, NEAR = (0.02, 0.05), 5  # filling, as a share of brightness, and cells around it in which there are pale lines
CREASES_FILLED = 0.9  # share of what texels leave of lines that disappears with the smile
NONE = 128  # in a picture of what is added, as bytes


@dataclass(frozen=True)
class Creases:
    """What to add to the cheeks in a `box` of a photo where a smile disappears.

    `filling` uint8 [h, w, 3] is in grey levels from NONE; its cells are larger than pixels.
    """

    box: Box
    filling: np.ndarray

    @classmethod
    def of(cls, photo: np.ndarray, points: np.ndarray) -> Creases:
        """Find the creases of a face in a photo uint8 [H, W, 3] with landmarks [468 or more, 3].

        Texels fill a fold, blurred: what they leave is a dark line in its middle and pale ones beside it.
        """
        cheeks, beside_eyes, folds = (
            [outline, face_mesh().mirror[outline].tolist()] for outline in (CHEEK, BESIDE_EYE, FOLDS)
        )
        unit = float(np.linalg.norm(np.subtract(*points[list(OUTER_EYE_CORNERS), :2])))
        height, width = photo.shape[:2]
        tight = box_of(points[sum(cheeks + beside_eyes, [])], width, height)
        left, top, right, bottom = box = with_margin(tight, round(MARGIN * unit), (0, 0, width, height))
        step = max(CELL * unit, 1.0)
        cells = max(1, round((right - left) / step)), max(1, round((bottom - top) / step))
        scale = np.array([*(np.array(cells) / [right - left, bottom - top]), 1 / step])
        placed, unit = (points - [left, top, 0]) * scale, unit / step

        def area(outlines: list[list[int]]) -> np.ndarray:
            drawn = np.zeros(cells[::-1], np.uint8)
            for outline in outlines:
                cv2.fillPoly(drawn, [cv2.convexHull(np.rint(placed[outline, :2] - 0.5).astype(np.int32))], 1)
            return drawn

        def ellipse(size: float) -> np.ndarray:
            return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(3, round(size * unit) | 1),) * 2)

        def blurred(values: np.ndarray, size: float) -> np.ndarray:
            return cv2.GaussianBlur(values, (0, 0), max(size * unit, 0.1))

        def lines(amount: np.ndarray) -> np.ndarray:
            """Return an amount [h, w, 3] where it is long, and clearly more than usual."""
            mean = np.maximum(amount, 0).mean(axis=2)
            usual = float(np.median(mean[share > 0.5])) if (share > 0.5).any() else 0.0
            clear = ramp(mean, CLEAR[0] * usual, CLEAR[1] * usual + 1e-3)
            long = elongated(mean, max(3, round(LONG * unit) | 1)) / np.maximum(mean, 1e-3)
            return (clear * long)[..., None] * np.maximum(amount, 0)

        near = 2 * round(LIPS * unit) + 1
        lips = cv2.dilate(area([OUTER_LIPS[0] + OUTER_LIPS[1]]), np.ones((near, near), np.uint8))
        skin = cv2.resize(photo[top:bottom, left:right], cells, interpolation=cv2.INTER_AREA).astype(np.float32)
        envelope = cv2.morphologyEx(skin, cv2.MORPH_CLOSE, ellipse(WIDEST))
        deepest = (1 - lips) * (envelope - skin).mean(axis=2) / np.maximum(envelope.mean(axis=2), 1)
        deepest = cv2.dilate(deepest.astype(np.float32), ellipse(WIDEST))
        in_folds = blurred(np.float32(cv2.dilate(area(folds), ellipse(2 * EDGE))), EDGE)
        low, high = DEEPEST[:, None, None] + in_folds * (DEEPEST_FOLDS - DEEPEST)[:, None, None]
        share = np.maximum(area(cheeks) * (1 - lips), BESIDE_EYES_FILLED * area(beside_eyes)).astype(np.float32)
        share = blurred(share, EDGE) * (1 - ramp(blurred(deepest, SOFT), low, high))
        by_texels = filled_by_texels(photo, points, placed, cells)
        smooth = skin + by_texels
        dark = lines(blurred(cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, ellipse(WIDEST)), SOFT) - smooth)
        smooth = smooth + CREASES_FILLED * share[..., None] * dark
        pale = lines(smooth - blurred(cv2.morphologyEx(smooth, cv2.MORPH_OPEN, ellipse(RIDGE)), SOFT))
        beside = cv2.dilate(by_texels.mean(axis=2) / np.maximum(skin.mean(axis=2), 1), np.ones((NEAR, NEAR)))
        filling = CREASES_FILLED * share[..., None] * (dark - ramp(beside, *BESIDE)[..., None] * pale)
        return cls(box, np.rint((NONE + filling).clip(0, 255)).astype(np.uint8))

    def fill(self, pixels: np.ndarray, box: Box, smile: float) -> np.ndarray:
        """Return the pixels uint8 [h, w, 3] of a box of the photo without the share `smile`, in [0, 1], of creases."""
        left, top, right, bottom = self.box
        filling = self.filling.astype(np.float32) - NONE
        filling = cv2.resize(filling, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
        out, both = pixels.copy(), intersection(self.box, box)
        at = window(both, box)
        out[at] = np.rint((out[at] + smile * filling[window(both, self.box)]).clip(0, 255))
        return out


def filled_by_texels(photo: np.ndarray, points: np.ndarray, placed: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """Return what texels add to the folds of a smile that disappears, float32 [h, w, 3], in a grid of `cells` (w, h).

    `points` [468 or more, 3] are landmarks in pixels of the photo, and `placed` in cells.
    """
    frame = canonical_frame(SIZE)
    _, filling = fold_filling(frame.sample(photo, points).values, frame)
    drawn, inside = frame.drawn(filling, placed[:POINTS], Grid(0, 0, 1, *cells))
    return drawn * inside[..., None]


def elongated(dark: np.ndarray, length: int) -> np.ndarray:
    """Return a map [h, w] without what is shorter than a line of this odd `length`, in cells, at every angle."""
    middle, kept = length // 2, np.zeros_like(dark)
    for angle in np.pi * np.arange(ANGLES) / ANGLES:
        line = np.zeros((length, length), np.uint8)
        x, y = round(middle * float(np.cos(angle))), round(middle * float(np.sin(angle)))
        cv2.line(line, (middle - x, middle - y), (middle + x, middle + y), 1)
        kept = np.maximum(kept, cv2.morphologyEx(dark, cv2.MORPH_OPEN, line))
    return kept

"""Creases of a smile on the cheeks that are finer than the model's texels: they disappear as the smile does."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.boxes import Box, window, with_margin
from rbvae.faces.easing import ramp
from rbvae.faces.mesh import OUTER_EYE_CORNERS, OUTER_LIPS, face_mesh
from rbvae.faces.region import box_of
from rbvae.faces.shading import BROAD_SIZE, CHEEK, FILLED

# In distances between the outer corners of the eyes:
CELL = 1 / 100  # side of the cells in which creases are looked for; pores and grain are finer
WIDEST, SOFT = 0.1, 0.02  # width of the widest crease, and blur of the skin without creases
LONG, ANGLES = 0.08, 8  # length of the shortest crease, and how many angles are tried; moles and pores are shorter
EYES = 0.475  # that distance in the canonical frame, in its sides
TEXEL, BROAD = 0.018, BROAD_SIZE / EYES  # blur of the model's texels, and of the skin around folds; see Shading.broad
LIPS, EDGE = 0.03, 0.03  # distance from the lips, and softness of the edge of the cheeks
MARGIN = 3 * EDGE  # around the cheeks
CLEAR = 1.5  # times the usual depth of dark spots from which on one is a crease
DEEPEST = (0.3, 0.45)  # shares of the skin's brightness between which a dark line is no crease: rims, hair, outlines
CREASES_FILLED = 0.8  # share of its depth that disappears with the smile, together with what texels fill of folds


@dataclass(frozen=True)
class Creases:
    """What to add to the cheeks in a `box` of a photo where a smile disappears.

    `filling` uint8 [h, w, 3] is in grey levels; its cells are larger than pixels.
    """

    box: Box
    filling: np.ndarray

    @classmethod
    def of(cls, photo: np.ndarray, points: np.ndarray) -> Creases:
        """Find the creases of a face in a photo uint8 [H, W, 3] with landmarks [468 or more, 3]."""
        cheeks = [CHEEK, face_mesh().mirror[CHEEK].tolist()]
        unit = float(np.linalg.norm(np.subtract(*points[list(OUTER_EYE_CORNERS), :2])))
        height, width = photo.shape[:2]
        tight = box_of(points[cheeks[0] + cheeks[1]], width, height)
        left, top, right, bottom = box = with_margin(tight, round(MARGIN * unit), (0, 0, width, height))
        step = max(CELL * unit, 1.0)
        cells = max(1, round((right - left) / step)), max(1, round((bottom - top) / step))
        scale = np.array(cells) / [right - left, bottom - top]
        unit *= float(scale.mean())

        def area(outlines: list[list[int]]) -> np.ndarray:
            drawn = np.zeros(cells[::-1], np.uint8)
            for outline in outlines:
                corners = (points[outline, :2] - [left, top]) * scale - 0.5
                cv2.fillPoly(drawn, [cv2.convexHull(np.rint(corners).astype(np.int32))], 1)
            return drawn

        near = 2 * round(LIPS * unit) + 1
        lips = cv2.dilate(area([OUTER_LIPS[0] + OUTER_LIPS[1]]), np.ones((near, near), np.uint8))
        share = cv2.GaussianBlur(np.float32(area(cheeks) * (1 - lips)), (0, 0), max(EDGE * unit, 0.1))
        skin = cv2.resize(photo[top:bottom, left:right], cells, interpolation=cv2.INTER_AREA).astype(np.float32)
        widest = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (max(3, round(WIDEST * unit) | 1),) * 2)
        smooth = cv2.GaussianBlur(cv2.morphologyEx(skin, cv2.MORPH_CLOSE, widest), (0, 0), max(SOFT * unit, 0.1))
        dark = np.maximum(smooth - skin, 0)
        depth = dark.mean(axis=2)
        usual = float(np.median(depth[share > 0.5])) if (share > 0.5).any() else 0.0
        clear = np.maximum(depth - CLEAR * usual, 0) / np.maximum(depth, 1e-3)
        long = elongated(depth, max(3, round(LONG * unit) | 1)) / np.maximum(depth, 1e-3)
        deepest = cv2.dilate(depth / np.maximum(smooth.mean(axis=2), 1), widest)
        share *= 1 - ramp(cv2.GaussianBlur(deepest, (0, 0), max(SOFT * unit, 0.1)), *DEEPEST)
        broad, coarse = (cv2.GaussianBlur(skin, (0, 0), max(size * unit, 0.1)) for size in (BROAD, TEXEL))
        by_texels = FILLED * np.maximum(broad - coarse, 0)
        filling = share[..., None] * np.maximum(CREASES_FILLED * (clear * long)[..., None] * dark - by_texels, 0)
        return cls(box, np.rint(filling.clip(0, 255)).astype(np.uint8))

    def fill(self, pixels: np.ndarray, box: Box, smile: float) -> np.ndarray:
        """Return the pixels uint8 [h, w, 3] of a box of the photo without the share `smile`, in [0, 1], of creases.

        The box includes that of the cheeks.
        """
        out, at = pixels.copy(), window(self.box, box)
        height, width = out[at].shape[:2]
        filling = cv2.resize(self.filling.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        out[at] = np.rint((out[at] + smile * filling).clip(0, 255))
        return out


def elongated(dark: np.ndarray, length: int) -> np.ndarray:
    """Return a map [h, w] without what is shorter than a line of this odd `length`, in cells, at every angle."""
    middle, kept = length // 2, np.zeros_like(dark)
    for angle in np.pi * np.arange(ANGLES) / ANGLES:
        line = np.zeros((length, length), np.uint8)
        x, y = round(middle * float(np.cos(angle))), round(middle * float(np.sin(angle)))
        cv2.line(line, (middle - x, middle - y), (middle + x, middle + y), 1)
        kept = np.maximum(kept, cv2.morphologyEx(dark, cv2.MORPH_OPEN, line))
    return kept

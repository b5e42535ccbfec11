"""The part of a photo that an edit draws: pixels move by a coarse map, and a change of colours is added."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.boxes import Box, window
from rbvae.faces.warping import Grid

CELLS = 288  # cells of the grid on which maps are evaluated, along the region's longer side
ROWS = 48  # rows of pixels that are drawn at a time, so that they stay in the processor's cache
LEAST_SHIFT = 1 / 64  # pixels: OpenCV samples at steps of 1/32, so smaller shifts change nothing
KERNEL = 5  # pixels: reach of the Lanczos kernel, and one
LEAST_ADDED = 0.5  # grey levels: less is rounded away


def box_of(points: np.ndarray, width: int, height: int) -> Box:
    """Return the whole-pixel box around points [N, 2 or more], clipped to the photo."""
    low = np.floor(points[:, :2].min(axis=0)).astype(int) - 1
    high = np.ceil(points[:, :2].max(axis=0)).astype(int) + 1
    left, top = np.clip(low, 0, [width - 1, height - 1])
    right, bottom = np.clip(high, [left + 1, top + 1], [width, height])
    return int(left), int(top), int(right), int(bottom)


@dataclass(frozen=True)
class Strip:
    """A rectangle of a grid's cells, from the first row and column up to, but without, the last."""

    top: int
    bottom: int
    left: int
    right: int


class Region:
    """The box of a photo in which an edit draws, with the coarse grid on which its maps are evaluated.

    `pixels` uint8 [height, width, 3] are those of the photo.
    """

    def __init__(self, box: Box, pixels: np.ndarray) -> None:
        left, top, _, _ = box
        self.box, self.pixels = box, pixels
        self.height, self.width = pixels.shape[:2]
        step = max(1, round(max(self.width, self.height) / CELLS))
        self.grid = Grid(left, top, step, -(-self.width // step), -(-self.height // step))

    def part(self, box: Box) -> Region:
        """Return a part of the region, whose grid is finer."""
        return Region(box, self.pixels[window(box, self.box)])

    def moved(
        self, shift: np.ndarray, how: int, border: int = cv2.BORDER_REPLICATE, added: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw the region with other pixels: uint8 [height, width, 3].

        Each pixel takes the one that lies `shift` [rows, columns, 2] further in the photo, in pixels; `added` [rows,
        columns, 3] is added to it, in grey levels. `how` and `border` are OpenCV's interpolation and border mode.
        """
        active = largest(shift) >= LEAST_SHIFT
        if added is not None:
            active |= largest(added) >= LEAST_ADDED
        out, axes = self.pixels.copy(), cv2.split(shift)
        for strip in self.strips(cv2.dilate(active.astype(np.uint8), np.ones((3, 3)))):  # as far as enlarging spreads
            rows, columns = self.slices(strip)
            x, y = (int(np.abs(self.cells(one, strip)).max()) + KERNEL for one in axes)  # furthest source
            left, top = max(0, columns.start - x), max(0, rows.start - y)
            source = self.pixels[top : rows.stop + y, left : columns.stop + x].astype(np.float32)
            at = self.enlarged(shift, strip, (columns.start - left, rows.start - top))
            drawn = cv2.remap(source, at, None, how | cv2.WARP_RELATIVE_MAP, borderMode=border)
            if added is not None:
                drawn += self.enlarged(added, strip)
            out[rows, columns] = cv2.convertScaleAbs(np.maximum(drawn, 0, out=drawn))  # rounds and clips to 0..255
        return out

    def cells(self, coarse: np.ndarray, strip: Strip) -> np.ndarray:
        """Cut out the cells of a strip and their neighbours."""
        return coarse[max(0, strip.top - 1) : strip.bottom + 1, max(0, strip.left - 1) : strip.right + 1]

    def strips(self, active: np.ndarray) -> Iterator[Strip]:
        """Cover the cells whose value is above 0, of `active` [rows, columns], with strips of about ROWS pixels."""
        count = max(1, round(ROWS / self.grid.step))
        for top in range(0, len(active), count):
            columns = np.flatnonzero(active[top : top + count].any(axis=0))
            if len(columns):
                yield Strip(top, min(top + count, len(active)), int(columns[0]), int(columns[-1]) + 1)

    def slices(self, strip: Strip) -> tuple[slice, slice]:
        """Return the rows and the columns of the region's pixels in a strip of cells."""
        step = self.grid.step
        rows = slice(strip.top * step, min(strip.bottom * step, self.height))
        return rows, slice(strip.left * step, min(strip.right * step, self.width))

    def enlarged(self, coarse: np.ndarray, strip: Strip | None = None, plus: tuple[float, ...] = (0.0,)) -> np.ndarray:
        """Enlarge values at the grid's cells [rows, columns, D], in a strip of them, to pixels [h, w, D].

        `plus` [D] is added to them.
        """
        strip = strip or Strip(0, self.grid.rows, 0, self.grid.columns)
        cells, step = self.cells(coarse, strip) + np.array(plus, np.float32), self.grid.step
        fine = cv2.resize(cells, (cells.shape[1] * step, cells.shape[0] * step), interpolation=cv2.INTER_LINEAR)
        fine = fine.reshape(*fine.shape[:2], -1)
        rows, columns = self.slices(strip)
        y, x = step * min(1, strip.top), step * min(1, strip.left)
        return fine[y : y + rows.stop - rows.start, x : x + columns.stop - columns.start]


def largest(values: np.ndarray) -> np.ndarray:
    """Return the largest absolute value of each cell's D values [rows, columns, D]: [rows, columns]."""
    return functools.reduce(np.maximum, np.abs(np.moveaxis(values, -1, 0)))

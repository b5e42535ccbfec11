"""The third-party face landmarker behind one method: a photo in, faces with 478 points and 52 blendshapes out.

MediaPipe is imported when a FaceLandmarker is made, so this module also imports where MediaPipe is not installed.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from rbvae.errors import ImageError
from rbvae.faces.boxes import intersection_over_union, merge_duplicates, square_at, tile_starts
from rbvae.faces.detectors import Detectors, together
from rbvae.faces.face import BLENDSHAPES, ENERGETIC, Face, angles, expression_energy
from rbvae.faces.landmarker_bundle import landmarker_bundle

__all__ = ["BLENDSHAPES", "ENERGETIC", "Face", "FaceLandmarker", "expression_energy"]

SMALL = 200  # a picture whose longer side is below this gets a border and is enlarged before detection
CANVAS = 256  # the least side the landmarker is shown
BORDER = 0.25  # of the longer side, on each side of a small or face-filling picture
TILE_MIN = 150  # the search stops at tiles of this side, for smaller faces hold too few pixels to edit,
TILE_SHARE = 1 / 7  # or of this share of the picture's longer side
TILE_STEP = 2**-0.5  # from one side of the tiles to the next
MAX_FACES = 16
CONFIRM_WINDOW = 2.5  # of the face's height: the window in which a face that the search found must be seen again
CONFIRM_OVERLAP = 0.8


class FaceLandmarker:
    """MediaPipe's Face Landmarker, safe to share between threads and after a fork.

    Two threads detect at the same time, each further one waits for a single look, never for somebody's whole search.
    Raises LandmarkerError when MediaPipe or its model bundle cannot be had.
    """

    def __init__(self, bundle: bytes | None = None) -> None:
        self._detectors = Detectors(landmarker_bundle() if bundle is None else bundle, MAX_FACES)
        self._release = weakref.finalize(self, self._detectors.close)  # also runs before the interpreter exits

    def detect(self, photo: np.ndarray, until: float = math.inf) -> list[Face]:
        """uint8 RGB [H, W, 3] -> the faces in it, largest first; [] when there are none.

        One look at the whole photo; if that finds nothing, overlapping tiles of ever smaller size are searched,
        `until` a moment of time.monotonic().
        Raises ImageError for any other array, LandmarkerError after `close()` or when MediaPipe fails.
        """
        _check(photo)
        faces = self._look(photo, border=max(photo.shape[:2]) < SMALL) or self._search(photo, until)
        return sorted(faces, key=lambda face: -face.size)

    def glance(self, photo: np.ndarray, border: bool | None = None) -> list[Face]:
        """Only the look at the whole photo: faster, and blind to small faces; raises as `detect`.

        With `border` the photo's edges are continued all round first, by default if it is small.
        """
        _check(photo)
        faces = self._look(photo, border=max(photo.shape[:2]) < SMALL if border is None else border)
        return sorted(faces, key=lambda face: -face.size)

    def survey(self, photo: np.ndarray, side: int) -> list[Face]:
        """Only the look at overlapping tiles of `side`, whose finds are looked at once more; raises as `detect`."""
        _check(photo)
        return self._tiles(photo, max(2, min(side, *photo.shape[:2])))

    def glances(self, photos: Sequence[np.ndarray]) -> list[list[Face]]:
        """`glance` at several, at the same time where that is possible."""
        return together(self.glance, photos)

    def close(self) -> None:
        """Free the landmarker; harmless when called twice."""
        self._detectors.close()

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _search(self, photo: np.ndarray, until: float) -> list[Face]:
        """Look again: with a border, for a face that overfills the picture, then at tiles of ever smaller side.

        What this finds is looked at once more, because in so many looks a cat or a pattern passes for a face.
        """
        height, width = photo.shape[:2]
        if faces := [face for face in self._look(photo, border=True) if self._confirms(photo, face)]:
            return faces
        side = min(height, width)
        while side >= max(TILE_MIN, TILE_SHARE * max(height, width)) and time.monotonic() < until:
            if faces := self._tiles(photo, side, until):
                return faces
            side = round(TILE_STEP * side)
        return []

    def _tiles(self, photo: np.ndarray, side: int, until: float = math.inf) -> list[Face]:
        """The faces seen in overlapping tiles of one side, each seen again, none twice."""
        height, width = photo.shape[:2]
        corners = [(left, top) for top in tile_starts(height, side) for left in tile_starts(width, side)]

        def look(corner: tuple[int, int]) -> list[Face]:
            return self._look_at_tile(photo, *corner, side) if time.monotonic() < until else []

        faces = [face for found in together(look, corners) for face in found]
        return [face for face in merge_duplicates(faces) if self._confirms(photo, face)]

    def _confirms(self, photo: np.ndarray, face: Face) -> bool:
        """Whether the face is seen again, in the same place, in a window around it or in that window's mirror image.

        Measured on 60 LFW faces: both overlap the first by 0.94 or more; on a cat and a colour wheel by 0.
        """
        left, top, right, bottom = face.box
        side = max(2, round(CONFIRM_WINDOW * max(right - left, bottom - top)))
        x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
        near = square_at(photo, x, y, side)
        plain = (left - x, top - y, right - x, bottom - y)
        mirrored = (side - plain[2], plain[1], side - plain[0], plain[3])
        return any(
            any(intersection_over_union(other.box, box) > CONFIRM_OVERLAP for other in self._look(view))
            for view, box in ((near, plain), (near[:, ::-1], mirrored))
        )

    def _look_at_tile(self, photo: np.ndarray, left: int, top: int, side: int) -> list[Face]:
        """The faces that lie wholly in one tile: those cut by its edge belong to a neighbouring tile."""
        height, width = photo.shape[:2]
        slack = 0.02 * side
        lowest = np.array([left - slack if left else -np.inf, top - slack if top else -np.inf])
        right, bottom = left + side, top + side
        highest = np.array([right + slack if right < width else np.inf, bottom + slack if bottom < height else np.inf])
        faces = self._look(photo[top:bottom, left:right])
        moved = [replace(face, points=face.points + np.array([left, top, 0], dtype=np.float32)) for face in faces]
        return [face for face in moved if (face.points[:, :2] > lowest).all() and (face.points[:, :2] < highest).all()]

    def _look(self, photo: np.ndarray, border: bool = False) -> list[Face]:
        """One detection over uint8 [H, W, 3], enlarged to CANVAS if smaller; points in the coordinates of `photo`."""
        margin = round(BORDER * max(photo.shape[:2])) if border else 0
        if border:
            photo = cv2.copyMakeBorder(photo, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        height, width = photo.shape[:2]
        scale = CANVAS / max(height, width)
        if scale > 1:
            enlarged = (max(1, round(width * scale)), max(1, round(height * scale)))
            photo = cv2.resize(photo, enlarged, interpolation=cv2.INTER_CUBIC)
        result = self._detectors.detect(np.ascontiguousarray(photo, dtype=np.uint8))
        return [
            _face(points, shapes, matrix, np.array([width, height]), margin)
            for points, shapes, matrix in zip(
                result.face_landmarks,
                result.face_blendshapes,
                result.facial_transformation_matrixes,
                strict=True,
            )
        ]


def _check(photo: np.ndarray) -> None:
    """Raises ImageError for what MediaPipe must never see."""
    if not isinstance(photo, np.ndarray) or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        found = f"{getattr(photo, 'dtype', type(photo).__name__)} {getattr(photo, 'shape', '')}".strip()
        raise ImageError(f"the landmarker takes uint8 RGB [H, W, 3], not {found}; load pictures with load_photo")
    if photo.size == 0:
        raise ImageError(f"the picture of shape {photo.shape} is empty; use one that has pixels")


def _face(points: Any, shapes: Any, matrix: Any, extent: np.ndarray, margin: int) -> Face:
    scores = {shape.category_name: shape.score for shape in shapes}
    yaw, pitch, roll = angles(np.asarray(matrix, dtype=np.float64))
    return Face(
        points=(np.array([[p.x, p.y, p.z] for p in points]) * extent[[0, 1, 0]] - [margin, margin, 0]).astype(
            np.float32
        ),
        blendshapes=np.array([scores[name] for name in BLENDSHAPES], dtype=np.float32).clip(0.0, 1.0),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )

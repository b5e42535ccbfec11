"""MediaPipe's Face Landmarker: detects faces with 478 landmarks and 52 blendshapes.

MediaPipe is imported when a FaceLandmarker is created, so this module can be imported without it.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from rbvae.errors import ImageError
from rbvae.faces.boxes import intersection_over_union, merge_duplicates, square_at, tile_starts
from rbvae.faces.detectors import Detectors, map_in_threads
from rbvae.faces.face import BLENDSHAPES, ENERGETIC, Face, angles, expression_energy
from rbvae.faces.landmarker_bundle import landmarker_bundle

__all__ = ["BLENDSHAPES", "ENERGETIC", "Face", "FaceLandmarker", "expression_energy"]

SMALL = 200  # pictures with a longer side below this get a border and are enlarged before detection
CANVAS = 256  # smallest longer side of a picture given to MediaPipe; smaller pictures are enlarged
BORDER = 0.25  # of the longer side: width of the border on each side of a small or face-filling picture
MOST_BORDERED = 1024  # longer side at which a picture with a border is searched; its face is large
TILE_MIN = 150  # smallest side of search tiles: smaller faces have too few pixels to edit,
TILE_SHARE = 1 / 7  # also as a share of the picture's longer side
STRIP_MIN = 48  # pixels: in strips that are narrower, no face is found
TILE_STEP = 2**-0.5  # ratio between the sides of successive searches
MAX_FACES = 16
CONFIRM_WINDOW = 2.5  # of the face's height: window in which a face found in tiles must be detected again
CONFIRM_OVERLAP = 0.8  # least intersection over union of the two detections


class FaceLandmarker:
    """MediaPipe's Face Landmarker, safe to share between threads and after a fork.

    Two threads can detect at the same time; further threads wait for a single detection, never for a whole search.
    Raises LandmarkerError if MediaPipe or its model bundle is not available.
    """

    def __init__(self, bundle: bytes | None = None) -> None:
        self._detectors = Detectors(landmarker_bundle() if bundle is None else bundle, MAX_FACES)
        self._release = weakref.finalize(self, self._detectors.close)  # also runs when the interpreter exits

    def detect(self, photo: np.ndarray) -> list[Face]:
        """Detect the faces in uint8 RGB [H, W, 3], largest first; [] if there are none.

        If the whole photo shows no face, overlapping tiles of decreasing size are searched. Raises ImageError for any
        other array, and LandmarkerError after `close()` or if MediaPipe fails.
        """
        _check(photo)
        faces = self._look(photo, border=max(photo.shape[:2]) < SMALL) or self._search(photo)
        return sorted(faces, key=lambda face: -face.size)

    def glance(self, photo: np.ndarray, border: bool | None = None) -> list[Face]:
        """Detect faces in the whole photo only, which is faster but misses small faces; raises like `detect`.

        With `border`, the photo's edge pixels are first repeated around it; by default only if the photo is small.
        """
        _check(photo)
        faces = self._look(photo, border=max(photo.shape[:2]) < SMALL if border is None else border)
        return sorted(faces, key=lambda face: -face.size)

    def survey(self, photo: np.ndarray, side: int) -> list[Face]:
        """Detect faces in overlapping tiles of `side` only, confirmed by a second detection; see `detect`."""
        _check(photo)
        return self._tiles(photo, max(2, min(side, *photo.shape[:2])))

    def glances(self, photos: Sequence[np.ndarray]) -> list[list[Face]]:
        """Run `glance` on several photos, in parallel where possible."""
        return map_in_threads(self.glance, photos)

    def close(self) -> None:
        """Free the landmarkers. May be called more than once."""
        self._detectors.close()

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _search(self, photo: np.ndarray) -> list[Face]:
        """Search again with a border, for a face that fills the picture, then in tiles of decreasing size.

        Each face must be confirmed by a second detection, because in many tiles a cat or a pattern may pass for a face.
        """
        height, width = photo.shape[:2]
        if faces := [face for face in self._look(photo, border=True) if self._confirms(photo, face)]:
            return faces
        side = min(height, width)
        smallest = min(side, max(TILE_MIN, TILE_SHARE * max(height, width)))  # a long strip is searched once
        while side >= max(smallest, STRIP_MIN):
            if faces := self._tiles(photo, side):
                return faces
            side = round(TILE_STEP * side)
        return []

    def _tiles(self, photo: np.ndarray, side: int) -> list[Face]:
        """Return the faces in overlapping tiles of one side, confirmed by a second detection and without duplicates."""
        height, width = photo.shape[:2]
        corners = [(left, top) for top in tile_starts(height, side) for left in tile_starts(width, side)]
        looks = map_in_threads(lambda corner: self._look_at_tile(photo, *corner, side), corners)
        faces = [face for found in looks for face in found]
        return [face for face in merge_duplicates(faces) if self._confirms(photo, face)]

    def _confirms(self, photo: np.ndarray, face: Face) -> bool:
        """Whether the face is detected again in the same place, in a window around it or in the window's mirror image.

        Measured on 60 LFW faces, both detections overlap the first by 0.94 or more; on a cat and a colour wheel by 0.
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
        """Return the faces that lie entirely in one tile; faces cut by its edge belong to a neighbouring tile."""
        height, width = photo.shape[:2]
        slack = 0.02 * side
        lowest = np.array([left - slack if left else -np.inf, top - slack if top else -np.inf])
        right, bottom = left + side, top + side
        highest = np.array([right + slack if right < width else np.inf, bottom + slack if bottom < height else np.inf])
        faces = self._look(photo[top:bottom, left:right])
        moved = [replace(face, points=face.points + np.array([left, top, 0], dtype=np.float32)) for face in faces]
        return [face for face in moved if (face.points[:, :2] > lowest).all() and (face.points[:, :2] < highest).all()]

    def _look(self, photo: np.ndarray, border: bool = False) -> list[Face]:
        """Run one detection on uint8 [H, W, 3], enlarged to CANVAS if smaller; points are in coordinates of `photo`."""
        margin = round(BORDER * max(photo.shape[:2])) if border else 0
        height, width = (side + 2 * margin for side in photo.shape[:2])
        if border:
            share = min(1.0, MOST_BORDERED / max(photo.shape[:2]))
            if share < 1:
                photo = cv2.resize(photo, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
            wide = round(share * margin)
            photo = cv2.copyMakeBorder(photo, wide, wide, wide, wide, cv2.BORDER_REPLICATE)
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
    """Raise ImageError for arrays that MediaPipe cannot process."""
    if not isinstance(photo, np.ndarray) or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        found = f"{getattr(photo, 'dtype', type(photo).__name__)} {getattr(photo, 'shape', '')}".strip()
        raise ImageError(f"the landmarker needs uint8 RGB [H, W, 3], not {found}; load pictures with load_photo")
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

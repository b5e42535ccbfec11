"""The third-party face landmarker behind one method: a photo in, faces with 478 points and 52 blendshapes out.

MediaPipe is imported when a FaceLandmarker is made, so this module also imports where MediaPipe is not installed.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from rbvae.boxes import intersection_over_union, merge_duplicates, square_at, tile_starts
from rbvae.bundle import landmarker_bundle
from rbvae.errors import ImageError, LandmarkerError
from rbvae.face import BLENDSHAPES, ENERGETIC, Face, angles, expression_energy

__all__ = ["BLENDSHAPES", "ENERGETIC", "Face", "FaceLandmarker", "expression_energy"]

SMALL = 200  # a picture whose longer side is below this gets a border and is enlarged before detection
CANVAS = 256  # the least side the landmarker is shown
BORDER = 0.25  # of the longer side, on each side of a small or face-filling picture
TILE_MIN = 150  # the search stops at tiles of this side, for smaller faces hold too few pixels to edit,
TILE_SHARE = 1 / 8  # or of this share of the picture's longer side, so that it takes no more than about two seconds
TILE_STEP = 2**-0.5  # from one side of the tiles to the next
MAX_FACES = 16
CONFIRM_WINDOW = 2.5  # of the face's height: the window in which a face that the search found must be seen again
CONFIRM_OVERLAP = 0.8

_silence_lock = threading.Lock()


class FaceLandmarker:
    """MediaPipe's Face Landmarker, safe to share between threads (calls queue); make one inside each process.

    Raises LandmarkerError when MediaPipe or its model bundle cannot be had.
    """

    def __init__(self, bundle: bytes | None = None) -> None:
        self._bundle = landmarker_bundle() if bundle is None else bundle
        self._lock = threading.Lock()
        self._release: Any = None
        self._open()

    def detect(self, photo: np.ndarray) -> list[Face]:
        """uint8 RGB [H, W, 3] -> the faces in it, largest first; [] when there are none.

        One look at the whole photo; if that finds nothing, overlapping tiles of ever smaller size are searched.
        Raises ImageError for any other array, LandmarkerError after `close()` or when MediaPipe fails.
        """
        _check(photo)
        with self._mine():
            faces = self._look(photo, border=max(photo.shape[:2]) < SMALL) or self._search(photo)
        return sorted(faces, key=lambda face: -face.size)

    def glance(self, photo: np.ndarray) -> list[Face]:
        """Only the look at the whole photo: faster, and blind to small faces; raises as `detect`."""
        _check(photo)
        with self._mine():
            faces = self._look(photo, border=max(photo.shape[:2]) < SMALL)
        return sorted(faces, key=lambda face: -face.size)

    def survey(self, photo: np.ndarray, side: int) -> list[Face]:
        """Only the look at overlapping tiles of `side`, whose finds are looked at once more; raises as `detect`."""
        _check(photo)
        with self._mine():
            return self._tiles(photo, max(2, min(side, *photo.shape[:2])))

    def close(self) -> None:
        """Free the landmarker; harmless when called twice."""
        if self._release is not None and self._pid == os.getpid():
            with self._lock:
                self._release()

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _mine(self) -> Iterator[None]:
        """Hold the lock on a landmarker that is open and belongs to this process."""
        if self._pid != os.getpid():  # inherited through fork: calling it, or closing it, would hang
            self._lock = threading.Lock()
            self._release.detach()
            self._raw._handle = None
            self._open()
        with self._lock:
            if not self._release.alive:
                raise LandmarkerError("this face landmarker is closed; make a new FaceLandmarker")
            yield

    def _open(self) -> None:
        self._pid = os.getpid()
        self._mediapipe, self._raw = _create(self._bundle)
        self._release = weakref.finalize(self, _discard, self._raw, self._pid)  # also runs before the interpreter exits

    def _search(self, photo: np.ndarray) -> list[Face]:
        """Look again: with a border, for a face that overfills the picture, then at tiles of ever smaller side.

        What this finds is looked at once more, because in so many looks a cat or a pattern passes for a face.
        """
        height, width = photo.shape[:2]
        if faces := [face for face in self._look(photo, border=True) if self._confirms(photo, face)]:
            return faces
        side = min(height, width)
        while side >= max(TILE_MIN, TILE_SHARE * max(height, width)):
            if faces := self._tiles(photo, side):
                return faces
            side = round(TILE_STEP * side)
        return []

    def _tiles(self, photo: np.ndarray, side: int) -> list[Face]:
        """The faces seen in overlapping tiles of one side, each seen again, none twice."""
        height, width = photo.shape[:2]
        faces = [
            face
            for top in tile_starts(height, side)
            for left in tile_starts(width, side)
            for face in self._look_at_tile(photo, left, top, side)
        ]
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
        moved = (replace(face, points=face.points + np.array([left, top], dtype=np.float32)) for face in faces)
        return [face for face in moved if (face.points > lowest).all() and (face.points < highest).all()]

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
        result = self._detect_raw(np.ascontiguousarray(photo, dtype=np.uint8))
        return [
            _face(points, shapes, matrix, np.array([width, height]), margin)
            for points, shapes, matrix in zip(
                result.face_landmarks,
                result.face_blendshapes,
                result.facial_transformation_matrixes,
                strict=True,
            )
        ]

    def _detect_raw(self, pixels: np.ndarray) -> Any:
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=pixels)
        try:
            return self._raw.detect(image)
        except (RuntimeError, ValueError) as error:  # a landmarker that raised once never works again: replace it
            self._release()
            self._open()
            raise LandmarkerError(f"MediaPipe failed on a picture of {pixels.shape}: {error}; try another") from error


def _check(photo: np.ndarray) -> None:
    """Raises ImageError for what MediaPipe must never see."""
    if not isinstance(photo, np.ndarray) or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        found = f"{getattr(photo, 'dtype', type(photo).__name__)} {getattr(photo, 'shape', '')}".strip()
        raise ImageError(f"the landmarker takes uint8 RGB [H, W, 3], not {found}; load pictures with load_photo")
    if photo.size == 0:
        raise ImageError(f"the picture of shape {photo.shape} is empty; use one that has pixels")


def _create(bundle: bytes) -> tuple[Any, Any]:
    """The mediapipe module and a landmarker that has run once."""
    with _silence_lock, _quiet_stderr():
        try:
            import mediapipe
            from mediapipe.tasks.python import BaseOptions, vision
        except (ImportError, OSError) as error:
            raise LandmarkerError(
                f"MediaPipe cannot be loaded ({error}); install mediapipe, and on Linux libegl1 and libgles2"
            ) from error
        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=bundle),
            num_faces=MAX_FACES,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        try:
            raw = vision.FaceLandmarker.create_from_options(options)
            blank = np.zeros((64, 64, 3), dtype=np.uint8)
            raw.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=blank))
        except (RuntimeError, ValueError, OSError) as error:
            raise LandmarkerError(f"MediaPipe cannot open the face landmarker's model: {error}") from error
    return mediapipe, raw


def _discard(raw: Any, pid: int) -> None:
    """Close a MediaPipe landmarker for good: without its handle, neither a second close nor `__del__` can hang."""
    try:
        if pid == os.getpid():  # one inherited through fork is not ours to close, and would hang
            raw.close()
    except Exception:  # after a failed detection MediaPipe's close raises too, with nothing left to free
        pass
    finally:
        raw._handle = None


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere: MediaPipe's C++ log lines heed no logging setting."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError, ValueError):  # a process without a stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _face(points: Any, shapes: Any, matrix: Any, extent: np.ndarray, margin: int) -> Face:
    scores = {shape.category_name: shape.score for shape in shapes}
    yaw, pitch, roll = angles(np.asarray(matrix, dtype=np.float64))
    return Face(
        points=(np.array([[point.x, point.y] for point in points]) * extent - margin).astype(np.float32),
        blendshapes=np.array([scores[name] for name in BLENDSHAPES], dtype=np.float32).clip(0.0, 1.0),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )

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
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from rbvae.bundle import landmarker_bundle
from rbvae.errors import ImageError, LandmarkerError

BLENDSHAPES: tuple[str, ...] = tuple(
    """_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
    cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
    eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight
    jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight
    mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight
    mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft
    mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight""".split()
)
ENERGETIC = np.array([name != "_neutral" and not name.startswith("eye") for name in BLENDSHAPES])

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


@dataclass(frozen=True)
class Face:
    """One face: where its landmarks lie, what it expresses and which way it looks.

    `points` float32 [478, 2], x and y in photo pixels, where (0, 0) is the outer corner of the first pixel;
    `blendshapes` float32 [52] in [0, 1], named by BLENDSHAPES; degrees: `yaw` > 0 looks to the picture's right,
    `pitch` > 0 looks down, `roll` > 0 is turned counter-clockwise.
    """

    points: np.ndarray
    blendshapes: np.ndarray
    yaw: float
    pitch: float
    roll: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the landmarks, in photo pixels."""
        left, top = self.points.min(axis=0)
        right, bottom = self.points.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def size(self) -> float:
        """Height of the box, in photo pixels."""
        return self.box[3] - self.box[1]


def expression_energy(blendshapes: np.ndarray) -> np.ndarray:
    """Scores [..., 52] -> [...]: root of the summed squares, leaving out `_neutral` and every `eye*` score."""
    return np.sqrt(np.square(np.asarray(blendshapes)[..., ENERGETIC]).sum(axis=-1))


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
        if not isinstance(photo, np.ndarray) or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
            found = f"{getattr(photo, 'dtype', type(photo).__name__)} {getattr(photo, 'shape', '')}".strip()
            raise ImageError(f"the landmarker takes uint8 RGB [H, W, 3], not {found}; load pictures with load_photo")
        if photo.size == 0:
            raise ImageError(f"the picture of shape {photo.shape} is empty; use one that has pixels")
        with self._mine():
            faces = self._look(photo, border=max(photo.shape[:2]) < SMALL) or self._search(photo)
        return sorted(faces, key=lambda face: -face.size)

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
            faces = [
                face
                for top in _starts(height, side)
                for left in _starts(width, side)
                for face in self._look_at_tile(photo, left, top, side)
            ]
            if faces := [face for face in merge_duplicates(faces) if self._confirms(photo, face)]:
                return faces
            side = round(TILE_STEP * side)
        return []

    def _confirms(self, photo: np.ndarray, face: Face) -> bool:
        """Whether the face is seen again, in the same place, in a window around it or in that window's mirror image.

        Measured on 60 LFW faces: both overlap the first by 0.94 or more; on a cat and a colour wheel by 0.
        """
        left, top, right, bottom = face.box
        side = max(2, round(CONFIRM_WINDOW * max(right - left, bottom - top)))
        x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
        window = _window(photo, x, y, side)
        plain = (left - x, top - y, right - x, bottom - y)
        mirrored = (side - plain[2], plain[1], side - plain[0], plain[3])
        return any(
            any(intersection_over_union(other.box, box) > CONFIRM_OVERLAP for other in self._look(view))
            for view, box in ((window, plain), (window[:, ::-1], mirrored))
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


def merge_duplicates(faces: list[Face], overlap: float = 0.4) -> list[Face]:
    """Keep the largest of every group of faces whose boxes overlap by more than `overlap` (intersection over union)."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.size):
        if all(intersection_over_union(face.box, other.box) <= overlap for other in kept):
            kept.append(face)
    return kept


def intersection_over_union(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Two boxes (left, top, right, bottom) -> shared area over joint area, in [0, 1]."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / (areas - width * height)


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


def _window(photo: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """The square [side, side, 3] at (left, top), its part outside the photo filled from the nearest border pixel."""
    rows = np.arange(top, top + side).clip(0, photo.shape[0] - 1)
    columns = np.arange(left, left + side).clip(0, photo.shape[1] - 1)
    return photo[rows[:, None], columns]


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of `side` begin so that neighbours overlap by half and the last one ends at `length`."""
    count = -(-(length - side) // (side // 2)) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def _face(points: Any, shapes: Any, matrix: Any, extent: np.ndarray, margin: int) -> Face:
    scores = {shape.category_name: shape.score for shape in shapes}
    yaw, pitch, roll = _angles(np.asarray(matrix, dtype=np.float64))
    return Face(
        points=(np.array([[point.x, point.y] for point in points]) * extent - margin).astype(np.float32),
        blendshapes=np.array([scores[name] for name in BLENDSHAPES], dtype=np.float32).clip(0.0, 1.0),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )


def _angles(matrix: np.ndarray) -> tuple[float, float, float]:
    """The head's pose [4, 4] (x right, y up, z to the camera), read as Rz(roll) Ry(yaw) Rx(pitch) -> degrees."""
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1.0, 1.0))
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))

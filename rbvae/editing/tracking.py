"""One face through the frames of a clip: searched for once, then looked for where it was."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rbvae.faces.boxes import intersection_over_union, square_at
from rbvae.faces.face import Face
from rbvae.faces.landmarks import FaceLandmarker

WINDOW = 2.0  # side of the window in which the face is looked for, in sides of its last box
DRIFT, GROWTH = 0.1, 0.2  # of the window's side and of the face's size: changes after which the window is moved
SAME_FACE = 0.3  # least intersection over union with the last box of what counts as the same face
PATIENCE = 2.0  # seconds of the clip between two thorough searches, which take about a second each


class FaceTracker:
    """Follows the largest face of a clip, or after a pause the one nearest to where it was.

    Landmarks depend a little on where the window cuts the picture, so it stays until the face has moved away from its
    middle: a window that follows each frame adds jitter of its own.
    """

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._last: Face | None = None
        self._window: Window | None = None
        self._searched = -np.inf

    def find(self, pixels: np.ndarray, time: float) -> Face | None:
        """Find the face in the next frame uint8 [H, W, 3], at `time` in seconds; None if there is none."""
        face = self._near(pixels, self._window) if self._window else None
        face = face or self._nearest(self._landmarker.glance(pixels))
        if face is None and time - self._searched >= PATIENCE:
            self._searched = time
            face = self._nearest(self._landmarker.detect(pixels))
        if face is None:
            self._window = None
            return None
        self._last = face
        if self._window is None or not self._window.holds(face):
            self._window = Window.around(face)
        return face

    def _near(self, pixels: np.ndarray, window: Window) -> Face | None:
        """Look in a window around the last place, where the face is larger than in the whole frame."""
        assert self._last is not None
        view = np.ascontiguousarray(square_at(pixels, window.left, window.top, window.side))
        shift = np.array([window.left, window.top, 0], np.float32)
        found = [replace(face, points=face.points + shift) for face in self._landmarker.glance(view)]
        return self._nearest([face for face in found if intersection_over_union(face.box, self._last.box) > SAME_FACE])

    def _nearest(self, faces: list[Face]) -> Face | None:
        if self._last is None or len(faces) < 2:
            return faces[0] if faces else None
        centre = _centre(self._last)
        return min(faces, key=lambda face: float(np.linalg.norm(_centre(face) - centre)))


@dataclass(frozen=True)
class Window:
    """A square of a frame, with `size`, the longer side of the face that it was made for; all in pixels."""

    left: int
    top: int
    side: int
    size: float

    @classmethod
    def around(cls, face: Face) -> Window:
        """Put the face into the middle."""
        x, y = _centre(face)
        size = _size(face)
        side = max(2, round(WINDOW * size))
        return cls(round(x - side / 2), round(y - side / 2), side, size)

    def holds(self, face: Face) -> bool:
        """Whether a face is still near the middle and of about the same size."""
        off = np.abs(_centre(face) - [self.left + self.side / 2, self.top + self.side / 2]).max()
        return bool(off < DRIFT * self.side and abs(_size(face) - self.size) < GROWTH * self.size)


def _size(face: Face) -> float:
    left, top, right, bottom = face.box
    return max(right - left, bottom - top)


def _centre(face: Face) -> np.ndarray:
    left, top, right, bottom = face.box
    return np.array([left + right, top + bottom]) / 2

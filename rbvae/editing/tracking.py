"""One face through the frames of a clip: searched for once, then looked for where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rbvae.faces.boxes import intersection_over_union, square_at
from rbvae.faces.face import Face
from rbvae.faces.landmarks import FaceLandmarker

WINDOW = 2.0  # side of the window in which the face is looked for, in sides of its last box
SAME_FACE = 0.3  # least intersection over union with the last box of what counts as the same face
PATIENCE = 2.0  # seconds of the clip between two thorough searches, which take about a second each


class FaceTracker:
    """Follows the largest face of a clip, or after a pause the one nearest to where it was."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._last: Face | None = None
        self._tracked, self._searched = False, -np.inf

    def find(self, pixels: np.ndarray, time: float) -> Face | None:
        """Find the face in the next frame uint8 [H, W, 3], at `time` in seconds; None if there is none."""
        face = self._near(pixels) if self._tracked else None
        face = face or self._nearest(self._landmarker.glance(pixels))
        if face is None and time - self._searched >= PATIENCE:
            self._searched = time
            face = self._nearest(self._landmarker.detect(pixels))
        self._last, self._tracked = face or self._last, face is not None
        return face

    def _near(self, pixels: np.ndarray) -> Face | None:
        """Look in a window around the last place, where the face is larger than in the whole frame."""
        assert self._last is not None
        left, top, right, bottom = self._last.box
        side = max(2, round(WINDOW * max(right - left, bottom - top)))
        x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
        window = np.ascontiguousarray(square_at(pixels, x, y, side))
        shift = np.array([x, y, 0], np.float32)
        found = [replace(face, points=face.points + shift) for face in self._landmarker.glance(window)]
        near = [face for face in found if intersection_over_union(face.box, self._last.box) > SAME_FACE]
        return self._nearest(near)

    def _nearest(self, faces: list[Face]) -> Face | None:
        if self._last is None or len(faces) < 2:
            return faces[0] if faces else None
        centre = _centre(self._last)
        return min(faces, key=lambda face: float(np.linalg.norm(_centre(face) - centre)))


def _centre(face: Face) -> np.ndarray:
    left, top, right, bottom = face.box
    return np.array([left + right, top + bottom]) / 2

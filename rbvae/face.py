"""One face as the landmarker sees it: 478 points, 52 blendshapes, and which way it looks."""

from __future__ import annotations

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
# What an expression is told by: groups of blendshapes, and the standard deviation of each group's mean over LFW.
MOVEMENTS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("mouthSmileLeft", "mouthSmileRight"), 0.36),
    (("mouthUpperUpLeft", "mouthUpperUpRight"), 0.25),
    (("mouthPucker",), 0.14),
    (("jawOpen",), 0.12),
    (("browInnerUp",), 0.16),
    (("browDownLeft", "browDownRight"), 0.27),
    (("eyeSquintLeft", "eyeSquintRight"), 0.19),
)


@dataclass(frozen=True)
class Face:
    """One face: where its landmarks lie, what it expresses and which way it looks.

    `points` float32 [478, 2], x and y in photo pixels, where (0, 0) is the outer corner of the first pixel;
    `blendshapes` float32 [52] in [0, 1], named by BLENDSHAPES; degrees: `yaw` > 0 looks to the picture's right,
    `pitch` > 0 looks down, `roll` > 0 is turned counter-clockwise. `moved` is by how much of its height the box was
    elsewhere at a second look: 0 where there was none, infinite where the face was gone.
    """

    points: np.ndarray
    blendshapes: np.ndarray
    yaw: float
    pitch: float
    roll: float
    moved: float = 0.0

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
    """Scores [..., 52] in [0, 1] -> [...]: root mean square of the MOVEMENTS, each in its own standard deviations.

    0 is a face at rest; over LFW the median is 1.3. Without those units it would measure smiles and little else
    (docs/log.md).
    """
    scores = np.asarray(blendshapes)
    moved = [scores[..., [BLENDSHAPES.index(name) for name in group]].mean(axis=-1) / unit for group, unit in MOVEMENTS]
    return np.sqrt(np.square(moved).mean(axis=0))


def angles(matrix: np.ndarray) -> tuple[float, float, float]:
    """The head's pose [4, 4] (x right, y up, z to the camera), read as Rz(roll) Ry(yaw) Rx(pitch) -> degrees."""
    rotation = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1.0, 1.0))
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))

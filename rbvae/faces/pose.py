"""Where a head is and how it is turned: the 3D similarity between a photo and the head frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Points that expression hardly moves: eye corners, bridge, tip and base of the nose, brow centre, forehead, temples.
RIGID = np.array([33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327]
                 + [10, 151, 9, 8, 127, 356, 234, 454, 103, 332, 21, 251])  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """`head = scale * photo @ rotation + shift`, on row vectors: `rotation` [3, 3] orthonormal, `shift` [3].

    Photo coordinates are pixels (x right, y down, depth away from the camera); head coordinates are those of the mean
    face, in sides of the canonical frame.
    """

    scale: float
    rotation: np.ndarray
    shift: np.ndarray

    def to_head(self, points: np.ndarray) -> np.ndarray:
        """Photo coordinates [..., 3] -> head coordinates [..., 3]."""
        return self.scale * np.asarray(points, np.float64) @ self.rotation + self.shift

    def to_photo(self, shape: np.ndarray) -> np.ndarray:
        """Head coordinates [..., 3] -> photo coordinates [..., 3]; the inverse of `to_head`."""
        return (np.asarray(shape, np.float64) - self.shift) @ self.rotation.T / self.scale

    @property
    def yaw(self) -> float:
        """Degrees; above 0 the face looks to the picture's right."""
        return float(np.degrees(np.arctan2(self.rotation[2, 0], self.rotation[2, 2])))

    @property
    def pitch(self) -> float:
        """Degrees; above 0 the face looks down."""
        return float(np.degrees(np.arcsin(np.clip(self.rotation[2, 1], -1.0, 1.0))))


def fit_pose(points: np.ndarray, mean: np.ndarray) -> Pose:
    """Landmarks [468, 3] in photo pixels -> the pose that brings their RIGID points closest to those of `mean`.

    Umeyama (1991), equations (40) to (43), without reflections. Raises ValueError when the points coincide.
    """
    source, target = np.asarray(points, np.float64)[RIGID], mean[RIGID]
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    spread = np.square(source - source_mean).sum()
    if not spread > 0:
        raise ValueError("the landmarks coincide, so they have no pose")
    u, singular, vt = np.linalg.svd((source - source_mean).T @ (target - target_mean))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u * sign @ vt
    scale = float((singular * sign).sum() / spread)
    return Pose(scale, rotation, target_mean - scale * source_mean @ rotation)

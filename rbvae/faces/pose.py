"""Head pose: the 3D similarity transform between a photo and head coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Points that barely move with expression: eye corners, nose, centre between the brows, forehead, temples.
RIGID = np.array([33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327]
                 + [10, 151, 9, 8, 127, 356, 234, 454, 103, 332, 21, 251])  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """`head = scale * photo @ rotation + shift` for row vectors; `rotation` [3, 3] is orthonormal, `shift` is [3].

    Photo coordinates are in pixels (x right, y down, depth away from the camera). Head coordinates are those of the
    mean face, in units of the canonical frame's side.
    """

    scale: float
    rotation: np.ndarray
    shift: np.ndarray

    def to_head(self, points: np.ndarray) -> np.ndarray:
        """Map photo coordinates [..., 3] to head coordinates [..., 3]."""
        return self.scale * np.asarray(points, np.float64) @ self.rotation + self.shift

    def to_photo(self, shape: np.ndarray) -> np.ndarray:
        """Map head coordinates [..., 3] to photo coordinates [..., 3]; the inverse of `to_head`."""
        return (np.asarray(shape, np.float64) - self.shift) @ self.rotation.T / self.scale

    @property
    def yaw(self) -> float:
        """Yaw in degrees; above 0 the face looks to the right of the picture."""
        return float(np.degrees(np.arctan2(self.rotation[2, 0], self.rotation[2, 2])))

    @property
    def pitch(self) -> float:
        """Pitch in degrees; above 0 the face looks down."""
        return float(np.degrees(np.arcsin(np.clip(self.rotation[2, 1], -1.0, 1.0))))


def fit_pose(points: np.ndarray, mean: np.ndarray) -> Pose:
    """Fit the pose that maps the RIGID points of landmarks [468, 3], in photo pixels, best to those of `mean` [468, 3].

    Umeyama (1991), equations (40) to (43), without reflections. Raises ValueError if the points coincide.
    """
    source, target = np.asarray(points, np.float64)[RIGID], mean[RIGID]
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    spread = np.square(source - source_mean).sum()
    if not spread > 0:
        raise ValueError("all landmarks coincide, so they have no pose")
    u, singular, vt = np.linalg.svd((source - source_mean).T @ (target - target_mean))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u * sign @ vt
    scale = float((singular * sign).sum() / spread)
    return Pose(scale, rotation, target_mean - scale * source_mean @ rotation)

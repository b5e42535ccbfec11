"""What covers a face: hands, microphones, hair. No face of the training set explains them, so the residual is large."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from rbvae.faces.mesh import OUTER_LIPS, face_mesh
from rbvae.faces.shading import regions
from rbvae.faces.texture import canonical_frame

SOFT = 2.0 / 96  # of the frame's size, over which residuals are averaged
COVERED = (3.0, 6.0)  # times the face's median residual between which a texel goes over from skin to something else
ABOVE_LIPS = 4 / 96  # of the frame's size: where the lower face begins


def covered_texels(residual: np.ndarray, size: int) -> np.ndarray:
    """How surely each texel shows something that is not the face, float32 [P] in [0, 1].

    `residual` [P] is the absolute error, in grey levels, of the texture as the basis describes it. 1% of the texels of
    400 faces lie above 3.2 times their face's median.
    """
    frame = canonical_frame(size)

    def blurred(values: np.ndarray) -> np.ndarray:
        square = np.zeros((size, size), np.float32)
        square[frame.mask] = values
        return cv2.GaussianBlur(square, (0, 0), SOFT * size)[frame.mask]

    averaged = blurred(residual) / blurred(np.ones(len(residual), np.float32))
    low, high = COVERED
    t = np.clip((averaged / max(float(np.median(residual)), 0.5) - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def covering(residual: np.ndarray, visible: np.ndarray, size: int) -> float:
    """The mean residual [P] of the lower face over that of the rest, of the texels that are `visible` [P].

    Of 2,105 test faces half lie below .95 and 99% below 1.6; of the 24 above that, something covers 20.
    """
    lower = lower_face(size)
    below, rest = visible & lower, visible & ~lower
    return float(residual[below].mean() / max(residual[rest].mean(), 0.5)) if below.any() and rest.any() else 0.0


@functools.cache
def lower_face(size: int) -> np.ndarray:
    """bool [P]: the texels from just above the lips downwards, without the mouth's inside."""
    frame = canonical_frame(size)
    lips = face_mesh().canonical[OUTER_LIPS[0] + OUTER_LIPS[1], 1] * size
    rows = frame.flat // size
    return (rows > lips.min() - ABOVE_LIPS * size) & (regions(size).mouth < 0.3)

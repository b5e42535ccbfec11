"""Tells infants by the proportions of their faces: they have no teeth yet, and smooth skin, which edits must keep."""

from __future__ import annotations

import numpy as np

from rbvae.faces.easing import ramp
from rbvae.faces.mesh import OUTER_EYE_CORNERS

# Pairs of landmarks, each with its mirror image, whose distances are measured: nostril to the other eye's iris, nostril
# to the cheek below the eye, outer corner of an eye to the other's inner corner, cheek to upper lid, width of the jaw,
# outer corner of an eye to the other's upper lid, side to middle of the chin, height of the lower lip, corner of the
# mouth to the other eye's iris, between the brows.
PAIRS = (
    ((98, 476), (327, 469)),
    ((98, 118), (327, 347)),
    ((33, 362), (133, 263)),
    ((118, 159), (347, 386)),
    ((58, 288), (58, 288)),
    ((33, 386), (159, 263)),
    ((148, 200), (200, 377)),
    ((14, 17), (14, 17)),
    ((61, 476), (291, 469)),
    ((107, 336), (107, 336)),
)
# Of the logarithms of these distances, in distances of the outer corners of the eyes; training/tools/fit_infants.py.
WEIGHTS, THRESHOLD = np.array([-42.2, 17.2, 43.1, 8.6, 24.4, -12.3, -15.7, -2.2, -12.6, -2.0]), 20.8
# The same sum for adults and for infants: its median in UTKFace is 22.8 up to the age of 1, 19.3 at 2 to 4, 15.1 at 5
# to 8, 13.2 at 9 to 15, and 11.9 at 20 to 35.
GROWN, YOUNGEST = 14.0, 22.0


def is_infant(points: np.ndarray) -> bool:
    """Return whether landmarks [478, 3] are those of an infant, by a logistic regression fitted to UTKFace.

    Held out, it finds 75% of the faces up to the age of 1 there, 47% at 2, 23% at 3, 7% at 4, 2% at 5, and none of
    2,852 from 6 on; of 3,000 faces of LFW, two infants and nobody else.
    """
    return bool(proportions(points) @ WEIGHTS > THRESHOLD)


def youth(points: np.ndarray) -> float:
    """Return how much the proportions of landmarks [478, 3] are those of an infant, 1, or of an adult, 0."""
    return float(ramp(proportions(points) @ WEIGHTS, GROWN, YOUNGEST))


def proportions(points: np.ndarray) -> np.ndarray:
    """Return the logarithms of the distances of PAIRS [10], in distances of the outer corners of the eyes."""
    left, right = OUTER_EYE_CORNERS
    unit = np.linalg.norm(points[left] - points[right])
    pairs = np.array(PAIRS)
    lengths = np.linalg.norm(points[pairs[..., 0]] - points[pairs[..., 1]], axis=-1).mean(axis=1)
    return np.log(np.maximum(lengths, 1e-6) / max(float(unit), 1e-6))

"""Parts of the face to which an edit can be limited: smooth weights of changes of shape and texture."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from rbvae.errors import ConfigError, quoted
from rbvae.faces.mesh import BROWS, LIDS, face_mesh
from rbvae.faces.texture import CanonicalFrame, canonical_frame

PARTS = ("mouth", "eyes", "brows")
SOFT = 0.025  # of the canonical frame's side: width of the transition between two parts


@dataclass(frozen=True)
class Limit:
    """The parts of the face that a change may reach, as weights of `points` [468] and `texels` [P].

    `es` float32 [N, D_e], if given, are the e up to which that holds; the way from there to the e that are drawn
    changes the whole face.
    """

    points: np.ndarray
    texels: np.ndarray
    es: np.ndarray | None = None


def part_weights(parts: tuple[str, ...], frame: CanonicalFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the weights of the points [468] and texels [P], 1 inside the named parts; None for the whole face.

    Raises ConfigError if `parts` is empty or has names other than PARTS.
    """
    wrong = [part for part in parts if part not in PARTS]
    if wrong or not parts:
        raise ConfigError(f"parts={quoted(parts)}; give one or more of {', '.join(PARTS)}")
    if set(parts) == set(PARTS):
        return None
    return _weights(tuple(sorted(set(parts))), frame.size)


@functools.cache
def _weights(parts: tuple[str, ...], size: int) -> tuple[np.ndarray, np.ndarray]:
    points = face_mesh().canonical[:, :2]
    frame = canonical_frame(size)
    eyes = points[[point for lids in LIDS for line in lids for point in line], 1]
    brows = points[[point for brow in BROWS for point in brow], 1]
    above = (brows.max() + eyes.min()) / 2  # between brows and eyes
    below = eyes.max() + 0.6 * (eyes.max() - eyes.min())  # between eyes and mouth
    weights = []
    for y in (points[:, 1], (frame.positions(points)[:, 1])):
        lower, middle = _step(y - below), _step(y - above)
        each = {"mouth": lower, "eyes": middle * (1 - lower), "brows": 1 - middle}
        weights.append(sum(each[part] for part in parts))
    return weights[0], weights[1].astype(np.float32)


def _step(distance: np.ndarray) -> np.ndarray:
    """Return a smooth step from 0 to 1 around a distance of 0."""
    return 1 / (1 + np.exp(-distance / (SOFT / 2)))

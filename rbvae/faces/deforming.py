"""The mesh of a face that moves: a still ring around it, and triangles that do not turn over."""

from __future__ import annotations

import functools

import numpy as np

from rbvae.faces.mesh import INNER_LIPS, LIDS, LIP_ROWS, OUTER_LIPS, OVAL, POINTS, SKIN_TRIANGLES, face_mesh
from rbvae.faces.warping import far_to_near, signed_areas

RING = 1.35  # of the oval's size: the photo does not move from this ring outwards
SMOOTHINGS, ROUNDS, SHRINK = 6, 60, 0.8  # rounds that only smooth; in `held_back` all rounds, and factor in the others
THIN = 0.1  # of the median area: smaller triangles may turn over, as slivers at the corners of real mouths do


class RingedMesh:
    """The face's triangles, extended to a fixed ring around its oval."""

    def __init__(self, points: np.ndarray) -> None:
        oval = points[OVAL]
        centre = oval.mean(axis=0)
        self.ring = centre + (oval - centre) * RING
        count = len(OVAL)
        ring = []
        for k in range(count):
            a, b = OVAL[k], OVAL[(k + 1) % count]
            ring += [(a, b, POINTS + k), (b, POINTS + (k + 1) % count, POINTS + k)]
        self.triangles = np.concatenate([face_mesh().triangles, np.array(ring, np.int32)])

    def with_ring(self, points: np.ndarray) -> np.ndarray:
        """Append the ring to points [468, 3]: [468 + 36, 3]."""
        return np.concatenate([points, self.ring])

    def order(self, points: np.ndarray) -> np.ndarray:
        """Return the triangles from far to near: the ring, then mouth and eyes, which lie behind lips and lids."""
        inner = len(face_mesh().triangles)
        face = far_to_near(points, self.triangles[:inner])
        skin = face < SKIN_TRIANGLES
        return np.concatenate([np.arange(inner, len(self.triangles)), face[~skin], face[skin]])


def held_back(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return points [468, 3] after an edit, smoothed where skin would turn over or show its edge.

    Skin that faces away in the photo may turn towards the camera: the corners of a broad smile are folded, and unfold.
    """
    triangles = face_mesh().triangles[:SKIN_TRIANGLES]
    area, moves = signed_areas(before, triangles), together(before, after - before)
    least = THIN * np.median(np.abs(area))
    for count in range(ROUNDS):
        turned = (area < -least) & (signed_areas(before + moves, triangles) > least)
        if not turned.any():
            break
        corners = next_to(triangles[turned])
        moves[corners] = (moves[corners] + neighbours()[corners] @ moves) / 2 * (1 if count < SMOOTHINGS else SHRINK)
    return before + moves


def together(before: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return moves [468, 3] of landmarks that are alike in triangles of cheeks and nose that face away from the camera.

    There, skin covers its own outline; if both moved differently, part of it would show once more beside it.
    """
    triangles = covering_triangles()
    points, corners = np.unique(triangles[signed_areas(before, triangles) > 0], return_inverse=True)
    adjacent = np.eye(len(points))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        first, second = corners.reshape(-1, 3)[:, [a, b]].T
        adjacent[first, second] = adjacent[second, first] = 1
    alike = np.linalg.matrix_power(adjacent / adjacent.sum(axis=1, keepdims=True), SMOOTHINGS)
    moves = moves.copy()
    moves[points] = alike @ moves[points]
    return moves


@functools.cache
def covering_triangles() -> np.ndarray:
    """Return the triangles of skin [T, 3] without those of lips and lids, which fold in themselves."""
    skin = face_mesh().triangles[:SKIN_TRIANGLES]
    own = np.concatenate([*INNER_LIPS, *OUTER_LIPS, *LIP_ROWS[0], *LIP_ROWS[1], *LIDS[0], *LIDS[1]])
    return skin[~np.isin(skin, own).any(axis=1)]


@functools.cache
def edge_triangles() -> np.ndarray:
    """Return the triangles of skin [T, 3] within two triangles of the oval."""
    skin = face_mesh().triangles[:SKIN_TRIANGLES]
    near = np.unique(skin[np.isin(skin, OVAL).any(axis=1)])
    return skin[np.isin(skin, near).any(axis=1)]


def next_to(points: np.ndarray) -> np.ndarray:
    """Return the numbers of the points in the skin that are neighbours of some of `points`, numbers of any shape."""
    marked = np.zeros(POINTS)
    marked[points] = 1
    return np.flatnonzero(neighbours() @ marked)


@functools.cache
def neighbours() -> np.ndarray:
    """Return a matrix [468, 468] whose rows average over the neighbours of a point in the skin."""
    adjacent = np.zeros((POINTS, POINTS))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        triangles = face_mesh().triangles[:SKIN_TRIANGLES]
        adjacent[triangles[:, a], triangles[:, b]] = adjacent[triangles[:, b], triangles[:, a]] = 1
    return adjacent / adjacent.sum(axis=1, keepdims=True).clip(1)

"""The face mesh, the mean face, and the canonical frame, in which every face has the same shape."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

POINTS = 468  # of MediaPipe's 478; the last ten are the irises
DATA = Path(__file__).with_name("mesh.json")

# Rows of points, from left to right in the picture. MediaPipe's triangles leave the area between the two rows of a pair
# open; strips of triangles close it.
INNER_LIPS = (
    [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
    [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308],
)
OUTER_LIPS = (
    [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291],
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291],
)
LIP_ROWS = (  # between the inner and the outer line of the upper lip, and of the lower one
    ([62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292], [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306]),
    ([62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292], [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306]),
)
LIDS = (
    ([33, 246, 161, 160, 159, 158, 157, 173, 133], [33, 7, 163, 144, 145, 153, 154, 155, 133]),
    ([362, 398, 384, 385, 386, 387, 388, 466, 263], [362, 382, 381, 380, 374, 373, 390, 249, 263]),
)
OUTER_EYE_CORNERS = (33, 263)
BROWS = ([70, 63, 105, 66, 107, 55, 65, 52, 53, 46], [300, 293, 334, 296, 336, 285, 295, 282, 283, 276])
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]  # fmt: skip
SKIN_TRIANGLES = 852  # of MediaPipe's tesselation; those of the mouth and the two eyes follow
MOUTH_TRIANGLES = slice(852, 870)
EYE_TRIANGLES = slice(870, 898)


@dataclass(frozen=True)
class Mesh:
    """`triangles` [898, 3] of point numbers, and `mirror` [468], the counterpart of each point on the other side.

    `mean` and `canonical` are faces [468, 3] in head coordinates, both mirror-symmetric about x = 0.5. The canonical
    face is the mean of faces with open mouths, so that the inside of the mouth has an area. Its x and y define the
    canonical frame: the unit square, with a margin of 1/48 around the face.
    """

    triangles: np.ndarray
    mirror: np.ndarray
    mean: np.ndarray
    canonical: np.ndarray


@functools.cache
def face_mesh() -> Mesh:
    """Load the mesh from its data file, which is written by training/tools/make_mesh.py."""
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return Mesh(
        triangles=np.array(data["triangles"], np.int32),
        mirror=np.array(data["mirror"], np.int32),
        mean=np.array(data["mean"], np.float64),
        canonical=np.array(data["canonical"], np.float64),
    )


def strip(upper: list[int], lower: list[int]) -> list[tuple[int, int, int]]:
    """Return the triangles between two rows of points that share their first and last point."""
    triangles = []
    for a, b, c, d in zip(upper, upper[1:], lower, lower[1:], strict=False):
        triangles += [(a, b, c)] if a != c else []
        triangles += [(b, d, c)] if b != d else []
    return triangles


def mirrored(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Mirror the head coordinates [..., 468, 3] of a face about x = 0.5."""
    return points[..., mirror, :] * np.array([-1.0, 1.0, 1.0]) + np.array([1.0, 0.0, 0.0])

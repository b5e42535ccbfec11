"""The shape-free texture: a photo warped through the mesh into the canonical frame."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from rbvae.faces.easing import ramp
from rbvae.faces.mesh import SKIN_TRIANGLES, face_mesh
from rbvae.faces.warping import Grid, affine_maps, evaluate, far_to_near, signed_areas, triangle_numbers

FINEST = 1.3  # photo pixels per texel: above this the photo is averaged over areas first
SQUEEZED = (0.1, 0.25)  # sizes of triangles in a photo, relative to others, below and above which texels are squeezed
GRAZING = 0.15  # cosine between a triangle's normal and the line of sight: below this its texture counts as hidden


@dataclass(frozen=True)
class Texture:
    """The texture of a face: `values` float32 [P, 3], grey levels at the canonical frame's P texels.

    `visible` bool [P] is False for texels outside the photo or on parts of the face that are turned away.
    """

    values: np.ndarray
    visible: np.ndarray


class CanonicalFrame:
    """The square of `size` x `size` texels into which every face is warped.

    P of its texels lie on the face: `mask` bool [S, S] marks them, and `flat` int [P] are their indices in the raveled
    square. Texel k is the mean of the points `vertices[k]` [3], weighted by `weights[k]` [3]. The texels are
    mirror-symmetric: `mirror[k]` is the counterpart of k, and `left` [P / 2] are the texels of the left half.
    """

    def __init__(self, size: int) -> None:
        mesh = face_mesh()
        self.size = size
        triangle, weights = rasterise(mesh.canonical[:, :2] * size, mesh.triangles, size, size)
        half = size // 2
        inside = np.zeros((size, size), bool)
        inside[:, :half] = triangle[:, :half] >= 0
        self.mask = inside | inside[:, ::-1]
        self.flat = np.flatnonzero(self.mask)
        rows, columns = np.divmod(self.flat, size)
        on_left = columns < half
        source = np.where(on_left, columns, size - 1 - columns)
        chosen = triangle[rows, source]
        corners = mesh.triangles[chosen]
        self.vertices = np.where(on_left[:, None], corners, mesh.mirror[corners])
        self.weights = weights[rows, source].astype(np.float32)
        number = np.full(size * size, -1)
        number[self.flat] = np.arange(len(self.flat))
        self.mirror = number[rows * size + size - 1 - columns]
        self.left = np.flatnonzero(on_left)
        # triangles of the left half and their mirror images; their orientation determines visibility
        self.facets, self.facet = np.unique(np.sort(self.vertices, axis=1), axis=0, return_inverse=True)
        self.facet = self.facet.reshape(-1)
        self.facing = np.sign(_normals(mesh.canonical, self.facets)[:, 2])
        self.hollow = chosen >= SKIN_TRIANGLES  # inside of mouth and eyes: flat when closed, so always visible
        outside = np.where(self.mask, 0, 1).astype(np.uint8)
        _, nearest = cv2.distanceTransformWithLabels(
            outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, labelType=cv2.DIST_LABEL_PIXEL
        )
        texel_of_label = np.zeros(nearest.max() + 1, np.int64)
        texel_of_label[nearest[self.mask]] = np.arange(len(self.flat))
        self.nearest = texel_of_label[nearest]  # [S, S]: the texel nearest to each position in the square

    def positions(self, points: np.ndarray) -> np.ndarray:
        """Interpolate points [468 or more, D] at the texels: [P, D]."""
        a, b, c = self.vertices.T
        u, v, w = self.weights.T[..., None]
        return u * points[a] + v * points[b] + w * points[c]

    def sample(self, photo: np.ndarray, points: np.ndarray) -> Texture:
        """Sample the texture of a photo uint8 [H, W, 3] with landmarks [468 or more, 3] in its pixels.

        If the photo is finer than the frame, it is averaged over areas first.
        """
        height, width = photo.shape[:2]
        where = self.positions(points[:, :2]).astype(np.float32)
        visible = self._visible(where, points, width, height)
        low = np.floor(points[: len(face_mesh().canonical), :2].min(axis=0)).astype(int) - 8
        high = np.ceil(points[: len(face_mesh().canonical), :2].max(axis=0)).astype(int) + 9
        left, top = np.maximum(np.minimum(low, np.array([width - 1, height - 1])), 0)
        right, bottom = np.maximum(np.minimum(high, np.array([width, height])), np.array([left + 1, top + 1]))
        region = photo[top:bottom, left:right]
        where = where - np.array([left, top], np.float32)
        scale = self.density(points)
        if scale > FINEST:
            extent = max(1, round(region.shape[1] / scale)), max(1, round(region.shape[0] / scale))
            where *= np.array([extent[0] / region.shape[1], extent[1] / region.shape[0]], np.float32)
            region = cv2.resize(region, extent, interpolation=cv2.INTER_AREA)
        at = (where - np.float32(0.5)).reshape(-1, 1, 2)  # OpenCV measures from pixel centres
        values = cv2.remap(region.astype(np.float32), at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return Texture(values[:, 0], visible)

    def drawn(self, values: np.ndarray, points: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Draw values [P, C] over a face with points [468, 3] in a grid, float32 [rows, columns, C]; `sample` reversed.

        The second is where the face is, bool [rows, columns]; values elsewhere are undefined.
        """
        triangles = face_mesh().triangles
        numbers = triangle_numbers(points[:, :2], triangles, far_to_near(points, triangles), grid)
        canonical = face_mesh().canonical[:, :2] * self.size
        at = evaluate(affine_maps(canonical, points[:, :2], triangles), numbers, grid) - np.float32(0.5)
        return cv2.remap(self.image(values.astype(np.float32)), at, None, cv2.INTER_LINEAR), numbers >= 0

    def visible(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return which texels are visible in a photo of `width` x `height` pixels with these landmarks, bool [P]."""
        return self._visible(self.positions(points[:, :2]), points, width, height)

    def density(self, points: np.ndarray) -> float:
        """Return the number of photo pixels per texel (as lengths), on average over the face."""
        canonical = face_mesh().canonical[:, :2] * self.size
        flat = points[: len(canonical), :2]
        return float(np.sqrt(flat.var(axis=0).sum() / canonical.var(axis=0).sum()))

    def squeezed(self, points: np.ndarray) -> np.ndarray:
        """Return how squeezed texels are in a photo with these landmarks [468 or more, 3], float32 [P] in [0, 1].

        Many of them show the same pixels there, as at the corners of a broad smile, so they tell little about the face.
        """
        canonical = face_mesh().canonical * self.size
        areas = [np.abs(signed_areas(corners, self.facets)) for corners in (points, canonical)]
        sizes = areas[0] / np.maximum(areas[1], 1e-9) / self.density(points) ** 2
        share = (1 - ramp(sizes[self.facet], *SQUEEZED)) * ~self.hollow
        blurred = cv2.GaussianBlur(self.image(share.astype(np.float32)[:, None]), (0, 0), 0.7)
        return self.values(blurred.reshape(self.size, self.size, 1))[:, 0]

    def image(self, values: np.ndarray) -> np.ndarray:
        """Convert values [P, C] to the square [S, S, C]; texels off the face take the nearest value."""
        return values[self.nearest]

    def values(self, square: np.ndarray) -> np.ndarray:
        """Convert the square [S, S, C] to values [P, C]; the inverse of `image`."""
        return square.reshape(self.size * self.size, -1)[self.flat]

    def halves(self, values: np.ndarray) -> np.ndarray:
        """Split values [..., P, C] into [..., 2, P / 2, C]: the texels of the left half, then their mirror images."""
        return np.stack([values[..., self.left, :], values[..., self.mirror[self.left], :]], axis=-3)

    def joined(self, halves: np.ndarray) -> np.ndarray:
        """Join halves [..., 2, P / 2, C] to values [..., P, C]; the inverse of `halves`."""
        values = np.empty((*halves.shape[:-3], len(self.flat), halves.shape[-1]), halves.dtype)
        values[..., self.left, :] = halves[..., 0, :, :]
        values[..., self.mirror[self.left], :] = halves[..., 1, :, :]
        return values

    def _visible(self, where: np.ndarray, points: np.ndarray, width: int, height: int) -> np.ndarray:
        x, y = where.T
        within = (x >= 0) & (y >= 0) & (x <= width) & (y <= height)
        return within & (self._towards(points) | self.hollow)

    def _towards(self, points: np.ndarray) -> np.ndarray:
        """Return whether each texel's facet faces the camera, bool [P]."""
        normals = _normals(points.astype(np.float32), self.facets)
        cosine = self.facing * normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-9)
        return (cosine > GRAZING)[self.facet]


@functools.cache
def canonical_frame(size: int) -> CanonicalFrame:
    """Return the frame of one size; cached."""
    return CanonicalFrame(size)


def rasterise(points: np.ndarray, triangles: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the triangle of points [N, 2] that contains each pixel centre of a `height` x `width` grid.

    Returns the number of the last such triangle (-1 for none), int32 [height, width], and the weights of its corners,
    float64 [height, width, 3].
    """
    number = np.full((height, width), -1, np.int32)
    weights = np.zeros((height, width, 3))
    for index, (a, b, c) in enumerate(points[triangles]):
        low = np.maximum(np.floor(np.minimum(np.minimum(a, b), c)).astype(int), 0)
        high = np.minimum(np.ceil(np.maximum(np.maximum(a, b), c)).astype(int) + 1, [width, height])
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if not x.size or abs(area) < 1e-12:
            continue
        u = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        v = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        inside = (u >= 0) & (v >= 0) & (u + v <= 1)
        number[low[1] : high[1], low[0] : high[0]][inside] = index
        weights[low[1] : high[1], low[0] : high[0]][inside] = np.stack([1 - u - v, u, v], axis=-1)[inside]
    return number, weights


def _normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the normals [T, 3] of triangles, not of unit length."""
    a, b, c = points[triangles[:, 0]], points[triangles[:, 1]], points[triangles[:, 2]]
    return np.cross(b - a, c - a)

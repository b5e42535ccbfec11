"""The part of a model of codes that a browser needs to draw edits: what a change of e does to texture and shape.

The map from e to a picture has only as many dimensions as e. So the page gets IMAGES images of change instead of the
basis: singular vectors of the map of an e with covariance I, which is that of the faces a model is trained on. Skin
changes in lightness only, so that colours are stored for lips and mouth alone.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rbvae.editing.face_model import FaceModel
from rbvae.editing.packing import differences, pack
from rbvae.editing.page_constants import page_constants
from rbvae.faces.glasses import around_eyes, held
from rbvae.faces.mesh import BROWS, INNER_LIPS, LIDS, LIP_ROWS, OUTER_LIPS, OVAL, SKIN_TRIANGLES, face_mesh
from rbvae.faces.rendering import fade_out
from rbvae.faces.shading import LUMA

IMAGES, SHAPES = 64, 64  # images of change, and changes of shape
TEXTURE_STEP = 0.2  # grey levels by which stored images differ at least, for a change of e by one sigma
SHAPE_STEP = 3e-5  # of the frame's side, the same of shapes
COLOURED = 0.004  # weight of lips and mouth above which the colours of a texel are stored
BYTE = 255.0


@dataclass(frozen=True)
class PageModel:
    """Changes of texture and shape, as whole numbers of steps.

    `images` [IMAGES, P + 2 C] are changes of lightness at P texels, and of red and blue less lightness at the C texels
    `coloured`; `shapes` [SHAPES, 468 * 3] are in head coordinates.
    """

    faces: FaceModel
    images: np.ndarray
    shapes: np.ndarray
    coloured: np.ndarray

    @classmethod
    def of(cls, faces: FaceModel) -> PageModel:
        """Create the page's model of a model of codes."""
        coloured = np.flatnonzero(weights(faces)[0] > COLOURED)
        by_e = linear_part(faces)
        texture, shape = textures(faces, by_e, coloured), shapes(faces, by_e)
        images = np.rint(components(texture, IMAGES) / TEXTURE_STEP).astype(np.int32)
        return cls(faces, images, np.rint(components(shape, SHAPES) / SHAPE_STEP).astype(np.int32), coloured)

    def coefficients(self, by_e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how images [IMAGES, D_e] and shapes [SHAPES, D_e] add up to a change of codes `by_e` [D_e, K]."""
        by_texture, by_shape = self.by_code
        return by_texture @ by_e.T, by_shape @ by_e.T

    @functools.cached_property
    def by_code(self) -> tuple[np.ndarray, np.ndarray]:
        """How images [IMAGES, K] and shapes [SHAPES, K] add up to a change of one in each number of a code.

        The page's model is linear, so this fit, which takes a second, serves all faces.
        """
        codes = np.eye(self.faces.model.config.dim_code, dtype=np.float32)
        texture, shape = textures(self.faces, codes, self.coloured), shapes(self.faces, codes)
        return fitted(TEXTURE_STEP * self.images, texture), fitted(SHAPE_STEP * self.shapes, shape)

    def packed(self, more: Mapping[str, Any]) -> bytes:
        """Return the file that the page loads; `more` is added to its header."""
        size, mesh = self.faces.frame.size, face_mesh()
        coloured, plain = weights(self.faces)
        about = {
            **more,
            "side": size,
            "textureStep": TEXTURE_STEP,
            "shapeStep": SHAPE_STEP,
            "skinTriangles": SKIN_TRIANGLES,
            "constants": page_constants(self.faces.shading.gains),
            "lines": {
                "innerLips": INNER_LIPS,
                "outerLips": OUTER_LIPS,
                "lipRows": LIP_ROWS,
                "lids": LIDS,
                "oval": OVAL,
                "brows": BROWS,
            },
        }
        return pack(
            about,
            {
                "images": differences(self.images),
                "shapes": differences(self.shapes),
                "texels": self.faces.frame.flat.astype(np.int32),
                "coloured": self.coloured.astype(np.int32),
                "colouredWeight": bytes_of(coloured),
                "plainWeight": bytes_of(plain),
                "fade": bytes_of(self.faces.frame.values(fade_out(size)[..., None])[:, 0]),
                "skin": bytes_of(self.faces.shading.regions.skin),
                "cheeks": bytes_of(self.faces.shading.regions.cheeks),
                "folds": self.faces.shading.regions.folds.astype(np.float32),
                "meanLuma": np.rint(self.faces.shading.mean_luma.clip(0, 255)).astype(np.uint8),
                "triangles": mesh.triangles.astype(np.uint16),
                "belowGlasses": held().astype(np.float32),
                "aroundEyes": around_eyes(),
                "canonical": mesh.canonical.astype(np.float32),
                "mean": mesh.mean.astype(np.float32),
            },
        )


def bytes_of(share: np.ndarray) -> np.ndarray:
    """Return shares in [0, 1] as whole numbers in 0..255."""
    return np.rint(BYTE * np.clip(share, 0, 1)).astype(np.uint8)


def weights(faces: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights [P] of coloured changes (lips and mouth) and of changes of lightness, see Shading.apply."""
    region, gains = faces.shading.regions, faces.shading.gains
    coloured = gains.lips * region.lips + gains.mouth * region.mouth
    return coloured, region.skin + gains.eyes * region.eyes + gains.brows * region.brows


def linear_part(faces: FaceModel) -> np.ndarray:
    """Return the change of the code per change of e at e_ref and z = 0: [D_e, K]."""
    return jacobian(faces, np.zeros(faces.model.config.dim_z, np.float32), faces.model.e_ref.cpu().numpy())


@torch.inference_mode()
def jacobian(faces: FaceModel, z: np.ndarray, e: np.ndarray, step: float = 0.5) -> np.ndarray:
    """Return the mean change of the code per change of e by `step` in both directions, [D_e, K], at z and e."""
    around = torch.from_numpy(e)[None] + step * torch.cat([torch.eye(len(e)), -torch.eye(len(e))])
    codes = faces.model.decode(torch.from_numpy(z).expand(len(around), -1), around)
    up, down = codes.chunk(2)
    return ((up - down) / (2 * step)).numpy()


@torch.inference_mode()
def textures(faces: FaceModel, codes: np.ndarray, coloured: np.ndarray) -> np.ndarray:
    """Convert changes of codes [N, K] to changes of texture without broad lighting: [N, P + 2 C], as in PageModel."""
    change = faces.frame.joined(faces.basis.texture_change(torch.from_numpy(codes)).numpy())
    flat, light = change.reshape(len(change), -1), faces.shading.light
    change = (flat - (flat @ light) @ light.T).reshape(change.shape)
    luma = change @ LUMA
    colour = change[:, coloured] - luma[:, coloured, None]
    return np.concatenate([luma, colour[..., 0], colour[..., 2]], axis=1)


@torch.inference_mode()
def shapes(faces: FaceModel, codes: np.ndarray) -> np.ndarray:
    """Convert changes of codes [N, K] to changes of shape [N, 468 * 3] in head coordinates."""
    return faces.basis.shape_change(torch.from_numpy(codes)).flatten(1).numpy()


def components(changes: np.ndarray, count: int) -> np.ndarray:
    """Return the main directions [count or fewer, N] of changes [D_e, N], as long as an e of variance 1 makes them."""
    _, lengths, rows = np.linalg.svd(changes.astype(np.float64), full_matrices=False)
    return (lengths[:, None] * rows)[:count]


def fitted(rows: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return the coefficients [K, D_e] with which rows [K, N] add up best to each of the changes [D_e, N]."""
    return np.linalg.lstsq(rows.T.astype(np.float64), changes.T.astype(np.float64), rcond=None)[0].astype(np.float32)

"""The results of editors: directions in e-space, inferences, and edits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from rbvae.editing.face_model import ObservedFace, square_of
from rbvae.faces.alignment import Alignment
from rbvae.faces.mesh import POINTS
from rbvae.faces.pasting import paste_back, patch
from rbvae.faces.rendering import Change, draw
from rbvae.faces.turning import Turn, draw_turned, turn_warnings

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Direction:
    """A direction in e-space: its unit `vector` [D_e], and `sigma`, the data's standard deviation along it.

    `low` and `high` are the data's 1st and 99th percentiles, in sigmas from the mean. `moves` is the mean change of a
    picture from -2 to +2 sigma, in grey levels. `correlation` is that with the factor the direction is named after.
    """

    name: str
    vector: np.ndarray
    sigma: float
    low: float
    high: float
    moves: float
    correlation: float

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Direction:
        """Create a direction from an entry of a checkpoint's `directions`."""
        return cls(**{**fields, "vector": np.asarray(fields["vector"], dtype=np.float32)})


@dataclass(frozen=True)
class Inference:
    """The latents of a picture: z [D_z] and e [D_e] (posterior means), the encoded crop, and how to draw G(z, e)."""

    z: np.ndarray
    e: np.ndarray
    crop: Image.Image
    reconstruct: Callable[[], Image.Image] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @functools.cached_property
    def reconstruction(self) -> Image.Image:
        """G(z, e) as a picture, drawn on first use."""
        return self.reconstruct()


@dataclass(frozen=True)
class Portrait(Inference):
    """An inferred face in its photo: `source` uint8 [H, W, 3], and `box` (left, top, right, bottom) in its pixels.

    `observed` is the face as encoded by a model of shape and texture; `alignment` places the crop of a model of images.
    """

    box: Box = (0.0, 0.0, 0.0, 0.0)
    source: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 3), np.uint8), repr=False)
    alignment: Alignment | None = field(default=None, repr=False)
    observed: ObservedFace | None = field(default=None, repr=False)


class Edit:
    """A picture with another e [D_e]: `crop` is the face alone, `photo` the whole picture at its own size."""

    e: np.ndarray
    inference: Inference

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the edit may be unreliable; these are the photo's warnings, and those of a turn of the head."""
        return self.inference.warnings

    @property
    def crop(self) -> Image.Image:
        """The edited face, cropped like `inference.crop`."""
        raise NotImplementedError

    @property
    def photo(self) -> Image.Image:
        """The edit in the original photo."""
        raise NotImplementedError

    @property
    def replaced(self) -> Image.Image:
        """The generated face pasted over the photo, for models of images; the same as `photo` for others."""
        return self.photo

    def patch(self, keep_detail: bool = True) -> tuple[tuple[int, int, int, int], Image.Image]:
        """Return the part of `photo` (or of `replaced`) that changes: its box (left, top, right, bottom) and pixels."""
        raise NotImplementedError


@dataclass(frozen=True)
class CropEdit(Edit):
    """An edit by a model of images: G(z, e) at the model's size, and pasted into the photo if there is one."""

    e: np.ndarray
    inference: Inference = field(repr=False)
    drawn: Image.Image = field(repr=False)

    @property
    def crop(self) -> Image.Image:
        return self.drawn

    @functools.cached_property
    def photo(self) -> Image.Image:
        """The original photo with the generated change added, so that it keeps its own detail."""
        return self._pasted(keep_detail=True)

    @functools.cached_property
    def replaced(self) -> Image.Image:
        """The original photo with the generated face pasted over it, its colours matched."""
        return self._pasted(keep_detail=False)

    def patch(self, keep_detail: bool = True) -> tuple[tuple[int, int, int, int], Image.Image]:
        """As in Edit; the whole crop if there is no photo."""
        source, options = self._pasting(keep_detail)
        if source is None:
            return (0, 0, *self.crop.size), self.crop
        box, region = patch(source, **options)
        return box, Image.fromarray(region)

    def _pasted(self, keep_detail: bool) -> Image.Image:
        source, options = self._pasting(keep_detail)
        return self.crop if source is None else Image.fromarray(paste_back(source, **options))

    def _pasting(self, keep_detail: bool) -> tuple[np.ndarray | None, dict[str, Any]]:
        portrait = self.inference
        if not isinstance(portrait, Portrait) or portrait.alignment is None:
            return None, {}
        before = np.asarray(portrait.reconstruction) if keep_detail else None
        options = {"alignment": portrait.alignment, "original": before, "match_colour": not keep_detail}
        return portrait.source, {"edited": np.asarray(self.crop), **options}


@dataclass(frozen=True)
class MeshEdit(Edit):
    """An edit by a model of shape and texture: it moves the photo's own pixels and adds a change of texture."""

    e: np.ndarray
    inference: Portrait = field(repr=False)
    change: Change = field(repr=False)
    turn: Turn | None = field(default=None, repr=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """As in Edit."""
        face = self.inference.observed
        if self.turn is None or face is None:
            return self.inference.warnings
        return self.inference.warnings + turn_warnings(face.view.points, face.pose, self.turn, self.inference.source)

    @functools.cached_property
    def region(self) -> tuple[tuple[int, int, int, int], np.ndarray]:
        """The box of the photo that changes and its pixels uint8 [h, w, 3]; empty if nothing changes."""
        face = self.inference.observed
        assert face is not None
        box, pixels = draw(face.view, self.change, face.frame)
        if self.turn is None:
            return box, pixels
        return draw_turned(
            placed(self.inference.source, box, pixels), face.view.points[:POINTS] + self.change.moves, self.turn
        )

    @functools.cached_property
    def photo(self) -> Image.Image:
        """The edit in the original photo, at its own size."""
        return Image.fromarray(self._drawn())

    @functools.cached_property
    def crop(self) -> Image.Image:
        """The edited square of `inference.crop`."""
        assert self.inference.observed is not None
        return square_of(self._drawn(), self.inference.observed.box)

    def patch(self, keep_detail: bool = True) -> tuple[tuple[int, int, int, int], Image.Image]:
        """As in Edit."""
        (left, top, right, bottom), pixels = self.region
        if left == right:
            return (0, 0, 1, 1), Image.fromarray(self.inference.source[:1, :1])
        return (left, top, right, bottom), Image.fromarray(pixels)

    def _drawn(self) -> np.ndarray:
        return placed(self.inference.source, *self.region)


def together(source: np.ndarray, edits: Sequence[Edit]) -> np.ndarray:
    """Draw edits of faces of one photo, `source` uint8 [H, W, 3]; where two change a pixel, the last one wins."""
    pixels = source.copy()
    for edit in edits:
        (left, top, right, bottom), picture = edit.patch()
        patch = np.asarray(picture)
        changed = (patch != source[top:bottom, left:right]).any(axis=2)
        pixels[top:bottom, left:right][changed] = patch[changed]
    return pixels


def placed(photo: np.ndarray, box: tuple[int, int, int, int], pixels: np.ndarray) -> np.ndarray:
    """Return a copy of a photo uint8 [H, W, 3] with other pixels [h, w, 3] in its box (left, top, right, bottom)."""
    left, top, right, bottom = box
    photo = photo.copy()
    photo[top:bottom, left:right] = pixels
    return photo

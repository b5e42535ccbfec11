"""What editors give back: directions of e-space, inferred pictures, and their edits."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from rbvae.alignment import Alignment
from rbvae.pasting import Box, paste_back, patch


@dataclass(frozen=True)
class Direction:
    """A direction of e-space: unit `vector` [D_e], the data's `sigma` along it, and what it goes with.

    `low` and `high` are the data's 1st and 99th percentile in sigmas about its mean; `moves` is the mean change of a
    picture in grey levels from -2 to +2 sigma; `correlation` is that with the factor it is named after.
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
        """One entry of a checkpoint's `directions`."""
        return cls(**{**fields, "vector": np.asarray(fields["vector"], dtype=np.float32)})


@dataclass(frozen=True)
class Inference:
    """What a model makes of a picture: z [D_z] and e [D_e] (posterior means), the crop it saw, and G(z, e)."""

    z: np.ndarray
    e: np.ndarray
    crop: Image.Image
    reconstruction: Image.Image
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Portrait(Inference):
    """An inferred face with the way back to its photo: uint8 [H, W, 3], and its box (left, top, right, bottom)."""

    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    source: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 3), np.uint8), repr=False)
    alignment: Alignment | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Edit:
    """G(z, e) for a chosen e: `crop` at the model's size, and for a portrait `photo` at the original's."""

    e: np.ndarray
    crop: Image.Image
    inference: Inference = field(repr=False)

    @functools.cached_property
    def photo(self) -> Image.Image:
        """The edit in the original photo: the generated change is added to the photo, so it keeps its own detail."""
        return self._pasted(keep_detail=True)

    @functools.cached_property
    def replaced(self) -> Image.Image:
        """The generated face laid over the original photo instead, colours matched."""
        return self._pasted(keep_detail=False)

    def patch(self, keep_detail: bool = True) -> tuple[Box, Image.Image]:
        """Only the part of `photo` (or of `replaced`) that changes: where it lies (left, top, right, bottom), and it.

        For a picture without a photo that is the whole crop.
        """
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

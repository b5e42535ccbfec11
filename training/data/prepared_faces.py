"""Loads the faces of a prepared dataset as arrays, for models that observe shape and texture."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rbvae.errors import DatasetError
from rbvae.faces.texture import CanonicalFrame, canonical_frame
from training.data.folders import PreparedFolder

NUMBERS = ("yaw", "pitch", "roll", "energy", "outside", "width", "height", "reference")
TEXTS = ("source", "label", "identity", "sex", "ethnicity", "age")
COLUMNS = ["texture", "points", "blendshapes", *NUMBERS, *TEXTS]
POINTS = 478


@dataclass(frozen=True)
class PreparedFaces:
    """N faces in dataset order, with textures of P texels in the order of `canonical_frame(size)`.

    `textures` uint8 [N, P, 3]; `visible_bits` uint8 [N, ceil(P / 8)], unpacked by `visible`; `points` float32
    [N, 478, 3] in photo pixels; `blendshapes` float32 [N, 52]; `yaw`, `pitch`, `roll` in degrees, `energy` and
    `outside` (as a share of the face's height) float32 [N]; `width` and `height` of the photo in pixels int32 [N];
    `reference` bool [N]. `source`, `label` and `identity` are lists of N strings; `sex`, `ethnicity` and `age` in
    years are lists with None where unknown.
    """

    size: int
    textures: np.ndarray
    visible_bits: np.ndarray
    points: np.ndarray
    blendshapes: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    energy: np.ndarray
    outside: np.ndarray
    width: np.ndarray
    height: np.ndarray
    reference: np.ndarray
    source: list[str]
    label: list[str]
    identity: list[str]
    sex: list[str | None]
    ethnicity: list[str | None]
    age: list[int | None]

    def __len__(self) -> int:
        return len(self.textures)

    def __getitem__(self, rows: np.ndarray) -> PreparedFaces:
        """Returns the faces of the given rows, int64 [n]."""
        columns: dict[str, Any] = {}
        for name in (field.name for field in fields(self) if field.name != "size"):
            column = getattr(self, name)
            columns[name] = column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]
        return PreparedFaces(size=self.size, **columns)

    def visible(self, rows: Any = slice(None)) -> np.ndarray:
        """Returns which texels are visible in the photos of the given rows, bool [n, P]."""
        return np.unpackbits(self.visible_bits[rows], axis=-1, count=self.textures.shape[1]).astype(bool)


def load_prepared(folder: str | Path | None, split: str, limit: int | None = None) -> PreparedFaces:
    """Loads the first `limit` faces, or all, of "train" or "test" from a folder or an hf:// address.

    Row groups are read one at a time, so memory use is about the size of the result. Raises DatasetError if the folder
    is not a dataset, was prepared by an older version, has no such faces or is damaged.
    """
    prepared = PreparedFolder(folder)
    groups = prepared.groups(split)
    total = sum(group.rows for group in groups)
    total = total if limit is None else min(limit, total)
    if not total:
        raise DatasetError(f"{folder} has no {split} faces; prepare more photos")
    prepared.require("texture", split)
    frame = canonical_frame(prepared.size)
    arrays = _allocated(total, len(frame.flat))
    lists: dict[str, list[Any]] = {name: [] for name in TEXTS}
    filled = 0
    for group in groups:
        if filled == total:
            break
        table = prepared.read(group, COLUMNS).slice(0, total - filled).combine_chunks()
        part = slice(filled, filled + len(table))
        _fill({name: array[part] for name, array in arrays.items()}, table, frame, prepared)
        for name, values in lists.items():
            values.extend(table[name].to_pylist())
        filled = part.stop
    columns: dict[str, Any] = arrays | lists
    return PreparedFaces(size=prepared.size, **columns)


def _allocated(rows: int, texels: int) -> dict[str, np.ndarray]:
    dtypes: dict[str, type] = {"width": np.int32, "height": np.int32, "reference": np.bool_}
    arrays: dict[str, np.ndarray] = {
        "textures": np.empty((rows, texels, 3), np.uint8),
        "visible_bits": np.empty((rows, -(-texels // 8)), np.uint8),
        "points": np.empty((rows, POINTS, 3), np.float32),
        "blendshapes": np.empty((rows, 52), np.float32),
    }
    return arrays | {name: np.empty(rows, dtypes.get(name, np.float32)) for name in NUMBERS}


def _fill(arrays: dict[str, np.ndarray], table: pa.Table, frame: CanonicalFrame, prepared: PreparedFolder) -> None:
    """Copies one row group into `arrays`, in place."""
    for name in NUMBERS:
        arrays[name][:] = table[name].to_numpy()
    for name in ("points", "blendshapes"):
        arrays[name][:] = table[name].chunk(0).flatten().to_numpy().reshape(arrays[name].shape)
    squares = np.empty((len(table), frame.size, frame.size, 3), np.uint8)
    prepared.decode(table, squares, "texture")
    arrays["textures"][:] = squares.reshape(len(table), -1, 3)[:, frame.flat]
    for row, (width, height) in enumerate(zip(arrays["width"].tolist(), arrays["height"].tolist(), strict=True)):
        arrays["visible_bits"][row] = np.packbits(frame.visible(arrays["points"][row], width, height))

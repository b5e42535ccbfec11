"""Writes a prepared dataset: Parquet shards of faces, in a folder that is put in place only when complete."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FORMAT = "rbvae-faces"
ROWS = 2000  # per row group
SHARD_BYTES = 250_000_000
PICTURES = ("image", "texture")

SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("source", pa.string()),
        ("label", pa.string()),
        ("blendshapes", pa.list_(pa.float32(), 52)),
        ("energy", pa.float32()),
        ("yaw", pa.float32()),
        ("pitch", pa.float32()),
        ("roll", pa.float32()),
        ("face_size", pa.float32()),
        ("faces", pa.int32()),
        ("identity", pa.string()),
        ("split", pa.string()),
        ("reference", pa.bool_()),
        ("texture", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("points", pa.list_(pa.float32(), 478 * 3)),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("outside", pa.float32()),
        ("age", pa.int32()),
        ("sex", pa.string()),
        ("ethnicity", pa.string()),
    ]
)
FLOATS = ("points.list.element", "blendshapes.list.element")  # columns with byte-stream-split encoding
PACKING: dict[str, Any] = {
    "compression": "zstd",
    "write_page_checksum": True,  # detects damage even where the page still decodes
    "use_dictionary": ["label", "identity", "split", "sex", "ethnicity"],
    "column_encoding": dict.fromkeys(FLOATS, "BYTE_STREAM_SPLIT"),
}


def encode(pixels: np.ndarray) -> bytes:
    """Encodes an image uint8 [S, S, 3] as lossy WebP.

    On 400 LFW crops at 96 px: 2.4 kB and 40 dB. JPEG needs 3.0 kB for the same quality; AVIF saves a tenth but takes
    ten times as long. Crops up to 80 px use a higher quality.
    """
    return _webp(pixels, quality=90 if len(pixels) > 80 else 96)


def encode_texture(pixels: np.ndarray) -> bytes:
    """Encodes a texture uint8 [S, S, 3] as lossless WebP, 8.4 kB at 96 px.

    Lossy WebP at quality 98 takes 3.6 kB but has a mean error of 1.1 grey levels, no better at 100, because it
    subsamples colours.
    """
    return _webp(pixels, quality=0, lossless=True)


def _webp(pixels: np.ndarray, **options: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", method=0, **options)  # method 6 saves a tenth and takes 4 ms more
    return stream.getvalue()


class Shards:
    """Writes Parquet files, one series per split, and numbers them on exit, when their count is known."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
        self._written = {"train": 0, "test": 0}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._files: dict[str, IO[bytes]] = {}
        self._paths: dict[str, list[Path]] = {"train": [], "test": []}
        self.are_written = False  # whether any row has left the queue
        self._schema = SCHEMA.with_metadata({"huggingface": json.dumps({"info": {"features": _features()}})})

    def __enter__(self) -> Shards:
        return self

    def add(self, row: dict[str, Any]) -> None:
        """Queues a row for its split; full row groups are written immediately."""
        self._rows[row["split"]].append(row)
        if len(self._rows[row["split"]]) >= ROWS:
            self._flush(row["split"])

    def move(self, sides: Mapping[str, str]) -> None:
        """Moves the queued rows of people to the side given for each."""
        rows = [row for queued in self._rows.values() for row in queued]
        for row in rows:
            row["split"] = sides.get(row["identity"], row["split"])
        self._rows = {split: [row for row in rows if row["split"] == split] for split in self._rows}

    def __exit__(self, failure: object, *_: object) -> None:
        for split in self._rows:
            if failure is None:
                self._flush(split)
        for split in list(self._writers):
            self._close(split)
        for split, paths in self._paths.items():
            for number, path in enumerate(paths):
                path.rename(self._folder / f"{split}-{number:05d}-of-{len(paths):05d}.parquet")

    def _close(self, split: str) -> None:
        self._writers.pop(split).close()
        self._files.pop(split).close()

    def _flush(self, split: str) -> None:
        rows, self._rows[split] = self._rows[split], []
        if not rows:
            return
        self.are_written = True
        if split not in self._writers:
            self._paths[split].append(self._folder / f"{split}-{len(self._paths[split])}.unnumbered")
            self._files[split] = self._paths[split][-1].open("wb")  # Arrow opens only paths that are valid text
            self._writers[split] = pq.ParquetWriter(self._files[split], self._schema, **PACKING)
            self._written[split] = 0
        self._writers[split].write_table(pa.Table.from_pylist(rows, schema=self._schema), row_group_size=ROWS)
        self._written[split] += sum(len(row[name]["bytes"]) for row in rows for name in PICTURES if name in row)
        if self._written[split] > SHARD_BYTES:
            self._close(split)


def mark_references(folder: Path, sources: Set[str]) -> None:
    """Rewrites every shard of a folder with `reference` true for the rows of the given sources only."""
    place = SCHEMA.get_field_index("reference")
    for path in sorted(folder.glob("*.parquet")):
        made = path.with_suffix(".marked")
        with (
            path.open("rb") as read,
            made.open("wb") as written,
            pq.ParquetFile(read) as shard,
            pq.ParquetWriter(written, shard.schema_arrow, **PACKING) as writer,
        ):
            for index in range(shard.num_row_groups):
                rows = shard.read_row_group(index)
                marks = pa.array([source in sources for source in rows["source"].to_pylist()])
                writer.write_table(rows.set_column(place, SCHEMA.field(place), marks), row_group_size=len(rows))
        made.replace(path)


def may_replace(folder: Path) -> bool:
    """Returns whether a folder is empty or holds an earlier dataset."""
    if not folder.is_dir():
        return False
    try:
        return json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        return not any(folder.iterdir())


@contextlib.contextmanager
def in_one_piece(target: Path) -> Iterator[Path]:
    """Yields a new folder that replaces `target` if the block succeeds and is deleted if it fails."""
    target = target.resolve()
    made = target.with_name(f".{target.name}.{os.getpid()}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    try:
        yield made
        _put_in_place(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put_in_place(made: Path, target: Path) -> None:
    """Renames the finished folder to its final name and then deletes an earlier result."""
    earlier = made.with_suffix(".earlier")
    if target.exists():
        target.rename(earlier)
    made.rename(target)
    shutil.rmtree(earlier, ignore_errors=True)


def _features() -> dict[str, Any]:
    """Describes the columns in the format of the `datasets` library, so that the Hub shows the pictures."""
    names = {"string": "string", "float": "float32", "int32": "int32", "bool": "bool"}
    features: dict[str, Any] = {
        field.name: {"dtype": names[str(field.type)], "_type": "Value"} for field in SCHEMA if str(field.type) in names
    }
    features |= {name: {"_type": "Image"} for name in PICTURES}
    for name in ("blendshapes", "points"):
        length = SCHEMA.field(name).type.list_size
        features[name] = {"feature": {"dtype": "float32", "_type": "Value"}, "length": length, "_type": "Sequence"}
    return {field.name: features[field.name] for field in SCHEMA}

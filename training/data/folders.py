"""Reads the shards of a prepared dataset, in a local folder or on the Hub."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rbvae.errors import DatasetError
from rbvae.hub import hub_advice

HUB = "hf://"
ADDRESS = re.compile(r"hf://datasets/(?P<name>[^/@]+/[^/@]+)(?:@(?P<at>[^/]+))?(?P<inside>/[^@]*)?(?:@(?P<end>.+))?")


@dataclass(frozen=True)
class RowGroup:
    """A part of a shard that is read at once, about 2000 rows; `references` says whether any of them is a reference."""

    shard: str
    index: int
    rows: int
    references: bool


class PreparedFolder:
    """A dataset written by prepare_faces, in a local folder or at hf://datasets/USER/NAME[/FOLDER][@REVISION].

    A Hub revision is resolved to a commit once, so later pushes have no effect. Only the footers and the requested
    columns of the requested row groups are read. Raises DatasetError if the folder is not a dataset, and on reading
    if a shard is damaged or cannot be reached.
    """

    def __init__(self, folder: str | Path | None) -> None:
        if folder is None:
            raise DatasetError("Faces need --data DIR, a folder written by training/prepare_faces.py.")
        self.name = str(folder)
        self._footers: dict[str, pq.FileMetaData] = {}
        try:
            self._files, self._root = fsspec.core.url_to_fs(_pinned(self.name))
            self.summary: dict[str, Any] = json.loads(self._files.cat_file(f"{self._root}/dataset.json"))
            self.size = int(self.summary["settings"]["size"])
        except (FileNotFoundError, NotADirectoryError) as error:
            made = (
                "push it with its shards" if self._on_hub else f"make it with training/prepare_faces.py --out {folder}"
            )
            raise DatasetError(f"{folder} holds no dataset.json; {made}") from error
        except _refusals(KeyError, TypeError) as error:
            raise self._damaged(error) from error

    @property
    def _on_hub(self) -> bool:
        return self.name.startswith(HUB)

    def groups(self, split: str) -> list[RowGroup]:
        """Lists the row groups of "train" or "test" in order, from the shard footers."""
        try:
            shards = [path for path in self._files.ls(self._root, detail=False) if path.endswith(".parquet")]
            shards = sorted(path for path in shards if path.rsplit("/", 1)[-1].startswith(f"{split}-"))
            for shard in shards:
                if shard not in self._footers:
                    with self._open(shard) as content:
                        self._footers[shard] = pq.ParquetFile(content).metadata
        except _refusals(pa.ArrowException) as error:
            raise self._damaged(error) from error
        footers = ((shard, self._footers[shard]) for shard in shards)
        return [_described(shard, footer, i) for shard, footer in footers for i in range(footer.num_row_groups)]

    def read(self, group: RowGroup, columns: list[str]) -> pa.Table:
        """Reads some columns of one row group; thread-safe."""
        try:
            with self._open(group.shard) as content:
                shard = pq.ParquetFile(content, metadata=self._footers[group.shard], page_checksum_verification=True)
                return shard.read_row_group(group.index, columns)
        except _refusals(pa.ArrowException) as error:
            raise self._damaged(error, f"{Path(group.shard).name}, row group {group.index}: ") from error

    def table(self, split: str, columns: list[str], limit: int | None = None) -> pa.Table:
        """Reads the columns of the first `limit` rows of a split, or of all rows.

        Raises DatasetError if the split is empty.
        """
        tables: list[pa.Table] = []
        for group in self.groups(split):
            if limit is not None and sum(table.num_rows for table in tables) >= limit:
                break
            tables.append(self.read(group, columns))
        if not tables:
            raise DatasetError(f"{self.name} has no {split} faces; prepare more photos")
        return pa.concat_tables(tables).slice(0, limit)

    def require(self, column: str, split: str) -> None:
        """Raises DatasetError if the shards lack a column because an older version wrote them."""
        shard = self.groups(split)[0].shard
        if column not in self._footers[shard].schema.to_arrow_schema().names:
            raise DatasetError(f"{self.name} was prepared by an older version; prepare it again")

    def decode(self, table: pa.Table, pixels: np.ndarray, column: str = "image") -> None:
        """Decodes the "image" or "texture" column of a table of N rows into `pixels`, uint8 [N, S, S, 3], in place.

        Raises DatasetError if a picture cannot be decoded or has the wrong size.
        """
        for row, content in enumerate(table[column].combine_chunks().field("bytes")):
            image = cv2.imdecode(np.frombuffer(content.as_buffer(), np.uint8), cv2.IMREAD_COLOR)
            if image is None or image.shape != pixels.shape[1:]:
                found = "no picture" if image is None else f"a picture of {image.shape[1]}x{image.shape[0]} pixels"
                raise DatasetError(
                    f"{self.name} is damaged ({found} where one of {self.size} px was expected); prepare it again"
                )
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=pixels[row])

    def _open(self, shard: str) -> Any:
        """Opens a shard; local files use Arrow's own reader, whose threads need no Python."""
        return self._files.open(shard, "rb", cache_type="none") if self._on_hub else pa.OSFile(shard, "rb")

    def _damaged(self, error: Exception, where: str = "") -> DatasetError:
        if self._on_hub and not isinstance(error, (pa.ArrowException, KeyError, TypeError)):
            return DatasetError(f"{self.name} cannot be read: {where}{hub_advice(error)}")
        return DatasetError(f"{self.name} is damaged ({where}{' '.join(str(error).split())[:200]}); prepare it again")


def _refusals(*more: type[Exception]) -> tuple[type[Exception], ...]:
    """Returns the exceptions that a failed read from disk or from the Hub can raise, and `more`."""
    from huggingface_hub.errors import HTTPError

    return (HTTPError, OSError, ValueError, *more)


def _pinned(name: str) -> str:
    """Resolves the revision of a Hub address so that every row comes from one commit; returns other names unchanged."""
    if not name.startswith(HUB):
        return name
    from huggingface_hub import HfApi

    if not (parts := ADDRESS.fullmatch(name.rstrip("/"))):
        raise DatasetError(f"{name} is not a Hub address; write hf://datasets/USER/NAME[/FOLDER][@REVISION]")
    try:
        commit = HfApi().dataset_info(parts["name"], revision=parts["at"] or parts["end"], timeout=10).sha
    except _refusals() as error:
        raise DatasetError(f"{name} cannot be read: {hub_advice(error)}") from error
    return f"{HUB}datasets/{parts['name']}@{commit}{parts['inside'] or ''}"


def _described(shard: str, footer: pq.FileMetaData, index: int) -> RowGroup:
    group = footer.row_group(index)
    columns = (group.column(i) for i in range(group.num_columns))
    statistics = next((column.statistics for column in columns if column.path_in_schema == "reference"), None)
    return RowGroup(
        shard, index, group.num_rows, statistics is None or not statistics.has_min_max or bool(statistics.max)
    )

"""Endless seeded batches (x_u, x_r) read in the background from Parquet shards that do not fit on the device."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rbvae.errors import ConfigError, DatasetError
from rbvae.images.arrays import to_float
from training.data.batches import AnyBatches, Sampling
from training.data.folders import PreparedFolder
from training.data.shard_schedule import Plan, Pool

CHUNK = 250  # images per decoding task


def resident_bytes(folder: str | Path) -> int:
    """Returns the device memory in bytes that `Batches` would need: training images, with references stored twice."""
    prepared = PreparedFolder(folder)
    rows = sum(group.rows for group in prepared.groups("train"))
    references = prepared.summary.get("references_by_split", {}).get("train", rows)
    return (rows + references) * 3 * prepared.size**2


def fits(folder: str | Path, device_memory_bytes: int, share: float = 0.5) -> bool:
    """Returns whether the dataset takes at most `share` of the device memory; networks and gradients need the rest."""
    return resident_bytes(folder) <= share * device_memory_bytes


@dataclass(frozen=True)
class LoadedPool:
    """Decoded images uint8 [n, S, S, 3], the `order` to use them in [n], and the row numbers of references [m]."""

    pixels: Tensor
    order: Tensor
    references: Tensor


class StreamedBatches(AnyBatches):
    """Endless batches (x_u, x_r), both float [batch / world, 3, S, S] in [-1, 1], channels_last, on `device`.

    The batch of step k depends only on (folder, sampling, pool_groups, k), not on the device. x_u
    covers every row of the process's share once per epoch, shuffled within pools; x_r is drawn from the references of
    the current pool. A background thread reads and decodes the next pool while the current one is used, so host memory
    holds two pools and one encoded row group: 2 * pool_groups * 2000 * 3 * S * S bytes, 442 MB for 96 px and pools of
    4. Raises DatasetError, at once or in `at`, if shards are damaged, cannot be reached or hold too few rows or
    references.
    """

    def __init__(
        self, folder: str | Path, sampling: Sampling, device: torch.device, pool_groups: int = 4, threads: int = 1
    ) -> None:
        if not (0 <= sampling.rank < sampling.world <= sampling.batch and pool_groups >= 1 and threads >= 1):
            raise ConfigError(f"{sampling}, {pool_groups=}, {threads=}; each process needs at least one row per step")
        self._folder = PreparedFolder(folder)
        groups = self._folder.groups("train")
        self._plan = Plan(groups, sampling.seed, sampling.rank, sampling.world, pool_groups)
        self.rows, self.size = sum(group.rows for group in groups), self._folder.size
        self.waited = 0.0  # seconds `at` has spent waiting for pools, which more decoding threads could save
        self._batch = sampling.share.stop - sampling.share.start
        self._flip, self._device, self._stream = sampling.flip, device, [sampling.seed, 3, sampling.rank]
        self._loads: dict[int, Load] = {}
        self._reader = ThreadPoolExecutor(1, "shards")
        self._decoders = ThreadPoolExecutor(threads, "decoder")

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the batch of one step; consecutive steps are fast, others wait until their pool is read."""
        chosen = torch.empty(
            (2 * self._batch, self.size, self.size, 3), dtype=torch.uint8, pin_memory=self._device.type == "cuda"
        )
        row, taken = step * self._batch, 0
        pool = self._plan.find(row)
        loaded = self._load(pool)
        while True:
            rows = loaded.order[row + taken - pool.start :][: self._batch - taken]
            torch.index_select(loaded.pixels, 0, rows, out=chosen[taken : taken + len(rows)])
            taken += len(rows)
            if taken == self._batch:
                break
            pool = self._plan.find(row + taken)
            loaded = self._load(pool)
        rng = np.random.default_rng([*self._stream, step])
        drawn = loaded.references[torch.from_numpy(rng.integers(len(loaded.references), size=self._batch))]
        torch.index_select(loaded.pixels, 0, drawn, out=chosen[self._batch :])
        x = self._on_device(chosen, torch.from_numpy(rng.random(2 * self._batch) < 0.5))
        return x[: self._batch], x[self._batch :]

    def close(self) -> None:
        """Stops reading after the current row group; `at` cannot be called again."""
        for load in self._loads.values():
            load.stop.set()
        self._loads.clear()
        for threads in (self._reader, self._decoders):
            threads.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> StreamedBatches:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _on_device(self, chosen: Tensor, mirror: Tensor) -> Tensor:
        """Converts uint8 [N, S, S, 3] to float [N, 3, S, S] on the device, flipped where `mirror` [N] is set."""
        if self._device.type == "cuda":
            mirror = mirror.pin_memory()
        x = to_float(chosen.to(self._device, non_blocking=True).permute(0, 3, 1, 2))
        if self._flip:
            x = torch.where(mirror.to(self._device, non_blocking=True)[:, None, None, None], x.flip(3), x)
        return x.contiguous(memory_format=torch.channels_last)

    def _load(self, pool: Pool) -> LoadedPool:
        """Returns a pool's images, starts to read the next pool and drops all others."""
        wanted = {each.start: each for each in (pool, self._plan.find(pool.start + pool.rows))}
        for start in [start for start in self._loads if start not in wanted]:
            self._loads.pop(start).stop.set()
        for start, each in wanted.items():
            if start not in self._loads:
                self._loads[start] = Load(self._reader, each, self._read)
        asked = time.perf_counter()
        loaded = self._loads[pool.start].future.result()
        self.waited += time.perf_counter() - asked
        return loaded

    def _read(self, pool: Pool, stop: threading.Event) -> LoadedPool:
        pixels = np.empty((pool.rows, self.size, self.size, 3), dtype=np.uint8)
        is_reference = np.zeros(pool.rows, dtype=bool)
        done = 0
        for group in pool.groups:
            if stop.is_set():
                raise CancelledError
            table = self._folder.read(group, ["image.bytes", "reference"])
            own = slice(done, done + table.num_rows)
            is_reference[own] = table["reference"].to_numpy()
            chunks = range(0, table.num_rows, CHUNK)
            targets = [pixels[own][first : first + CHUNK] for first in chunks]
            list(self._decoders.map(self._folder.decode, [table.slice(first, CHUNK) for first in chunks], targets))
            done += table.num_rows
        if not is_reference.any():
            raise DatasetError(
                f"{self._folder.name} has no reference in {len(pool.groups)} row groups read together; shuffle the "
                "photos and prepare them again, or use larger pools"
            )
        references = torch.from_numpy(np.flatnonzero(is_reference))
        return LoadedPool(torch.from_numpy(pixels), torch.from_numpy(self._plan.order(pool)), references)


class Load:
    """A pool being read in the background; `stop` cancels the read."""

    def __init__(
        self, reader: ThreadPoolExecutor, pool: Pool, read: Callable[[Pool, threading.Event], LoadedPool]
    ) -> None:
        self.stop = threading.Event()
        self.future: Future[LoadedPool] = reader.submit(read, pool, self.stop)

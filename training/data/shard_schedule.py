"""The order in which each process reads a streamed dataset, computed from the row counts in the shard footers."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from rbvae.errors import DatasetError
from training.data.folders import RowGroup


@dataclass(frozen=True)
class Pool:
    """Row groups held in memory together, `rows` in total; the first is row `start` of the process's sequence."""

    groups: tuple[RowGroup, ...]
    epoch: int
    number: int
    start: int
    rows: int


class Plan:
    """The order in which a process reads the row groups.

    Every epoch shuffles the row groups, in the same order in every process. A process takes every `world`-th group and
    reads them in pools of at most `pool_groups`, so within an epoch the processes share no row and together read every
    row. Raises DatasetError if there are fewer row groups than processes, or if a pool could hold no reference.
    """

    def __init__(self, groups: list[RowGroup], seed: int, rank: int, world: int, pool_groups: int) -> None:
        if len(groups) < world:
            raise DatasetError(
                f"{len(groups)} row groups cannot be shared by {world} processes; use fewer processes, keep the "
                "dataset on the device, or prepare it with smaller row groups (ROWS in training/data/shards.py)"
            )
        self._groups, self._seed, self._rank, self._world, self._pool_groups = groups, seed, rank, world, pool_groups
        self._starts = [0]  # first row of each epoch, in rows of this process
        self.pools = functools.lru_cache(maxsize=4)(self._pools)
        smallest = min(
            len(part) for share in (len(groups) // world, -(-len(groups) // world)) for part in self._cut(share)
        )
        if (poor := sum(not group.references for group in groups)) >= smallest:
            raise DatasetError(
                f"{poor} of {len(groups)} row groups hold no reference, so that a pool of {smallest} could be without "
                "one; shuffle the photos and prepare them again, or use larger pools or fewer processes"
            )

    def find(self, row: int) -> Pool:
        """Returns the pool that holds a row of the endless sequence."""
        while self._starts[-1] <= row:
            epoch = len(self._starts) - 1
            self._starts.append(self._starts[-1] + sum(group.rows for group in self._share(epoch)))
        epoch = int(np.searchsorted(self._starts, row, side="right")) - 1
        return next(pool for pool in self.pools(epoch) if row < pool.start + pool.rows)

    def _pools(self, epoch: int) -> list[Pool]:
        """Returns the pools of an epoch that `find` has already reached."""
        share, pools, start = self._share(epoch), [], self._starts[epoch]
        for number, part in enumerate(self._cut(len(share))):
            groups = tuple(share[i] for i in part)
            pools.append(Pool(groups, epoch, number, start, sum(group.rows for group in groups)))
            start += pools[-1].rows
        return pools

    def order(self, pool: Pool) -> np.ndarray:
        """Returns a random permutation of a pool's rows, int64 [rows]."""
        return np.random.default_rng([self._seed, 2, pool.epoch, pool.number, self._rank]).permutation(pool.rows)

    def _share(self, epoch: int) -> list[RowGroup]:
        shuffled = np.random.default_rng([self._seed, 1, epoch]).permutation(len(self._groups))
        return [self._groups[i] for i in shuffled[self._rank :: self._world]]

    def _cut(self, count: int) -> list[np.ndarray]:
        """Splits 0, 1, ..., `count` - 1 into the fewest parts of at most `pool_groups`, of nearly equal length."""
        return np.array_split(np.arange(count), -(-count // self._pool_groups))

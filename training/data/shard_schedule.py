"""Which rows of a streamed dataset a process sees when, by arithmetic on the row counts of its shards' footers."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from rbvae.errors import DatasetError
from training.data.folders import RowGroup


@dataclass(frozen=True)
class Pool:
    """Row groups that lie in memory together, `rows` in all; the first is row `start` of all that its process sees."""

    groups: tuple[RowGroup, ...]
    epoch: int
    number: int
    start: int
    rows: int


class Plan:
    """Which rows a process sees when, by arithmetic on row counts alone.

    An epoch shuffles the row groups, the same way in every process; a process takes every `world`-th and sees them in
    pools of `pool_groups` or fewer. So processes share nothing within an epoch and see everything together. Raises
    DatasetError for fewer row groups than processes, and where some pool could be without a reference.
    """

    def __init__(self, groups: list[RowGroup], seed: int, rank: int, world: int, pool_groups: int) -> None:
        if len(groups) < world:
            raise DatasetError(
                f"{len(groups)} row groups cannot be shared by {world} processes; use fewer processes, keep the "
                "dataset on the device, or prepare it with smaller row groups (ROWS in training/data/shards.py)"
            )
        self._groups, self._seed, self._rank, self._world, self._pool_groups = groups, seed, rank, world, pool_groups
        self._starts = [0]  # of every epoch, in rows of this process
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
        """The pool that holds one row of the endless sequence."""
        while self._starts[-1] <= row:
            epoch = len(self._starts) - 1
            self._starts.append(self._starts[-1] + sum(group.rows for group in self._share(epoch)))
        epoch = int(np.searchsorted(self._starts, row, side="right")) - 1
        return next(pool for pool in self.pools(epoch) if row < pool.start + pool.rows)

    def _pools(self, epoch: int) -> list[Pool]:
        """The pools of one epoch, which `find` has come to."""
        share, pools, start = self._share(epoch), [], self._starts[epoch]
        for number, part in enumerate(self._cut(len(share))):
            groups = tuple(share[i] for i in part)
            pools.append(Pool(groups, epoch, number, start, sum(group.rows for group in groups)))
            start += pools[-1].rows
        return pools

    def order(self, pool: Pool) -> np.ndarray:
        """The order in which a pool's rows are seen, each once; int64 [rows]."""
        return np.random.default_rng([self._seed, 2, pool.epoch, pool.number, self._rank]).permutation(pool.rows)

    def _share(self, epoch: int) -> list[RowGroup]:
        shuffled = np.random.default_rng([self._seed, 1, epoch]).permutation(len(self._groups))
        return [self._groups[i] for i in shuffled[self._rank :: self._world]]

    def _cut(self, count: int) -> list[np.ndarray]:
        """0, 1, ... `count` - 1 in as few parts as `pool_groups` allows, of about one length."""
        return np.array_split(np.arange(count), -(-count // self._pool_groups))

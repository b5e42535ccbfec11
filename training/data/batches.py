"""Endless seeded batches (x_u, x_r) of images that stay on the device as uint8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rbvae.images.arrays import to_float


class AnyBatches:
    """Endless batches (x_u, x_r), of resident or streamed images or of codes."""

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the batch of one step."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends reading, if anything is being read."""


@dataclass(frozen=True)
class Sampling:
    """How a run draws its batches: `batch` unlabelled images and as many references per step, over all processes.

    This process, `rank` of `world`, takes its share. `flip` mirrors half of the images.
    """

    batch: int
    seed: int
    flip: bool = False
    rank: int = 0
    world: int = 1

    @property
    def share(self) -> slice:
        """The part of a batch that this process takes."""
        return slice(self.rank * self.batch // self.world, (self.rank + 1) * self.batch // self.world)


@dataclass(frozen=True)
class Batches(AnyBatches):
    """Endless batches (x_u, x_r), both float [batch / world, 3, S, S] in [-1, 1].

    The batch of step k depends only on (seed, k): each process draws the rows of the whole batch and keeps its share.
    """

    unlabelled: Tensor
    references: Tensor
    sampling: Sampling

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the batch of one step."""
        rng = step_generator(self.sampling.seed, step, self.unlabelled.device, stream=1)
        return self._drawn(self.unlabelled, rng), self._drawn(self.references, rng)

    def _drawn(self, images: Tensor, rng: torch.Generator) -> Tensor:
        batch, share = self.sampling.batch, self.sampling.share
        rows = torch.randint(len(images), (batch,), generator=rng, device=images.device)
        mirror = torch.rand(batch, 1, 1, 1, generator=rng, device=images.device) < 0.5
        x = to_float(images[rows[share]])
        if self.sampling.flip:
            x = torch.where(mirror[share], x.flip(3), x)
        return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def step_generator(seed: int, step: int, device: torch.device, stream: int = 0) -> torch.Generator:
    """Returns a generator seeded by (seed, step, stream) only, so that a resumed run repeats the same draws."""
    mixed = np.random.SeedSequence([seed, step, stream]).generate_state(2, np.uint32)
    return torch.Generator(device).manual_seed(int(mixed[0]) << 31 | int(mixed[1]))

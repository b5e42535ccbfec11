"""Endless seeded batches (x_u, x_r) of codes, randomly mirrored and relit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data.batches import AnyBatches, Sampling, step_generator
from training.data.codes import LIGHT_STD, TINT_STD


@dataclass(frozen=True)
class Lighting:
    """How codes are relit at random before step `until`.

    `effects` [9, 3, K] are those of each light harmonic and colour channel on a code; `amount` scales the change
    relative to the variation between photos.
    """

    effects: Tensor
    amount: float = 0.0
    until: int = 0

    def change(self, draws: Tensor) -> Tensor:
        """Converts standard normal draws [N, 12], nine harmonics and three colour gains, to code changes [N, K]."""
        scale = torch.from_numpy(np.r_[LIGHT_STD, [TINT_STD] * 3]).to(draws) * self.amount
        harmonics, tint = (draws * scale).split([len(self.effects), 3], dim=1)
        return harmonics @ self.effects.sum(dim=1) + tint @ self.effects[0]


@dataclass(frozen=True)
class CodeBatches(AnyBatches):
    """Endless batches (x_u, x_r), both float [batch / world, K]; the batch of step k depends only on (seed, k).

    Half of the codes are mirrored: `mirror_signs` [K] is the effect on a code.
    """

    unlabelled: Tensor
    references: Tensor
    mirror_signs: Tensor
    lighting: Lighting
    sampling: Sampling

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the batch of one step."""
        rng = step_generator(self.sampling.seed, step, self.unlabelled.device, stream=1)
        relit = self.lighting.amount > 0 and step < self.lighting.until
        return self._drawn(self.unlabelled, rng, relit), self._drawn(self.references, rng, relit)

    def _drawn(self, codes: Tensor, rng: torch.Generator, relit: bool) -> Tensor:
        device, batch, share = codes.device, self.sampling.batch, self.sampling.share
        rows = torch.randint(len(codes), (batch,), generator=rng, device=device)
        mirror = torch.rand(batch, 1, generator=rng, device=device) < 0.5
        light = torch.randn(batch, len(LIGHT_STD) + 3, generator=rng, device=device)
        x = codes[rows[share]]
        x = torch.where(mirror[share], x * self.mirror_signs, x)
        return x + self.lighting.change(light[share]) if relit else x

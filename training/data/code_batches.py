"""Endless seeded batches (x_u, x_r) of codes, randomly mirrored and relit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data.batches import step_generator
from training.data.codes import LIGHT_STD, TINT_STD


@dataclass(frozen=True)
class CodeBatches:
    """Endless batches (x_u, x_r), both float [batch / world, K]; the batch of step k depends only on (seed, k).

    Half of the codes are mirrored. Before step `relight_until`, the lighting of every code is changed at random;
    `relighting` scales this change relative to the variation between photos. `lighting` [9, 3, K] holds the effect of
    each light harmonic and colour channel on a code, `mirror_signs` [K] the effect of mirroring.
    """

    unlabelled: Tensor
    references: Tensor
    lighting: Tensor
    mirror_signs: Tensor
    batch: int
    seed: int
    relighting: float = 0.0
    relight_until: int = 0
    rank: int = 0
    world: int = 1

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the batch of one step."""
        rng = step_generator(self.seed, step, self.unlabelled.device, stream=1)
        relit = self.relighting > 0 and step < self.relight_until
        return self._draw(self.unlabelled, rng, relit), self._draw(self.references, rng, relit)

    def close(self) -> None:
        """Does nothing; matches `StreamedBatches.close`."""

    def _draw(self, codes: Tensor, rng: torch.Generator, relit: bool) -> Tensor:
        device = codes.device
        rows = torch.randint(len(codes), (self.batch,), generator=rng, device=device)
        mirror = torch.rand(self.batch, 1, generator=rng, device=device) < 0.5
        light = torch.randn(self.batch, len(self.lighting) + 3, generator=rng, device=device)
        own = slice(self.rank * self.batch // self.world, (self.rank + 1) * self.batch // self.world)
        x = codes[rows[own]]
        x = torch.where(mirror[own], x * self.mirror_signs, x)
        return x + self._relit(light[own]) if relit else x

    def _relit(self, light: Tensor) -> Tensor:
        """Converts standard normal draws [N, 12], nine harmonics and three colour gains, to code changes [N, K]."""
        scale = torch.from_numpy(np.r_[LIGHT_STD, [TINT_STD] * 3]).to(light) * self.relighting
        harmonics, tint = (light * scale).split([len(self.lighting), 3], dim=1)
        return harmonics @ self.lighting.sum(dim=1) + tint @ self.lighting[0]

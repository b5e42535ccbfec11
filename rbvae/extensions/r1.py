"""R1: the discriminators' gradient at real images is penalised (Mescheder et al. 2018), once in a while."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.extensions.extension import Extension, ExtensionConfig
from rbvae.objectives.method import Discriminators

REAL = {  # by discriminator: the name of its term, and the real images and latents that the draws give it
    "disc_xze": ("r1_u", lambda draws: (draws.q.x_u, draws.q.z_u, draws.q.e_u)),
    "disc_xz": ("r1_r", lambda draws: (draws.q.x_r, draws.q.z_r)),
    "disc_xl": ("r1", lambda draws: (draws.q.x, draws.q.latent)),
    "disc_u": ("r1_u", lambda draws: (draws.x_u,)),
    "disc_r": ("r1_r", lambda draws: (draws.x_r,)),
}


def gradient_penalty(disc: nn.Module, x: Tensor, *latents: Tensor) -> Tensor:
    """|grad_x d(x, ...)|^2 / 2: [N].

    Calls `forward` itself, past a compiled one: compiled code has no second derivative.
    """
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(disc.forward(x, *latents).sum(), x, create_graph=True)
    return 0.5 * gradient.float().square().flatten(1).sum(dim=1)


def discriminator_terms(discs: Discriminators, draws: Any, settings: ExtensionConfig) -> dict[str, Tensor]:
    """The penalty of each discriminator on real images: [N] or [2N]."""
    found = ((discs[name], *REAL[name]) for name in REAL if name in discs)
    return {term: gradient_penalty(disc, *real(draws)) for disc, term, real in found}


def weights(settings: ExtensionConfig, config: ModelConfig, method: str) -> dict[str, float]:
    """As much as if it were computed at every step."""
    return {term: settings.r1_weight * settings.r1_every for term, _ in REAL.values()}


EXTENSION = Extension(
    name="R1",
    methods=("srb", "svae", "mathieu"),
    enabled=lambda settings: settings.r1_weight > 0,
    weights=weights,
    discriminator_terms=discriminator_terms,
    lazy=True,
)

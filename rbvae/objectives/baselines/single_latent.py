"""One latent for everything: what the methods without a reference set share, on the networks of the others.

Their latent is (z, e) side by side, inferred by both encoders from every image; the reference images are images like
any other. So a baseline differs from Rb-VAE by its objective and in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.joints import Noise
from rbvae.models.model import RbVAE
from rbvae.objectives.method import ObjectiveConfig, Prior


@dataclass(frozen=True)
class LatentDraw:
    """All images of a step [2N, 3, S, S], q(latent|x) over D_z + D_e dimensions, and one draw of it [2N, D]."""

    x: Tensor
    q: DiagonalGaussian
    latent: Tensor


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig, prior: Prior) -> LatentDraw:
    """One draw of the latent for every image."""
    x = torch.cat([x_u, x_r])
    q_z, q_e = model.encode(x)
    q = q_z.beside(q_e)
    return LatentDraw(x, q, q.sample(torch.cat([joined(noise.z_u, noise.e_u), joined(noise.z_r, noise.e_r)])))


def joined(z: Tensor, e: Tensor) -> Tensor:
    """z [N, D_z] and e [N, D_e] -> one latent [N, D_z + D_e]."""
    return torch.cat([z, e], dim=1)


def decode(model: RbVAE, latent: Tensor) -> Tensor:
    """Latent [N, D_z + D_e] -> image [N, 3, S, S]."""
    z, e = latent.split([model.config.dim_z, model.config.dim_e], dim=1)
    return model.generator(z, e)


def image_nll(model: RbVAE, draws: LatentDraw, objective: ObjectiveConfig) -> Tensor:
    """-log p(x|latent), the same likelihood as in Eq. (1): [2N]."""
    return model.nll(draws.x, decode(model, draws.latent).float(), objective.laplace_scale)


@dataclass(frozen=True)
class EvidenceTerms:
    """The evidence lower bound, both [2N], in nats."""

    kl: Tensor
    image: Tensor


def evidence(model: RbVAE, discs: object, draws: LatentDraw, objective: ObjectiveConfig) -> EvidenceTerms:
    """KL(q(latent|x) || N(0, I)) - log p(x|latent)."""
    return EvidenceTerms(kl=draws.q.kl_to_prior(), image=image_nll(model, draws, objective))


def plain_weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """The bound weighs its terms alike."""
    return {"kl": 1.0, "image": 1.0}

"""Reversal: z must not reveal whether an image is a reference (Ganin and Lempitsky 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.extensions.extension import Extension, ExtensionConfig
from rbvae.models.blocks import LEAK, linear
from rbvae.models.model import RbVAE
from rbvae.objectives.adversarial import adversarial, classify
from rbvae.objectives.method import Discriminators
from rbvae.objectives.srb_vae import Draws


class LatentClassifier(nn.Module):
    """z [N, D_z], e [N, D_e] -> logit [N] of "z is of a reference image, and e of another image"."""

    def __init__(self, dim_z: int, dim_e: int, hidden: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            linear(dim_z + dim_e, hidden), nn.LeakyReLU(LEAK), linear(hidden, hidden), nn.LeakyReLU(LEAK),
            nn.Linear(hidden, 1),
        )  # fmt: skip

    def forward(self, z: Tensor, e: Tensor) -> Tensor:
        return self.layers(torch.cat([z, e], dim=1)).squeeze(1).float()


def networks(config: ModelConfig) -> dict[str, nn.Module]:
    """The classifier that z is hidden from."""
    return {"disc_z": LatentClassifier(config.dim_z, config.dim_e)}


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, settings: ExtensionConfig) -> dict[str, Tensor]:
    """What encoder_z alone minimises against the classifier: labels swapped, so that the gradient never dies (Ganin
    and Lempitsky reverse it instead): [N]."""
    q, e_u = draws.q, draws.q.e_u.detach()
    return {"hide_z": adversarial(discs["disc_z"](q.z_r, e_u), discs["disc_z"](q.z_u, e_u), "softplus")}


def discriminator_terms(discs: Discriminators, draws: Draws, settings: ExtensionConfig) -> dict[str, Tensor]:
    """Logistic loss of classifying (z_r, e_u) of unrelated images against (z_u, e_u) of one image: [N].

    Its optimum is log q(z_r) q(e_u) / q(z_u, e_u), which is 0 where z_u is distributed as z_r and independent of e_u,
    as both joints of the paper agree on at the optimum.
    """
    q = draws.q
    return {"classify_z": classify(discs["disc_z"](q.z_r, q.e_u), discs["disc_z"](q.z_u, q.e_u))}


def weights(settings: ExtensionConfig, config: ModelConfig, method: str) -> dict[str, float]:
    """The classifier learns at weight 1."""
    return {"hide_z": settings.reversal_weight, "classify_z": 1.0}


EXTENSION = Extension(
    name="reversal",
    methods=("srb",),
    enabled=lambda settings: settings.reversal_weight > 0,
    weights=weights,
    networks=networks,
    model_terms=model_terms,
    discriminator_terms=discriminator_terms,
)

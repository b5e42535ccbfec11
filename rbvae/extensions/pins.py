"""Pins: encoder_e gives references the reference's e (SepVAE, Louiset et al. 2023, its salient prior made a mean)."""

from __future__ import annotations

from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.extensions.extension import Extension, ExtensionConfig
from rbvae.models.model import RbVAE
from rbvae.objectives.method import Discriminators
from rbvae.objectives.srb_vae import Draws


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, settings: ExtensionConfig) -> dict[str, Tensor]:
    """|E[q(e|x_r)] - e_ref|^2 a dimension: [N]."""
    return {"pin_r": (model.encoder_e(draws.q.x_r).mean - model.e_ref).square().mean(dim=1)}


def weights(settings: ExtensionConfig, config: ModelConfig, method: str) -> dict[str, float]:
    """As set."""
    return {"pin_r": settings.pin_weight}


EXTENSION = Extension(
    name="pins",
    methods=("srb",),
    enabled=lambda settings: settings.pin_weight > 0,
    weights=weights,
    model_terms=model_terms,
)

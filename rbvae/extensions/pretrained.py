"""Keeping what was learnt before the first step: the mean of q(e|x_u) stays near the reference classifier's code."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.extensions.extension import Extension, ExtensionConfig
from rbvae.extensions.reference_classifier import ReferenceClassifier
from rbvae.models.model import RbVAE
from rbvae.objectives.method import Discriminators

CLASSIFIER = "reference_classifier"  # its name among the discriminators that model_terms gets


def model_terms(model: RbVAE, discs: Discriminators, draws: Any, settings: ExtensionConfig) -> dict[str, Tensor]:
    """The squared distance of the first dimensions of the means of q(e|x_u) from the code, a dimension: [N]."""
    classifier = discs[CLASSIFIER]
    assert isinstance(classifier, ReferenceClassifier)
    q = getattr(draws, "q", draws)
    mean_e = q.q_e_u.mean if hasattr(q, "q_e_u") else q.e_u  # Mathieu et al. have no posterior over e
    with torch.no_grad():
        code = classifier.code(q.x_u).float()
    return {"pretrained_e": (mean_e[:, : code.shape[1]] - code).square().mean(dim=1)}


def weights(settings: ExtensionConfig, config: ModelConfig, method: str) -> dict[str, float]:
    """A dimension's share for sRb-VAE; in the others, whose objectives are in nats, all dimensions."""
    return {"pretrained_e": settings.pretrained_weight * (1 if method == "srb" else config.dim_e)}


EXTENSION = Extension(
    name="pretrained e",
    methods=("srb", "rb", "mathieu"),
    enabled=lambda settings: settings.pretrained_weight > 0,
    weights=weights,
    model_terms=model_terms,
)

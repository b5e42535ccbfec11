"""beta-VAE (Higgins et al. 2017): the evidence lower bound with beta times its KL; published grid 1 to 16."""

from __future__ import annotations

from rbvae.config import ModelConfig
from rbvae.objectives.baselines.single_latent import draw, evidence
from rbvae.objectives.method import Method, ObjectiveConfig


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """beta on the KL."""
    return {"kl": objective.beta, "image": 1.0}


METHOD = Method(name="beta", title="β-VAE", draw=draw, model_terms=evidence, weights=weights, features="ze")

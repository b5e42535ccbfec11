"""VAE (Kingma and Welling 2014): the evidence lower bound, one latent, no reference set."""

from __future__ import annotations

from rbvae.objectives.baselines.single_latent import draw, evidence, plain_weights
from rbvae.objectives.method import Method

METHOD = Method(name="vae", title="VAE", draw=draw, model_terms=evidence, weights=plain_weights, features="ze")

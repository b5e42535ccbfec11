"""A training method as the engine sees it: its networks, its draws, its terms and their weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.models.joints import EncoderJoint, Noise
from rbvae.models.model import RbVAE

FORMS = ("raw", "softplus")


@dataclass(frozen=True)
class ObjectiveConfig:
    """The settings of the objectives. Every term is in nats, and its weight in the paper is 1.

    form             of the adversarial terms: "raw" is the paper's density ratio, which is unbounded; "softplus"
                     saturates it for both players (ours)
    image_weight     of -log p(x|z, e) with latents from the encoders (sRb-VAE, Fig. 3c and d; sVAE)
    latent_z_weight  of -log q(z|x) with images from the generator (sRb-VAE, Fig. 3e and f; sVAE, for all its latents)
    latent_e_weight  of -log q(e|x), likewise (sRb-VAE, Fig. 3e)
    laplace_scale    b of the Laplace likelihood p(x|z, e), in units of the image range [-1, 1]; the paper gives none
    fusion_depth     non-linear layers of a discriminator after image and latents meet; the paper gives none
    beta             weight of the KL (beta-VAE) or of the total correlation (beta-TCVAE)
    dip_weight       lambda_od of DIP-VAE; lambda_d follows, ten times as much in I and as much in II
    separation_weight  of the two discrepancies (MM-cVAE) or of the mutual information of z and e (SepVAE)
    """

    form: str = "raw"
    image_weight: float = 1.0
    latent_z_weight: float = 1.0
    latent_e_weight: float = 1.0
    laplace_scale: float = 0.1
    fusion_depth: int = 2
    beta: float = 4.0
    dip_weight: float = 5.0
    separation_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ConfigError(f"form={self.form!r}; choose one of {', '.join(FORMS)}")
        for name in ("laplace_scale", "beta"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}={getattr(self, name)}; give a number above 0")
        for name in ("image_weight", "latent_z_weight", "latent_e_weight", "dip_weight", "separation_weight"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}; give 0 to leave the term out, or a number above 0")
        if self.fusion_depth < 1:
            raise ConfigError(f"fusion_depth={self.fusion_depth}; give at least 1")


Terms = Any  # a frozen record of per-example tensors [N], one class a method
Discriminators = Mapping[str, nn.Module]
Prior = Callable[
    [Noise, EncoderJoint], Noise
]  # may replace the prior's draws; the paper's joints take them as they are


def drawn_from_prior(noise: Noise, q: EncoderJoint) -> Noise:
    """The prior's draws as they are."""
    return noise


def no_discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """For the methods that train against none."""
    return {}


@dataclass(frozen=True)
class Method:
    """One training method.

    draw(model, x_u, x_r, noise, objective, prior) -> what both updates share; its `detach()` cuts the history
    model_terms(model, discs, draws, objective) -> what encoders and generator minimise, per example
    discriminator_terms(discs, draws, objective) -> what the discriminators minimise, per example
    weights(objective, config) -> the weight of each term, by field name
    features: "e" if the reference set separates e from z, "ze" if the two are one latent
    """

    name: str
    title: str
    draw: Callable[[RbVAE, Tensor, Tensor, Noise, ObjectiveConfig, Prior], Any]
    model_terms: Callable[[RbVAE, Any, Any, ObjectiveConfig], Terms]
    weights: Callable[[ObjectiveConfig, ModelConfig], dict[str, float]]
    discriminators: Callable[[ModelConfig, ObjectiveConfig], dict[str, nn.Module]] = no_discriminators
    discriminator_terms: Callable[[Any, Any, ObjectiveConfig], Terms] | None = None
    features: str = "e"


def means(terms: Terms) -> dict[str, Tensor]:
    """The mean over the examples of every term, by name, as scalar tensors: of a record or a dictionary."""
    named = terms if isinstance(terms, dict) else {f.name: getattr(terms, f.name) for f in dataclasses.fields(terms)}
    return {name: term.mean() for name, term in named.items()}

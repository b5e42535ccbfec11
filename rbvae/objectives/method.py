"""What a training method is to the engine: names, networks, draws and terms. A method is added by adding a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.model import RbVAE

FORMS = ("softplus", "raw")


@dataclass(frozen=True)
class ObjectiveConfig:
    """The dials of the objectives; the paper's text gives no values, so the defaults are ours.

    form            "raw" is the paper's density-ratio form, unbounded; "softplus" saturates it (both players)
    image_weight    weight of the mean absolute error a pixel in the image cycle (sRb-VAE; range [-1, 1])
    latent_weight   weight of the Gaussian NLL a latent dimension in the latent cycle (sRb-VAE)
    laplace_scale   b of the Laplace likelihood in Eq. (1) (Rb-VAE), in units of the image range [-1, 1]
    r1_weight       gamma of R1, gamma/2 |grad_x d|^2 on real images; r1_every: lazily, each so many steps
    fusion_depth    non-linear layers of a discriminator after image and latents meet
    """

    form: str = "softplus"
    image_weight: float = 10.0
    latent_weight: float = 1.0
    laplace_scale: float = 0.1
    r1_weight: float = 0.05
    r1_every: int = 16
    fusion_depth: int = 2

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ConfigError(f"form={self.form!r}; choose one of {', '.join(FORMS)}")
        if self.laplace_scale <= 0:
            raise ConfigError(f"laplace_scale={self.laplace_scale}; give a number above 0")
        if min(self.image_weight, self.latent_weight, self.r1_weight) < 0 or self.r1_every < 1 or self.fusion_depth < 1:
            raise ConfigError("weights must be at least 0, r1_every and fusion_depth at least 1")


Terms = Any  # a frozen record of per-example tensors [N], one class a method
Discriminators = Mapping[str, nn.Module]


def no_discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """For the methods that train against none."""
    return {}


@dataclass(frozen=True)
class Method:
    """One training method.

    draw(model, x_u, x_r, generator) -> whatever the two updates share; `detach()` cuts its history
    model_terms(model, discs, draws, objective) -> what encoders and generator minimise, per example
    discriminator_terms(discs, draws, objective, step) -> what the discriminators minimise, per example
    weights(objective, config) -> weight of each term, by field name
    """

    name: str
    title: str
    draw: Callable[[RbVAE, Tensor, Tensor, torch.Generator | None], Any]
    model_terms: Callable[[RbVAE, Any, Any, ObjectiveConfig], Terms]
    weights: Callable[[ObjectiveConfig, ModelConfig], dict[str, float]]
    discriminators: Callable[[ModelConfig, ObjectiveConfig], dict[str, nn.Module]] = no_discriminators
    discriminator_terms: Callable[[Any, Any, ObjectiveConfig, int], Terms] | None = field(default=None)


def means(terms: Terms) -> dict[str, Tensor]:
    """Mean over the examples of every term, by field name, as scalar tensors; fields that are None are left out."""
    named = ((f.name, getattr(terms, f.name)) for f in dataclasses.fields(terms))
    return {name: term.mean() for name, term in named if term is not None}

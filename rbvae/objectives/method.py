"""What a training method is to the engine: names, networks, draws and terms. A method is added by adding a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.models.joints import Noise
from rbvae.models.model import RbVAE

FORMS = ("softplus", "relativistic", "raw")
AUGMENTS = ("none", "fixed", "adaptive")


@dataclass(frozen=True)
class ObjectiveConfig:
    """The dials of the objectives; the paper's text gives no values, so the defaults are ours (docs/log.md).

    form             "raw" is the paper's density-ratio form, unbounded; "softplus" saturates it (both players);
                     "relativistic" tells pairs of one q and one p apart (Huang et al. 2024, "R3GAN")
    image_weight     weight of the mean absolute error a pixel in the image cycle (sRb-VAE; range [-1, 1])
    latent_weight    weight of the Gaussian NLL a latent dimension in the latent cycle (sRb-VAE)
    laplace_scale    b of the Laplace likelihood in Eq. (1) (Rb-VAE), in units of the image range [-1, 1]
    laplace_learned  each image's most likely b instead, in Eq. (1) and in the image cycle (Rybkin et al. 2021)
    r1_weight        gamma of R1, gamma/2 |grad_x d|^2 on real images (Mescheder et al. 2018), r2_weight the same on
                     generated ones; r1_every: both lazily, each so many steps (Karras et al. 2020)
    fusion_depth     non-linear layers of a discriminator after image and latents meet
    augment          of the discriminators' x alone: "none", "fixed" with probability augment_p, or "adaptive" from
                     there on: raised while the logits' signs tell q from p better than augment_target (1 = always),
                     by 1 over augment_images images (Karras et al. 2020, "ADA")
    perceptual_weight  of the distance between image and reconstruction in the features of a network that tells
                     references from others, in units of the weight of a mean absolute error (Rb-VAE, sRb-VAE; ours)
    told_weight      holds the mean of q(e|x_u) to what that network told it before the first step: squared error a
                     dimension (methods with references; ours)
    pin_weight       pulls the mean of q(e|x_r) to e_ref (Louiset et al. 2023, "SepVAE"); off: encoder_e sees no x_r
    swap_weight      Gaussian NLL of (z_a, e_b) read back from G(z_a, e_b), a latent dimension (Mathieu et al. 2016)
    cross_share      of the generator joint's draws, those whose z is that of an image of the other set instead of the
                     prior's: G(z_r, e) against unlabelled images, G(z_u, e_ref) against references (sRb-VAE; ours)
    z_of_references  share of the image cycle's gradient that unlabelled images are denied to teach encoder_z with; 1:
                     z is what it takes to draw a reference, and whatever else an unlabelled image shows is left to e
                     (sRb-VAE; ours)
    reverse_weight   z must not tell a reference from an unlabelled image (Ganin and Lempitsky 2015)
    beta             weight of the KL (beta-VAE) or of the total correlation (beta-TCVAE)
    dip_weight       lambda_od of DIP-VAE; lambda_d follows, ten times as much in I and as much in II
    """

    form: str = "softplus"
    image_weight: float = 10.0
    latent_weight: float = 1.0
    laplace_scale: float = 0.1
    laplace_learned: bool = False
    r1_weight: float = 0.2
    r2_weight: float = 0.0
    r1_every: int = 16
    fusion_depth: int = 2
    augment: str = "none"
    augment_p: float = 0.0
    augment_target: float = 0.6
    augment_images: int = 100_000
    perceptual_weight: float = 0.0
    told_weight: float = 0.0
    pin_weight: float = 0.0
    swap_weight: float = 0.0
    cross_share: float = 0.0
    z_of_references: float = 0.0
    reverse_weight: float = 0.0
    beta: float = 4.0
    dip_weight: float = 5.0

    def __post_init__(self) -> None:
        for name, choices in (("form", FORMS), ("augment", AUGMENTS)):
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name}={getattr(self, name)!r}; choose one of {', '.join(choices)}")
        for name in ("laplace_scale", "beta"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}={getattr(self, name)}; give a number above 0")
        if min(value for name, value in vars(self).items() if name.endswith("_weight")) < 0:
            raise ConfigError("a weight is below 0; give 0 to leave its term out")
        if min(self.r1_every, self.fusion_depth, self.augment_images) < 1:
            raise ConfigError("r1_every, fusion_depth and augment_images must be at least 1")
        if not 0 <= self.cross_share <= 1:
            raise ConfigError(f"cross_share={self.cross_share}; give a share from 0 to 1")
        if not 0 <= self.z_of_references <= 1:
            raise ConfigError(f"z_of_references={self.z_of_references}; give a share from 0 to 1")
        if not 0 <= self.augment_p <= 1 or not 0 < self.augment_target < 1:
            raise ConfigError("augment_p lies from 0 to 1, augment_target between them")
        if self.augment == "fixed" and self.augment_p == 0:
            raise ConfigError("augment=fixed with augment_p=0 augments nothing; give augment_p, such as 0.2")

    @property
    def asks_teller(self) -> bool:
        """Whether a term needs the network that tells references from others."""
        return self.perceptual_weight > 0 or self.told_weight > 0

    @property
    def scale(self) -> float | None:
        """b of the Laplace likelihood of Eq. (1); None where each image gets its own."""
        return None if self.laplace_learned else self.laplace_scale


Terms = Any  # a frozen record of per-example tensors [N], one class a method
Discriminators = Mapping[str, nn.Module]


def no_discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """For the methods that train against none."""
    return {}


@dataclass(frozen=True)
class Method:
    """One training method.

    draw(model, x_u, x_r, noise, objective) -> whatever the two updates share; `detach()` cuts its history
    model_terms(model, discs, draws, objective) -> what encoders and generator minimise, per example; beside the
    discriminators, `discs` has the "teller" where the objective asks for it
    discriminator_terms(discs, draws, objective, penalise) -> what the discriminators minimise, per example, with
    the gradient penalties where `penalise`
    weights(objective, config) -> weight of each term, by field name
    features: "e" where the reference set tells e from z, "ze" where the two are one latent
    """

    name: str
    title: str
    draw: Callable[[RbVAE, Tensor, Tensor, Noise, ObjectiveConfig], Any]
    model_terms: Callable[[RbVAE, Any, Any, ObjectiveConfig], Terms]
    weights: Callable[[ObjectiveConfig, ModelConfig], dict[str, float]]
    discriminators: Callable[[ModelConfig, ObjectiveConfig], dict[str, nn.Module]] = no_discriminators
    discriminator_terms: Callable[[Any, Any, ObjectiveConfig, bool], Terms] | None = field(default=None)
    features: str = "e"


def means(terms: Terms) -> dict[str, Tensor]:
    """Mean over the examples of every term, by field name, as scalar tensors; fields that are None are left out."""
    named = ((f.name, getattr(terms, f.name)) for f in dataclasses.fields(terms))
    return {name: term.mean() for name, term in named if term is not None}

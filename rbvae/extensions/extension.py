"""The interface of an extension: terms of ours beside those of a method, added by a setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.errors import ConfigError
from rbvae.models.joints import EncoderJoint, Noise
from rbvae.models.model import RbVAE
from rbvae.objectives.method import Discriminators


@dataclass(frozen=True)
class ExtensionConfig:
    """What a run adds to its method; 0 leaves an extension out, and the paper's presets leave out all.

    r1_weight         gamma of R1, gamma/2 |grad_x d|^2 on real images (Mescheder et al. 2018)
    r1_every          steps from one penalty to the next (Karras et al. 2020, "lazy regularisation")
    pin_weight        of the distance from the mean of q(e|x_r) to e_ref (Louiset et al. 2023, "SepVAE"); sRb-VAE
    reversal_weight   of hiding from a classifier whether z is of a reference (Ganin and Lempitsky 2015); sRb-VAE
    crossed_share     of the generator joint's draws whose z is that of an image of the other set; sRb-VAE
    pretrained_weight of the squared distance, a dimension, from the mean of q(e|x_u) to what was learnt before the
                      first step (training/engine/reference_pretraining.py); methods with references
    """

    r1_weight: float = 0.0
    r1_every: int = 16
    pin_weight: float = 0.0
    reversal_weight: float = 0.0
    crossed_share: float = 0.0
    pretrained_weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("r1_weight", "pin_weight", "reversal_weight", "pretrained_weight"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}={getattr(self, name)}; give 0 to leave it out, or a number above 0")
        if self.r1_every < 1:
            raise ConfigError(f"r1_every={self.r1_every}; give at least 1")
        if not 0 <= self.crossed_share <= 1:
            raise ConfigError(f"crossed_share={self.crossed_share}; give a share from 0 to 1")


def no_networks(config: ModelConfig) -> dict[str, nn.Module]:
    """For an extension that trains none."""
    return {}


@dataclass(frozen=True)
class Extension:
    """One extension, for the `methods` it can be added to; each hook is optional.

    enabled(settings) -> whether the run asks for it
    networks(config) -> discriminators that are trained beside the method's own
    prior(noise, q, settings) -> noise whose draws from the prior it may replace
    model_terms(model, discs, draws, settings) -> what encoders and generator minimise as well, per example, by name
    discriminator_terms(discs, draws, settings) -> what the discriminators minimise as well
    lazy: whether discriminator_terms are computed once in `r1_every` steps
    weights(settings, config, method) -> the weight of each of these terms
    """

    name: str
    methods: tuple[str, ...]
    enabled: Callable[[ExtensionConfig], bool]
    weights: Callable[[ExtensionConfig, ModelConfig, str], dict[str, float]]
    networks: Callable[[ModelConfig], dict[str, nn.Module]] = no_networks
    prior: Callable[[Noise, EncoderJoint, ExtensionConfig], Noise] | None = None
    model_terms: Callable[[RbVAE, Discriminators, Any, ExtensionConfig], dict[str, Tensor]] | None = None
    discriminator_terms: Callable[[Discriminators, Any, ExtensionConfig], dict[str, Tensor]] | None = None
    lazy: bool = False


def unweighted(settings: ExtensionConfig, config: ModelConfig, method: str) -> dict[str, float]:
    """For an extension without terms."""
    return {}

"""SepVAE (Louiset, Duchesnay, Grigis, Dufumier, Gori 2023, arXiv 2307.06206): separated common and salient latents.

In its words, unlabelled images are the target, references the background, e the salient and z the common latents. To
the evidence lower bound, whose prior of a reference's e is a narrow Gaussian about a constant (e_ref here, 0 there),
it adds the classification of the two sets by e, and the mutual information of z and e, estimated by a discriminator of
pairs (z, e) of one image against pairs of different images (the density-ratio trick). What the paper leaves open is as
in the authors' code (github.com/rlouiset/sep_vae): the two variances, those of its natural images, the weights, and
that only positive estimates of the information count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from rbvae.config import ModelConfig
from rbvae.models.blocks import LEAK, linear
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.joints import Noise
from rbvae.models.model import RbVAE
from rbvae.objectives.adversarial import classify
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig, Prior

PRIOR_VAR = 0.025  # of p(e|reference)
POSTERIOR_VAR = 0.1  # of q(e|reference), which is not learned
CLASSIFICATION = 1e-9  # weight of the classification of e: next to nothing
HIDDEN = 128


@dataclass(frozen=True)
class Draws:
    """Images of both kinds with posteriors and draws of z [2N, D_z] and e [2N, D_e]; unlabelled images come first."""

    x: Tensor
    q_z: DiagonalGaussian
    q_e: DiagonalGaussian
    z: Tensor
    e: Tensor

    def detach(self) -> Draws:
        """Return the same draws, detached from the graph."""
        return Draws(self.x, self.q_z.detach(), self.q_e.detach(), self.z.detach(), self.e.detach())


@dataclass(frozen=True)
class SeparationTerms:
    """What encoders and generator minimise; all [N], except for `information` [2N]."""

    kl_z_u: Tensor
    kl_e_u: Tensor
    image_u: Tensor
    kl_z_r: Tensor
    kl_e_r: Tensor  # from N(e_ref, PRIOR_VAR)
    image_r: Tensor
    salient_u: Tensor  # -log p(unlabelled|e)
    salient_r: Tensor  # -log p(reference|e)
    information: Tensor  # log q(z, e) / q(z) q(e), where positive


@dataclass(frozen=True)
class ClassifierTerms:
    """What the two discriminators minimise: [N] and [2N]."""

    classify_salient: Tensor
    classify_pairs: Tensor


class Classifier(nn.Module):
    """Latents [N, D] -> logits [N]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            linear(dim, HIDDEN), nn.LeakyReLU(LEAK), linear(HIDDEN, HIDDEN), nn.LeakyReLU(LEAK), nn.Linear(HIDDEN, 1)
        )

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents).squeeze(1).float()


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig, prior: Prior) -> Draws:
    """Encode all images with both encoders."""
    x = torch.cat([x_u, x_r])
    q_z, q_e = model.encode(x)
    variance_u = q_e.log_var[: len(x_u)]
    variance_r = torch.full_like(variance_u, math.log(POSTERIOR_VAR))
    q_e = DiagonalGaussian(q_e.mean, torch.cat([variance_u, variance_r]))
    z, e = q_z.sample(torch.cat([noise.z_u, noise.z_r])), q_e.sample(torch.cat([noise.e_u, noise.e_r]))
    return Draws(x, q_z, q_e, z, e)


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> SeparationTerms:
    """The bound, references being decoded with e_ref, the classification of e, and the mutual information."""
    count = len(draws.x) // 2
    (x_u, x_r), (e_u, e_r) = draws.x.chunk(2), draws.e.chunk(2)
    (q_z_u, q_z_r), (q_e_u, q_e_r) = draws.q_z.split(count), draws.q_e.split(count)
    e = torch.cat([e_u, model.e_ref.expand_as(e_r)])
    x_hat_u, x_hat_r = model.generator(draws.z, e).float().chunk(2)
    return SeparationTerms(
        kl_z_u=q_z_u.kl_to_prior(),
        kl_e_u=q_e_u.kl_to_prior(),
        image_u=model.nll(x_u, x_hat_u, objective.laplace_scale),
        kl_z_r=q_z_r.kl_to_prior(),
        kl_e_r=kl_to_constant(q_e_r, model.e_ref.detach()),
        image_r=model.nll(x_r, x_hat_r, objective.laplace_scale),
        salient_u=softplus(-discs["disc_salient"](e_u)),
        salient_r=softplus(discs["disc_salient"](e_r)),
        information=relu(discs["disc_pairs"](torch.cat([draws.z, draws.e], dim=1))),
    )


def kl_to_constant(q: DiagonalGaussian, constant: Tensor) -> Tensor:
    """Return KL(q || N(constant, PRIOR_VAR)) less what q's constant variance adds, summed over the dimensions: [N]."""
    return 0.5 * (q.mean - constant).square().sum(dim=1) / PRIOR_VAR


def discriminator_terms(discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> ClassifierTerms:
    """Unlabelled e against those of references, and pairs of one image against pairs of its neighbours in the batch."""
    (e_u, e_r), (z_u, z_r) = draws.e.chunk(2), draws.z.chunk(2)
    pairs = torch.cat([draws.z, draws.e], dim=1)
    others = torch.cat([torch.cat([z_u.roll(1, 0), z_r.roll(1, 0)]), draws.e], dim=1)
    return ClassifierTerms(
        classify_salient=classify(discs["disc_salient"](e_u), discs["disc_salient"](e_r)),
        classify_pairs=classify(discs["disc_pairs"](pairs), discs["disc_pairs"](others)),
    )


def discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """The classifier of e, and the discriminator of pairs."""
    return {"disc_salient": Classifier(config.dim_e), "disc_pairs": Classifier(config.dim_z + config.dim_e)}


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """The bound as it is, the information times `separation_weight`, which is 4 in the authors' code."""
    bound = dict.fromkeys(("kl_z_u", "kl_e_u", "image_u", "kl_z_r", "kl_e_r", "image_r"), 1.0)
    separation = {"salient_u": CLASSIFICATION, "salient_r": CLASSIFICATION, "information": objective.separation_weight}
    return bound | separation | {"classify_salient": 1.0, "classify_pairs": 1.0}


METHOD = Method(
    name="sepvae",
    title="SepVAE",
    draw=draw,
    model_terms=model_terms,
    weights=weights,
    discriminators=discriminators,
    discriminator_terms=discriminator_terms,
)

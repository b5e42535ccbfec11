"""sVAE (Pu et al. 2018): the symmetric objective of sRb-VAE with one latent and no reference set.

Encoder joint q(l|x) q(x) against generator joint p(x|l) p(l), told apart by one d(x, l); both cycles as in sRb-VAE.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.extensions.augmentation import augment
from rbvae.models.discriminators import Discriminator
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.joints import Noise
from rbvae.models.model import RbVAE
from rbvae.objectives.adversarial import adversarial, classify, gradient_penalty, sign_gap
from rbvae.objectives.baselines.single_latent import WholeDraw, decode, whole
from rbvae.objectives.baselines.single_latent import draw as draw_whole
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig


@dataclass(frozen=True)
class Draws:
    """q: images and a draw of their latent; p: a latent from the prior and its image; `seen` [4N, 3, S, S] both images
    as the discriminator sees them."""

    q: WholeDraw
    x_p: Tensor
    latent_p: Tensor
    seen: Tensor

    def detach(self) -> Draws:
        """The same draws without their history."""
        q = WholeDraw(self.q.x, DiagonalGaussian(self.q.q.mean, self.q.q.log_var).detach(), self.q.latent.detach())
        return Draws(q, self.x_p.detach(), self.latent_p, self.seen.detach())


@dataclass(frozen=True)
class SymmetricTerms:
    """What encoders and generator minimise, all [2N]."""

    adversarial: Tensor
    image: Tensor
    latent: Tensor


@dataclass(frozen=True)
class ClassifierTerms:
    """What the discriminator minimises, all [2N]; logits and the sign gap ride along to be watched."""

    classify: Tensor
    logit_q: Tensor
    logit_p: Tensor
    sign_gap: Tensor
    r1: Tensor | None = None
    r2: Tensor | None = None


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig) -> Draws:
    """One draw from each joint."""
    q = draw_whole(model, x_u, x_r, noise, objective)
    latent_p = torch.cat([whole(noise.prior_z_u, noise.prior_e_u), whole(noise.prior_z_r, noise.prior_e_r)])
    x_p = decode(model, latent_p)
    seen = torch.cat([q.x, x_p])
    if objective.augment != "none":
        seen = augment(seen, torch.cat([noise.augment_u, noise.augment_r]), noise.augment_p)
    return Draws(q, x_p, latent_p, seen)


def logits(discs: Discriminators, draws: Draws, still: int = 0) -> tuple[Tensor, Tensor]:
    """d(q) and d(p), [2N] each; with `still` = 2N the real images get no gradient."""
    d_q, d_p = discs["disc_xl"](draws.seen, torch.cat([draws.q.latent, draws.latent_p]), still=still).chunk(2)
    return d_q, d_p


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> SymmetricTerms:
    """The symmetric objective for encoders and generator."""
    d_q, d_p = logits(discs, draws, still=len(draws.q.x))
    q_z, q_e = model.encode(draws.x_p)
    scale = None if objective.laplace_learned else 1.0
    return SymmetricTerms(
        adversarial=adversarial(d_q, d_p, objective.form),
        image=model.nll(draws.q.x, decode(model, draws.q.latent).float(), scale),
        latent=q_z.beside(q_e).nll(draws.latent_p),
    )


def discriminator_terms(
    discs: Discriminators, draws: Draws, objective: ObjectiveConfig, penalise: bool
) -> ClassifierTerms:
    """The discriminator as a classifier of q against p; gradient penalties once in a while."""
    d_q, d_p = logits(discs, draws)
    x_q, x_p = draws.seen.chunk(2)
    r1, r2 = penalise and objective.r1_weight > 0, penalise and objective.r2_weight > 0
    return ClassifierTerms(
        classify=classify(d_q, d_p, objective.form),
        logit_q=d_q.detach(),
        logit_p=d_p.detach(),
        sign_gap=sign_gap(d_q, d_p, objective.form).detach(),
        r1=gradient_penalty(discs["disc_xl"], x_q, draws.q.latent) if r1 else None,
        r2=gradient_penalty(discs["disc_xl"], x_p, draws.latent_p) if r2 else None,
    )


def discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """d(x, l), of the shape of sRb-VAE's."""
    return {"disc_xl": Discriminator(config, config.dim_z + config.dim_e, depth=objective.fusion_depth)}


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """As sRb-VAE: the adversarial term as it is, the cycles per pixel and per latent dimension."""
    return {
        "adversarial": 1.0,
        "image": objective.image_weight / math.prod(config.observation),
        "latent": objective.latent_weight / (config.dim_z + config.dim_e),
        "classify": 1.0,
        "r1": objective.r1_weight * objective.r1_every,
        "r2": objective.r2_weight * objective.r1_every,
    }


METHOD = Method(
    name="svae",
    title="sVAE",
    draw=draw,
    model_terms=model_terms,
    weights=weights,
    discriminators=discriminators,
    discriminator_terms=discriminator_terms,
    features="ze",
)

"""sVAE (Pu et al. 2018): the symmetric objective of sRb-VAE with one latent and no reference set.

Encoder joint q(l|x) q(x) against generator joint p(x|l) p(l), told apart by one d(x, l); both cycles as in sRb-VAE.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.models.discriminators import Discriminator
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.joints import Noise
from rbvae.models.model import RbVAE
from rbvae.objectives.adversarial import adversarial, classify
from rbvae.objectives.baselines.single_latent import LatentDraw, decode, joined
from rbvae.objectives.baselines.single_latent import draw as draw_latent
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig, Prior


@dataclass(frozen=True)
class Draws:
    """q: images and a draw of their latent; p: a latent from the prior and its image."""

    q: LatentDraw
    x_p: Tensor
    latent_p: Tensor

    def detach(self) -> Draws:
        """The same draws without their history."""
        q = LatentDraw(self.q.x, DiagonalGaussian(self.q.q.mean, self.q.q.log_var).detach(), self.q.latent.detach())
        return Draws(q, self.x_p.detach(), self.latent_p)


@dataclass(frozen=True)
class SymmetricTerms:
    """What encoders and generator minimise, all [2N]."""

    adversarial: Tensor
    image: Tensor
    latent: Tensor


@dataclass(frozen=True)
class ClassifierTerms:
    """What the discriminator minimises, [2N]; the logits are recorded as well, at weight 0."""

    classify: Tensor
    logit_q: Tensor
    logit_p: Tensor


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig, prior: Prior) -> Draws:
    """One draw from each joint."""
    q = draw_latent(model, x_u, x_r, noise, objective, prior)
    latent_p = torch.cat([joined(noise.prior_z_u, noise.prior_e_u), joined(noise.prior_z_r, noise.prior_e_r)])
    return Draws(q, decode(model, latent_p), latent_p)


def logits(discs: Discriminators, draws: Draws, still: int = 0) -> tuple[Tensor, Tensor]:
    """d(q) and d(p), [2N] each; with `still` = 2N the real images get no gradient."""
    x, latent = torch.cat([draws.q.x, draws.x_p]), torch.cat([draws.q.latent, draws.latent_p])
    d_q, d_p = discs["disc_xl"](x, latent, still=still).chunk(2)
    return d_q, d_p


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> SymmetricTerms:
    """The symmetric objective for encoders and generator."""
    d_q, d_p = logits(discs, draws, still=len(draws.q.x))
    q_z, q_e = model.encode(draws.x_p)
    return SymmetricTerms(
        adversarial=adversarial(d_q, d_p, objective.form),
        image=model.nll(draws.q.x, decode(model, draws.q.latent).float(), objective.laplace_scale),
        latent=q_z.beside(q_e).nll(draws.latent_p),
    )


def discriminator_terms(discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> ClassifierTerms:
    """The discriminator as a classifier of q against p."""
    d_q, d_p = logits(discs, draws)
    return ClassifierTerms(classify=classify(d_q, d_p), logit_q=d_q.detach(), logit_p=d_p.detach())


def discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """d(x, l), of the shape of sRb-VAE's."""
    return {"disc_xl": Discriminator(config, config.dim_z + config.dim_e, depth=objective.fusion_depth)}


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """As sRb-VAE: the adversarial term as it is, the cycles by their weights."""
    return {
        "adversarial": 1.0,
        "image": objective.image_weight,
        "latent": objective.latent_z_weight,
        "classify": 1.0,
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

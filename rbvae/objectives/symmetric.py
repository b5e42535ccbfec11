"""sRb-VAE: the symmetric objective of section 2 (A.1, Eq. 13), with its image and latent cycles (Fig. 3c-f).

Two joint discriminators estimate log q/p: d_xi(x, z, e) on unlabelled and d_gamma(x, z) on reference
images. Encoders and generator bring both KL divergences between the joints down; no closed-form KL.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rbvae.config import ModelConfig
from rbvae.discriminators import Discriminator
from rbvae.distributions import DiagonalGaussian, laplace_nll
from rbvae.joints import EncoderJoint, Joint, draw_joints
from rbvae.model import RbVAE
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig


@dataclass(frozen=True)
class Draws:
    """One draw from each joint, shared by both updates."""

    q: EncoderJoint
    p: Joint

    def detach(self) -> Draws:
        """The same draws without their history."""
        return Draws(self.q.detach(), self.p.detach())


@dataclass(frozen=True)
class SymmetricTerms:
    """What encoders and generator minimise, all [N]: two adversarial terms, then the two cycles in nats."""

    adversarial_u: Tensor  # E_q d_xi - E_p d_xi
    adversarial_r: Tensor  # E_q d_gamma - E_p d_gamma
    image_u: Tensor  # -log p(x_u|z, e), latents from q (Fig. 3c)
    image_r: Tensor  # -log p(x_r|z, e_ref) (Fig. 3d)
    latent_z_u: Tensor  # -log q(z|x_hat), image from p (Fig. 3e)
    latent_e_u: Tensor  # -log q(e|x_hat)
    latent_z_r: Tensor  # -log q(z|x_hat_r) (Fig. 3f)


@dataclass(frozen=True)
class ClassifierTerms:
    """What the discriminators minimise, all [N]; the logits ride along to be watched, at weight 0."""

    classify_u: Tensor
    classify_r: Tensor
    logit_q_u: Tensor
    logit_p_u: Tensor
    logit_q_r: Tensor
    logit_p_r: Tensor
    r1_u: Tensor | None = None
    r1_r: Tensor | None = None


def logits(discs: Discriminators, draws: Draws) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """d_xi(q), d_xi(p), d_gamma(q), d_gamma(p), each [N]; q and p go through each net in one batch."""
    q, p = draws.q, draws.p
    x_u, z_u, e_u = torch.cat([q.x_u, p.x_u]), torch.cat([q.z_u, p.z_u]), torch.cat([q.e_u, p.e_u])
    x_r, z_r = torch.cat([q.x_r, p.x_r]), torch.cat([q.z_r, p.z_r])
    d_q_u, d_p_u = discs["disc_xze"](x_u, z_u, e_u).chunk(2)
    d_q_r, d_p_r = discs["disc_xz"](x_r, z_r).chunk(2)
    return d_q_u, d_p_u, d_q_r, d_p_r


def adversarial(d_q: Tensor, d_p: Tensor, form: str) -> Tensor:
    """E_q d - E_p d (A.1 Eq. 13, factor 1/2 dropped), raw or saturated by softplus for both players: [N]."""
    if form == "raw":
        return d_q - d_p
    return softplus(d_q) + softplus(-d_p)


def classify(d_q: Tensor, d_p: Tensor) -> Tensor:
    """Logistic loss of telling q (label 1) from p (label 0), whose optimum is d = log q/p: [N]."""
    return softplus(-d_q) + softplus(d_p)


def gradient_penalty(disc: nn.Module, x: Tensor, *latents: Tensor) -> Tensor:
    """R1, |grad_x d(x, ...)|^2 / 2 on real images (Mescheder et al. 2018): [N]."""
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(disc(x, *latents).sum(), x, create_graph=True)
    return 0.5 * gradient.float().square().flatten(1).sum(dim=1)


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> SymmetricTerms:
    """The symmetric objective for encoders and generator, per example."""
    q, p = draws.q, draws.p
    d_q_u, d_p_u, d_q_r, d_p_r = logits(discs, draws)
    e = torch.cat([q.e_u, model.e_ref.expand(len(q.z_r), -1)])
    x_hat_u, x_hat_r = model.generator(torch.cat([q.z_u, q.z_r]), e).float().chunk(2)
    q_z = model.encoder_z(torch.cat([p.x_u, p.x_r]))
    latent_z_u, latent_z_r = DiagonalGaussian(q_z.mean, q_z.log_var).nll(torch.cat([p.z_u, p.z_r])).chunk(2)
    return SymmetricTerms(
        adversarial_u=adversarial(d_q_u, d_p_u, objective.form),
        adversarial_r=adversarial(d_q_r, d_p_r, objective.form),
        image_u=laplace_nll(q.x_u, x_hat_u),
        image_r=laplace_nll(q.x_r, x_hat_r),
        latent_z_u=latent_z_u,
        latent_e_u=model.encoder_e(p.x_u).nll(p.e_u),
        latent_z_r=latent_z_r,
    )


def discriminator_terms(discs: Discriminators, draws: Draws, objective: ObjectiveConfig, step: int) -> ClassifierTerms:
    """Both discriminators as classifiers of q against p; R1 on the real images once in a while (lazily)."""
    q = draws.q
    d_q_u, d_p_u, d_q_r, d_p_r = logits(discs, draws)
    penalise = objective.r1_weight > 0 and step % objective.r1_every == 0
    return ClassifierTerms(
        classify_u=classify(d_q_u, d_p_u),
        classify_r=classify(d_q_r, d_p_r),
        logit_q_u=d_q_u.detach(),
        logit_p_u=d_p_u.detach(),
        logit_q_r=d_q_r.detach(),
        logit_p_r=d_p_r.detach(),
        r1_u=gradient_penalty(discs["disc_xze"], q.x_u, q.z_u, q.e_u) if penalise else None,
        r1_r=gradient_penalty(discs["disc_xz"], q.x_r, q.z_r) if penalise else None,
    )


def discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """d_xi and d_gamma."""
    depth = objective.fusion_depth
    return {
        "disc_xze": Discriminator(config, config.dim_z + config.dim_e, depth=depth),
        "disc_xz": Discriminator(config, config.dim_z, depth=depth),
    }


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """The adversarial terms as they are; the cycles per pixel and per latent dimension; lazy R1 made up for."""
    image = objective.image_weight / (config.channels * config.image_size**2)
    r1 = objective.r1_weight * objective.r1_every
    return {
        "adversarial_u": 1.0,
        "adversarial_r": 1.0,
        "image_u": image,
        "image_r": image,
        "latent_z_u": objective.latent_weight / config.dim_z,
        "latent_e_u": objective.latent_weight / config.dim_e,
        "latent_z_r": objective.latent_weight / config.dim_z,
        "classify_u": 1.0,
        "classify_r": 1.0,
        "r1_u": r1,
        "r1_r": r1,
    }


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, generator: torch.Generator | None) -> Draws:
    """One draw from each joint."""
    return Draws(*draw_joints(model, x_u, x_r, generator))


METHOD = Method(
    name="srb",
    title="sRb-VAE",
    draw=draw,
    model_terms=model_terms,
    weights=weights,
    discriminators=discriminators,
    discriminator_terms=discriminator_terms,
)

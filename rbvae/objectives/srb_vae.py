"""sRb-VAE: the symmetric objective of section 2 (A.1, Eq. 13), with its image and latent cycles (Fig. 3c-f).

Two joint discriminators estimate log q/p: d_xi(x, z, e) on unlabelled and d_gamma(x, z) on reference
images. Encoders and generator bring both KL divergences between the joints down; no closed-form KL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.extensions.augmentation import augment
from rbvae.extensions.terms import (
    ReferenceClassifier,
    forgotten,
    hide_reference,
    perceptual,
    pin,
    swap,
    tell_reference,
)
from rbvae.models.discriminators import Discriminator
from rbvae.models.joints import EncoderJoint, Joint, Noise, draw_joints
from rbvae.models.model import RbVAE
from rbvae.objectives.adversarial import adversarial, classify, gradient_penalty, sign_gap
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig


@dataclass(frozen=True)
class Draws:
    """One draw from each joint, shared by both updates; `seen_u` and `seen_r` [2N, 3, S, S] are the images of q and
    then of p as the discriminators see them."""

    q: EncoderJoint
    p: Joint
    seen_u: Tensor
    seen_r: Tensor

    def detach(self) -> Draws:
        """The same draws without their history."""
        return Draws(self.q.detach(), self.p.detach(), self.seen_u.detach(), self.seen_r.detach())


@dataclass(frozen=True)
class SymmetricTerms:
    """What encoders and generator minimise, all [N]: two adversarial terms, the two cycles in nats, then extras."""

    adversarial_u: Tensor  # E_q d_xi - E_p d_xi
    adversarial_r: Tensor  # E_q d_gamma - E_p d_gamma
    image_u: Tensor  # -log p(x_u|z, e), latents from q (Fig. 3c)
    image_r: Tensor  # -log p(x_r|z, e_ref) (Fig. 3d)
    latent_z_u: Tensor  # -log q(z|x_hat), image from p (Fig. 3e)
    latent_e_u: Tensor  # -log q(e|x_hat)
    latent_z_r: Tensor  # -log q(z|x_hat_r) (Fig. 3f)
    perceptual_u: Tensor | None = None
    perceptual_r: Tensor | None = None
    forgotten_e: Tensor | None = None
    pin_r: Tensor | None = None
    swap_z: Tensor | None = None
    swap_e: Tensor | None = None
    hide_z: Tensor | None = None


@dataclass(frozen=True)
class ClassifierTerms:
    """What the discriminators minimise, all [N]; logits and sign gaps ride along to be watched, at weight 0."""

    classify_u: Tensor
    classify_r: Tensor
    logit_q_u: Tensor
    logit_p_u: Tensor
    logit_q_r: Tensor
    logit_p_r: Tensor
    sign_gap: Tensor
    r1_u: Tensor | None = None
    r1_r: Tensor | None = None
    r2_u: Tensor | None = None
    r2_r: Tensor | None = None
    classify_z: Tensor | None = None


def logits(discs: Discriminators, draws: Draws, still: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """d_xi(q), d_xi(p), d_gamma(q), d_gamma(p), each [N]; q and p go through each net in one batch.

    With `still` = N the real images of q get no gradient.
    """
    q, p = draws.q, draws.p
    z_u, e_u, z_r = torch.cat([q.z_u, p.z_u]), torch.cat([q.e_u, p.e_u]), torch.cat([q.z_r, p.z_r])
    d_q_u, d_p_u = discs["disc_xze"](draws.seen_u, z_u, e_u, still=still).chunk(2)
    d_q_r, d_p_r = discs["disc_xz"](draws.seen_r, z_r, still=still).chunk(2)
    return d_q_u, d_p_u, d_q_r, d_p_r


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> SymmetricTerms:
    """The symmetric objective for encoders and generator, per example."""
    q, p = draws.q, draws.p
    d_q_u, d_p_u, d_q_r, d_p_r = logits(discs, draws, still=len(q.x_u))
    e = torch.cat([q.e_u, model.e_ref.expand(len(q.z_r), -1)])
    z_u = q.z_u.lerp(q.z_u.detach(), objective.z_of_references)  # the same, with less of a gradient
    x_hat_u, x_hat_r = model.generator(torch.cat([z_u, q.z_r]), e).float().chunk(2)
    q_z_u, q_z_r = model.encoder_z(torch.cat([p.x_u, p.x_r])).split(len(p.x_u))
    scale = None if objective.laplace_learned else 1.0
    swap_z, swap_e = swap(model, q) if objective.swap_weight else (None, None)
    return SymmetricTerms(
        adversarial_u=adversarial(d_q_u, d_p_u, objective.form),
        adversarial_r=adversarial(d_q_r, d_p_r, objective.form),
        image_u=model.nll(q.x_u, x_hat_u, scale),
        image_r=model.nll(q.x_r, x_hat_r, scale),
        latent_z_u=q_z_u.nll(p.z_u),
        latent_e_u=model.encoder_e(p.x_u).nll(p.e_u),
        latent_z_r=q_z_r.nll(p.z_r),
        perceptual_u=perceptual(discs, q.x_u, x_hat_u) if objective.perceptual_weight else None,
        perceptual_r=perceptual(discs, q.x_r, x_hat_r) if objective.perceptual_weight else None,
        forgotten_e=forgotten(discs, q.x_u, q.q_e_u.mean) if objective.told_weight else None,
        pin_r=pin(model, q.x_r) if objective.pin_weight else None,
        swap_z=swap_z,
        swap_e=swap_e,
        hide_z=hide_reference(discs["disc_z"], q) if objective.reverse_weight else None,
    )


def discriminator_terms(
    discs: Discriminators, draws: Draws, objective: ObjectiveConfig, penalise: bool
) -> ClassifierTerms:
    """Both discriminators as classifiers of q against p; gradient penalties once in a while (lazily)."""
    q, p = draws.q, draws.p
    d_q_u, d_p_u, d_q_r, d_p_r = logits(discs, draws)
    form = objective.form
    r1, r2 = penalise and objective.r1_weight > 0, penalise and objective.r2_weight > 0
    (x_q_u, x_p_u), (x_q_r, x_p_r) = draws.seen_u.chunk(2), draws.seen_r.chunk(2)
    return ClassifierTerms(
        classify_u=classify(d_q_u, d_p_u, form),
        classify_r=classify(d_q_r, d_p_r, form),
        logit_q_u=d_q_u.detach(),
        logit_p_u=d_p_u.detach(),
        logit_q_r=d_q_r.detach(),
        logit_p_r=d_p_r.detach(),
        sign_gap=torch.cat([sign_gap(d_q_u, d_p_u, form), sign_gap(d_q_r, d_p_r, form)]).detach(),
        r1_u=gradient_penalty(discs["disc_xze"], x_q_u, q.z_u, q.e_u) if r1 else None,
        r1_r=gradient_penalty(discs["disc_xz"], x_q_r, q.z_r) if r1 else None,
        r2_u=gradient_penalty(discs["disc_xze"], x_p_u, p.z_u, p.e_u) if r2 else None,
        r2_r=gradient_penalty(discs["disc_xz"], x_p_r, p.z_r) if r2 else None,
        classify_z=tell_reference(discs["disc_z"], q) if objective.reverse_weight else None,
    )


def discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """d_xi and d_gamma, and where asked for a classifier of references by z."""
    depth = objective.fusion_depth
    networks: dict[str, nn.Module] = {
        "disc_xze": Discriminator(config, config.dim_z + config.dim_e, depth=depth),
        "disc_xz": Discriminator(config, config.dim_z, depth=depth),
    }
    if objective.reverse_weight:
        networks["disc_z"] = ReferenceClassifier(config.dim_z, config.dim_e)
    return networks


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """The adversarial terms as they are; the cycles per pixel and per latent dimension; lazy penalties made up for."""
    image = objective.image_weight / math.prod(config.observation)
    latent_z, latent_e = objective.latent_weight / config.dim_z, objective.latent_weight / config.dim_e
    r1, r2 = objective.r1_weight * objective.r1_every, objective.r2_weight * objective.r1_every
    return {
        "adversarial_u": 1.0,
        "adversarial_r": 1.0,
        "image_u": image,
        "image_r": image,
        "latent_z_u": latent_z,
        "latent_e_u": latent_e,
        "latent_z_r": latent_z,
        "perceptual_u": objective.image_weight * objective.perceptual_weight,
        "perceptual_r": objective.image_weight * objective.perceptual_weight,
        "forgotten_e": objective.told_weight,
        "pin_r": objective.pin_weight,
        "swap_z": objective.swap_weight / config.dim_z,
        "swap_e": objective.swap_weight / config.dim_e,
        "hide_z": objective.reverse_weight,
        "classify_u": 1.0,
        "classify_r": 1.0,
        "classify_z": 1.0,
        "r1_u": r1,
        "r1_r": r1,
        "r2_u": r2,
        "r2_r": r2,
    }


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig) -> Draws:
    """One draw from each joint, and the discriminators' view of its images."""
    q, p = draw_joints(model, x_u, x_r, noise, objective.cross_share)
    seen_u, seen_r = torch.cat([q.x_u, p.x_u]), torch.cat([q.x_r, p.x_r])
    if objective.augment != "none":
        seen_u = augment(seen_u, noise.augment_u, noise.augment_p)
        seen_r = augment(seen_r, noise.augment_r, noise.augment_p)
    return Draws(q, p, seen_u, seen_r)


METHOD = Method(
    name="srb",
    title="sRb-VAE",
    draw=draw,
    model_terms=model_terms,
    weights=weights,
    discriminators=discriminators,
    discriminator_terms=discriminator_terms,
)

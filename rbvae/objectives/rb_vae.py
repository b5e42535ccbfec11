"""Rb-VAE: Eq. (1), the evidence lower bounds of an unlabelled and of a reference image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.extensions.terms import forgotten, perceptual
from rbvae.models.joints import EncoderJoint, Noise, draw_encoder_joint
from rbvae.models.model import RbVAE
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig


@dataclass(frozen=True)
class RbTerms:
    """Eq. (1), all [N], in nats: first line (u), second line (r); those after are not the paper's."""

    kl_z_u: Tensor
    kl_e_u: Tensor
    image_u: Tensor
    kl_z_r: Tensor
    image_r: Tensor
    perceptual_u: Tensor | None = None
    perceptual_r: Tensor | None = None
    forgotten_e: Tensor | None = None


def model_terms(model: RbVAE, discs: Discriminators, q: EncoderJoint, objective: ObjectiveConfig) -> RbTerms:
    """KL(q_z|N) + KL(q_e|N) - log p(x_u|z, e) and KL(q_z|N) - log p(x_r|z, e_ref)."""
    e = torch.cat([q.e_u, model.e_ref.expand(len(q.z_r), -1)])
    x_hat_u, x_hat_r = model.generator(torch.cat([q.z_u, q.z_r]), e).float().split([len(q.z_u), len(q.z_r)])
    return RbTerms(
        kl_z_u=q.q_z_u.kl_to_prior(),
        kl_e_u=q.q_e_u.kl_to_prior(),
        image_u=model.nll(q.x_u, x_hat_u, objective.scale),
        kl_z_r=q.q_z_r.kl_to_prior(),
        image_r=model.nll(q.x_r, x_hat_r, objective.scale),
        perceptual_u=perceptual(discs, q.x_u, x_hat_u) if objective.perceptual_weight else None,
        perceptual_r=perceptual(discs, q.x_r, x_hat_r) if objective.perceptual_weight else None,
        forgotten_e=forgotten(discs, q.x_u, q.q_e_u.mean) if objective.told_weight else None,
    )


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """Eq. (1) weighs its terms alike; an error of 1 a pixel is pixels / b nats."""
    features = objective.perceptual_weight * math.prod(config.observation) / objective.laplace_scale
    told = objective.told_weight * config.dim_e  # as much as the squares in KL(q_e|N) weigh, times 2 told_weight
    eq_1 = dict.fromkeys(("kl_z_u", "kl_e_u", "image_u", "kl_z_r", "image_r"), 1.0)
    return eq_1 | {"perceptual_u": features, "perceptual_r": features, "forgotten_e": told}


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig) -> EncoderJoint:
    """The encoder joint alone: Eq. (1) needs no draw from the priors."""
    return draw_encoder_joint(model, x_u, x_r, noise)


METHOD = Method(name="rb", title="Rb-VAE", draw=draw, model_terms=model_terms, weights=weights)

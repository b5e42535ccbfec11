"""Rb-VAE: Eq. (1), the evidence lower bounds of an unlabelled and of a reference image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.models.joints import EncoderJoint, Noise, draw_encoder_joint
from rbvae.models.model import RbVAE
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig, Prior


@dataclass(frozen=True)
class RbTerms:
    """Eq. (1), all [N], in nats: first line (u), second line (r)."""

    kl_z_u: Tensor
    kl_e_u: Tensor
    image_u: Tensor
    kl_z_r: Tensor
    image_r: Tensor


def draw(
    model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig, prior: Prior
) -> EncoderJoint:
    """The encoder joint alone: Eq. (1) needs no draw from the priors."""
    return draw_encoder_joint(model, x_u, x_r, noise)


def model_terms(model: RbVAE, discs: Discriminators, q: EncoderJoint, objective: ObjectiveConfig) -> RbTerms:
    """KL(q_z|N) + KL(q_e|N) - log p(x_u|z, e) and KL(q_z|N) - log p(x_r|z, e_ref)."""
    e = torch.cat([q.e_u, model.e_ref.expand(len(q.z_r), -1)])
    x_hat_u, x_hat_r = model.generator(torch.cat([q.z_u, q.z_r]), e).float().split([len(q.z_u), len(q.z_r)])
    return RbTerms(
        kl_z_u=q.q_z_u.kl_to_prior(),
        kl_e_u=q.q_e_u.kl_to_prior(),
        image_u=model.nll(q.x_u, x_hat_u, objective.laplace_scale),
        kl_z_r=q.q_z_r.kl_to_prior(),
        image_r=model.nll(q.x_r, x_hat_r, objective.laplace_scale),
    )


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """Eq. (1) weighs its terms alike."""
    return dict.fromkeys(("kl_z_u", "kl_e_u", "image_u", "kl_z_r", "image_r"), 1.0)


METHOD = Method(name="rb", title="Rb-VAE", draw=draw, model_terms=model_terms, weights=weights)

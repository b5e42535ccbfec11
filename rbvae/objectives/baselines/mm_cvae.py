"""MM-cVAE (Weinberger, Beebe-Wang, Lee 2022, arXiv 2202.10560): a contrastive VAE with matched moments.

In its words, unlabelled images are the target, references the background, e the salient and z the shared latents. It
adds two maximum mean discrepancies (MMD) to the evidence lower bounds of Eq. (1): that of z between the two sets, and
that of the references' e from a constant. The constant is e_ref here and 0 there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.joints import EncoderJoint, Noise, draw_encoder_joint
from rbvae.models.model import RbVAE
from rbvae.objectives import rb_vae
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig, Prior

PRECISIONS = tuple(10.0**power for power in range(-6, 7))  # of the kernel's Gaussians, as in the authors' code
# The authors' code has 10e3 and 10e2 beside sums over a batch of 128. Here terms are means over N images of each kind.
SHARED, SALIENT = 10e3 / 64, 10e2 / 64


@dataclass(frozen=True)
class Draws:
    """The encoder joint, and q(e|x_r) with a draw of it [N, D_e]."""

    q: EncoderJoint
    q_e_r: DiagonalGaussian
    e_r: Tensor


@dataclass(frozen=True)
class MomentTerms(rb_vae.RbTerms):
    """The terms of Eq. (1) and the two discrepancies, which are the same number for every image; all [N]."""

    match_z: Tensor
    match_e_r: Tensor


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig, prior: Prior) -> Draws:
    """Unlike in Rb-VAE, references are given to encoder_e too."""
    q_e_r = model.encoder_e(x_r)
    return Draws(draw_encoder_joint(model, x_u, x_r, noise), q_e_r, q_e_r.sample(noise.e_r))


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> MomentTerms:
    """Eq. (1), MMD(q(z|x_u), q(z|x_r)) and MMD(q(e|x_r), e_ref)."""
    q, bounds = draws.q, rb_vae.model_terms(model, discs, draws.q, objective)
    constant = model.e_ref.detach().expand_as(draws.e_r)
    return MomentTerms(
        **vars(bounds),
        match_z=discrepancy(q.z_u, q.z_r).expand(len(q.z_u)),
        match_e_r=discrepancy(draws.e_r, constant).expand(len(draws.e_r)),
    )


def discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared MMD of samples [N, D] and [M, D]: E k(a, a') + E k(b, b') - 2 E k(a, b), at least 0."""
    return (kernel(a, a).mean() + kernel(b, b).mean() - 2 * kernel(a, b).mean()).clamp_min(0)


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """Return the sum of Gaussian kernels exp(-precision |a - b|^2) of all PRECISIONS: [N, M]."""
    squared = (a[:, None] - b[None]).square().sum(dim=2)
    return torch.stack([(-precision * squared).exp() for precision in PRECISIONS]).sum(dim=0)


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """As published, both discrepancies times `separation_weight`."""
    match = {"match_z": SHARED * objective.separation_weight, "match_e_r": SALIENT * objective.separation_weight}
    return rb_vae.weights(objective, config) | match


METHOD = Method(name="mmcvae", title="MM-cVAE", draw=draw, model_terms=model_terms, weights=weights)

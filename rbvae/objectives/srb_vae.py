"""sRb-VAE: the symmetric objective of section 2 (Eqs. 2 and 3; A.1, Eq. 13), with the cycles of Fig. 3c-f.

Two discriminators estimate log q/p of the joints: d_xi(x, z, e) on unlabelled and d_gamma(x, z) on reference images.
Encoders and generator minimise both KL divergences between the joints; there is no closed-form KL.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rbvae.config import ModelConfig
from rbvae.models.discriminators import Discriminator
from rbvae.models.joints import EncoderJoint, Joint, Noise, draw_encoder_joint, draw_generator_joint
from rbvae.models.model import RbVAE
from rbvae.objectives.adversarial import adversarial, classify
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig, Prior


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
    """What encoders and generator minimise, all [N]: two adversarial terms, and the cycles in nats."""

    adversarial_u: Tensor  # E_q d_xi - E_p d_xi
    adversarial_r: Tensor  # E_q d_gamma - E_p d_gamma
    image_u: Tensor  # -log p(x_u|z, e), latents from q (Fig. 3c)
    image_r: Tensor  # -log p(x_r|z, e_ref) (Fig. 3d)
    latent_z_u: Tensor  # -log q(z|x_hat), image from p (Fig. 3e)
    latent_e_u: Tensor  # -log q(e|x_hat)
    latent_z_r: Tensor  # -log q(z|x_hat_r) (Fig. 3f)


@dataclass(frozen=True)
class ClassifierTerms:
    """What the discriminators minimise, all [N]; the logits are recorded as well, at weight 0."""

    classify_u: Tensor
    classify_r: Tensor
    logit_q_u: Tensor
    logit_p_u: Tensor
    logit_q_r: Tensor
    logit_p_r: Tensor


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig, prior: Prior) -> Draws:
    """One draw from each joint."""
    q = draw_encoder_joint(model, x_u, x_r, noise)
    return Draws(q, draw_generator_joint(model, prior(noise, q)))


def logits(discs: Discriminators, draws: Draws, still: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """d_xi(q), d_xi(p), d_gamma(q), d_gamma(p), each [N]; q and p go through each network in one batch.

    With `still` = N the real images of q get no gradient.
    """
    q, p = draws.q, draws.p
    x_u, z_u, e_u = torch.cat([q.x_u, p.x_u]), torch.cat([q.z_u, p.z_u]), torch.cat([q.e_u, p.e_u])
    x_r, z_r = torch.cat([q.x_r, p.x_r]), torch.cat([q.z_r, p.z_r])
    d_q_u, d_p_u = discs["disc_xze"](x_u, z_u, e_u, still=still).chunk(2)
    d_q_r, d_p_r = discs["disc_xz"](x_r, z_r, still=still).chunk(2)
    return d_q_u, d_p_u, d_q_r, d_p_r


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> SymmetricTerms:
    """The symmetric objective for encoders and generator, per example."""
    q, p = draws.q, draws.p
    d_q_u, d_p_u, d_q_r, d_p_r = logits(discs, draws, still=len(q.x_u))
    e = torch.cat([q.e_u, model.e_ref.expand(len(q.z_r), -1)])
    x_hat_u, x_hat_r = model.generator(torch.cat([q.z_u, q.z_r]), e).float().chunk(2)
    q_z_u, q_z_r = model.encoder_z(torch.cat([p.x_u, p.x_r])).split(len(p.x_u))
    return SymmetricTerms(
        adversarial_u=adversarial(d_q_u, d_p_u, objective.form),
        adversarial_r=adversarial(d_q_r, d_p_r, objective.form),
        image_u=model.nll(q.x_u, x_hat_u, objective.laplace_scale),
        image_r=model.nll(q.x_r, x_hat_r, objective.laplace_scale),
        latent_z_u=q_z_u.nll(p.z_u),
        latent_e_u=model.encoder_e(p.x_u).nll(p.e_u),
        latent_z_r=q_z_r.nll(p.z_r),
    )


def discriminator_terms(discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> ClassifierTerms:
    """Both discriminators as classifiers of q against p."""
    d_q_u, d_p_u, d_q_r, d_p_r = logits(discs, draws)
    return ClassifierTerms(
        classify_u=classify(d_q_u, d_p_u),
        classify_r=classify(d_q_r, d_p_r),
        logit_q_u=d_q_u.detach(),
        logit_p_u=d_p_u.detach(),
        logit_q_r=d_q_r.detach(),
        logit_p_r=d_p_r.detach(),
    )


def discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """d_xi and d_gamma."""
    depth = objective.fusion_depth
    return {
        "disc_xze": Discriminator(config, config.dim_z + config.dim_e, depth=depth),
        "disc_xz": Discriminator(config, config.dim_z, depth=depth),
    }


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """The adversarial terms as they are, the cycles by their weights."""
    return {
        "adversarial_u": 1.0,
        "adversarial_r": 1.0,
        "image_u": objective.image_weight,
        "image_r": objective.image_weight,
        "latent_z_u": objective.latent_z_weight,
        "latent_e_u": objective.latent_e_weight,
        "latent_z_r": objective.latent_z_weight,
        "classify_u": 1.0,
        "classify_r": 1.0,
    }


METHOD = Method(
    name="srb",
    title="sRb-VAE",
    draw=draw,
    model_terms=model_terms,
    weights=weights,
    discriminators=discriminators,
    discriminator_terms=discriminator_terms,
)

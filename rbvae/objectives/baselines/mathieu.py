"""Mathieu et al. 2016, adversarial disentangling, adapted from labelled groups to one reference set.

There, images with a label share the specified part of the code (here e), the rest (here z) is a variational
autoencoder's; a part that is swapped between two images of one label must not change the reconstruction, and an
image composed of two labels must look real to a discriminator that knows the label. Here the only group whose members
are known to share e is the reference set. So (1) every image is rebuilt from its own z and e; (2) a reference image
is rebuilt as well from its own z and the e of another reference; (3) an unlabelled face with the e of a reference
must pass for a reference image, and a reference with the e of an unlabelled one for an unlabelled image, before one
discriminator for each of the two kinds. z alone has a prior, as in the paper; e is the mean of its encoder.
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
from rbvae.objectives.adversarial import classify
from rbvae.objectives.method import Discriminators, Method, ObjectiveConfig, Prior
from rbvae.objectives.srb_vae import ClassifierTerms


@dataclass(frozen=True)
class Draws:
    """Images of both kinds, q(z|x) of both and a draw of it, e of both, and the composed images of either kind."""

    x_u: Tensor
    x_r: Tensor
    q_z: DiagonalGaussian
    z: Tensor
    e_u: Tensor
    e_r: Tensor
    composed_u: Tensor
    composed_r: Tensor

    def detach(self) -> Draws:
        """The same draws without their history."""
        latents = (self.q_z.detach(), self.z.detach(), self.e_u.detach(), self.e_r.detach())
        return Draws(self.x_u, self.x_r, *latents, self.composed_u.detach(), self.composed_r.detach())


@dataclass(frozen=True)
class SwapTerms:
    """What encoders and generator minimise; `kl_z` [2N], the others [N]."""

    kl_z: Tensor
    image_u: Tensor
    image_r: Tensor
    swapped_r: Tensor  # a reference from its own z and another reference's e
    adversarial_u: Tensor  # a reference with an unlabelled e, as an unlabelled image
    adversarial_r: Tensor  # an unlabelled image with a reference's e, as a reference
    reference_e: Tensor  # moves e_ref alone, to the mean of the references' e: what an editor calls neutral


def draw(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, objective: ObjectiveConfig, prior: Prior) -> Draws:
    """Codes of all images, and the two compositions."""
    x = torch.cat([x_u, x_r])
    q_z, q_e = model.encode(x)
    z = q_z.sample(torch.cat([noise.z_u, noise.z_r]))
    (z_u, z_r), (e_u, e_r) = z.chunk(2), q_e.mean.chunk(2)
    composed_u, composed_r = model.generator(torch.cat([z_r, z_u]), torch.cat([e_u, e_r])).chunk(2)
    return Draws(x_u, x_r, q_z, z, e_u, e_r, composed_u, composed_r)


def model_terms(model: RbVAE, discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> SwapTerms:
    """(1), (2) and (3) of this module's text, and the prior of z."""
    z_u, z_r = draws.z.chunk(2)
    codes = torch.cat([draws.e_u, draws.e_r, draws.e_r.roll(1, dims=0)])
    x_hat_u, x_hat_r, x_swapped = model.generator(torch.cat([z_u, z_r, z_r]), codes).float().chunk(3)
    softplus = nn.functional.softplus
    return SwapTerms(
        kl_z=draws.q_z.kl_to_prior(),
        image_u=model.nll(draws.x_u, x_hat_u, objective.laplace_scale),
        image_r=model.nll(draws.x_r, x_hat_r, objective.laplace_scale),
        swapped_r=model.nll(draws.x_r, x_swapped, objective.laplace_scale),
        adversarial_u=softplus(-discs["disc_u"](draws.composed_u)),
        adversarial_r=softplus(-discs["disc_r"](draws.composed_r)),
        reference_e=(model.e_ref - draws.e_r.detach()).square().mean(dim=1),
    )


def discriminator_terms(discs: Discriminators, draws: Draws, objective: ObjectiveConfig) -> ClassifierTerms:
    """Real against composed, for unlabelled and for reference images."""
    d_q_u, d_p_u = discs["disc_u"](torch.cat([draws.x_u, draws.composed_u])).chunk(2)
    d_q_r, d_p_r = discs["disc_r"](torch.cat([draws.x_r, draws.composed_r])).chunk(2)
    return ClassifierTerms(
        classify_u=classify(d_q_u, d_p_u),
        classify_r=classify(d_q_r, d_p_r),
        logit_q_u=d_q_u.detach(),
        logit_p_u=d_p_u.detach(),
        logit_q_r=d_q_r.detach(),
        logit_p_r=d_p_r.detach(),
    )


def discriminators(config: ModelConfig, objective: ObjectiveConfig) -> dict[str, nn.Module]:
    """One for each kind of image, of the shape of sRb-VAE's without latents."""
    return {name: Discriminator(config, 0, depth=objective.fusion_depth) for name in ("disc_u", "disc_r")}


def weights(objective: ObjectiveConfig, config: ModelConfig) -> dict[str, float]:
    """Nats for nats, and the adversarial terms a nat a dimension of the image's code: those of z."""
    evidence = dict.fromkeys(("kl_z", "image_u", "image_r", "swapped_r"), 1.0)
    adversarial = dict.fromkeys(("adversarial_u", "adversarial_r"), float(config.dim_z))
    return {**evidence, **adversarial, "reference_e": 1.0, "classify_u": 1.0, "classify_r": 1.0}


METHOD = Method(
    name="mathieu",
    title="Mathieu et al.",
    draw=draw,
    model_terms=model_terms,
    weights=weights,
    discriminators=discriminators,
    discriminator_terms=discriminator_terms,
)

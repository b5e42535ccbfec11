"""Draws from the two joints that the symmetric objective sets against each other (section 2)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.extensions.augmentation import DRAWS
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.model import RbVAE

AnyJoint = TypeVar("AnyJoint", bound="Joint")


@dataclass(frozen=True)
class Noise:
    """All the randomness of a step, drawn before it, so that the step itself is a function of tensors.

    Standard normal: `z_u`, `z_r` [N, D_z] and `e_u`, `e_r` [N, D_e] move the posteriors' draws off their means;
    those with `prior_` are draws from the priors. `e_r` is for methods that know no reference. Uniform in [0, 1):
    `augment_u` and `augment_r` [2N, DRAWS], for the images of q and then of p. `augment_p` [] their probability.
    """

    z_u: Tensor
    e_u: Tensor
    z_r: Tensor
    e_r: Tensor
    prior_z_u: Tensor
    prior_e_u: Tensor
    prior_z_r: Tensor
    prior_e_r: Tensor
    augment_u: Tensor
    augment_r: Tensor
    cross: Tensor
    augment_p: Tensor


def draw_noise(
    config: ModelConfig, n: int, generator: torch.Generator, augment_p: Tensor, rank: int = 0, world: int = 1
) -> Noise:
    """The noise of a batch of `n` pairs; of `world` processes, `rank` gets its n / world rows of the same draw."""
    dims = [config.dim_z, config.dim_e] * 2
    rows = slice(rank * n // world, (rank + 1) * n // world)
    device = generator.device
    normal = torch.randn(n, 2 * sum(dims), generator=generator, device=device)[rows]
    latents = normal.split(2 * dims, dim=1)
    uniform = torch.rand(n, 4, DRAWS, generator=generator, device=device)[rows].transpose(0, 1)  # [4, N, DRAWS]
    augment_u, augment_r = uniform[:2].reshape(-1, DRAWS), uniform[2:].reshape(-1, DRAWS)
    cross = torch.rand(n, generator=generator, device=device)[rows]
    return Noise(*latents, augment_u, augment_r, cross, augment_p)  # type: ignore[call-arg]


@dataclass(frozen=True)
class Joint:
    """(x_u, z_u, e_u) and (x_r, z_r): images [N, 3, S, S] in [-1, 1], z [N, D_z], e [N, D_e]."""

    x_u: Tensor
    z_u: Tensor
    e_u: Tensor
    x_r: Tensor
    z_r: Tensor

    def detach(self: AnyJoint) -> AnyJoint:
        """The same draws without their history."""
        return dataclasses.replace(self, **{f.name: getattr(self, f.name).detach() for f in dataclasses.fields(self)})


@dataclass(frozen=True)
class EncoderJoint(Joint):
    """q: the images are real, the latents drawn from these posteriors. No posterior over e for x_r: it has none."""

    q_z_u: DiagonalGaussian
    q_e_u: DiagonalGaussian
    q_z_r: DiagonalGaussian


def draw_encoder_joint(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise) -> EncoderJoint:
    """q(z, e|x_u) q(x_u) and q(z|x_r) q(x_r), one draw an image; reference images never enter encoder_e."""
    q_z_u, q_z_r = model.encoder_z(torch.cat([x_u, x_r])).split(len(x_u))
    q_e_u = model.encoder_e(x_u)
    return EncoderJoint(
        x_u=x_u,
        z_u=q_z_u.sample(noise.z_u),
        e_u=q_e_u.sample(noise.e_u),
        x_r=x_r,
        z_r=q_z_r.sample(noise.z_r),
        q_z_u=q_z_u,
        q_e_u=q_e_u,
        q_z_r=q_z_r,
    )


def draw_generator_joint(model: RbVAE, noise: Noise) -> Joint:
    """p(x|z, e) p(z) p(e) for x_u, and p(x|z, e_ref) p(z) for x_r."""
    z_u, e_u, z_r = noise.prior_z_u, noise.prior_e_u, noise.prior_z_r
    x = model.generator(torch.cat([z_u, z_r]), torch.cat([e_u, model.e_ref.expand(len(z_r), -1)]))
    x_u, x_r = x.split([len(z_u), len(z_r)])
    return Joint(x_u=x_u, z_u=z_u, e_u=e_u, x_r=x_r, z_r=z_r)


def crossed(noise: Noise, q: EncoderJoint, share: float) -> Noise:
    """`noise` in which a `share` of the prior z are z of q instead: those of references where e is drawn, those of
    unlabelled images where it is e_ref. As q(z) = p(z) on either set at the optimum, it has the same optimum; ours."""
    if not share:
        return noise
    chosen = (noise.cross < share)[:, None]
    z_u = torch.where(chosen, q.z_r.detach(), noise.prior_z_u)
    z_r = torch.where(chosen, q.z_u.detach(), noise.prior_z_r)
    return dataclasses.replace(noise, prior_z_u=z_u, prior_z_r=z_r)


def draw_joints(
    model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, cross_share: float = 0.0
) -> tuple[EncoderJoint, Joint]:
    """(q, p) of the same size."""
    q = draw_encoder_joint(model, x_u, x_r, noise)
    return q, draw_generator_joint(model, crossed(noise, q, cross_share))

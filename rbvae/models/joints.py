"""Samples of the two joint distributions that the symmetric objective compares (section 2)."""

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
    """All random numbers of a training step, drawn beforehand so that the step is a function of tensors.

    Standard normal: `z_u`, `z_r` [N, D_z] and `e_u`, `e_r` [N, D_e] are the noise of samples from the posteriors, with
    `e_r` only for methods without a reference set; `prior_*` are samples from the priors. Uniform in [0, 1):
    `augment_u` and `augment_r` [2N, DRAWS], for the images of q and then of p; `cross` [N], see `crossed`. `augment_p`
    [] is the probability of augmentation.
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
    """Draw the noise of a batch of `n` pairs; process `rank` of `world` gets its n / world rows of the same draw."""
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
    """Samples (x_u, z_u, e_u) and (x_r, z_r): images [N, 3, S, S] in [-1, 1], z [N, D_z], e [N, D_e]."""

    x_u: Tensor
    z_u: Tensor
    e_u: Tensor
    x_r: Tensor
    z_r: Tensor

    def detach(self: AnyJoint) -> AnyJoint:
        """Return the same samples, detached from the graph."""
        return dataclasses.replace(self, **{f.name: getattr(self, f.name).detach() for f in dataclasses.fields(self)})


@dataclass(frozen=True)
class EncoderJoint(Joint):
    """Samples of q: real images, with latents from these posteriors. References x_r have no posterior over e."""

    q_z_u: DiagonalGaussian
    q_e_u: DiagonalGaussian
    q_z_r: DiagonalGaussian


def draw_encoder_joint(model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise) -> EncoderJoint:
    """Sample q(z, e|x_u) q(x_u) and q(z|x_r) q(x_r) once per image; reference images are never given to encoder_e."""
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
    """Sample p(x|z, e) p(z) p(e) for x_u, and p(x|z, e_ref) p(z) for x_r."""
    z_u, e_u, z_r = noise.prior_z_u, noise.prior_e_u, noise.prior_z_r
    x = model.generator(torch.cat([z_u, z_r]), torch.cat([e_u, model.e_ref.expand(len(z_r), -1)]))
    x_u, x_r = x.split([len(z_u), len(z_r)])
    return Joint(x_u=x_u, z_u=z_u, e_u=e_u, x_r=x_r, z_r=z_r)


def crossed(noise: Noise, q: EncoderJoint, share: float) -> Noise:
    """Replace a `share` of the prior z by samples of q from the other image set; not in the paper.

    The z of references are combined with sampled e, those of unlabelled images with e_ref. At the optimum q(z) = p(z)
    on both sets, so the optimum stays the same.
    """
    if not share:
        return noise
    chosen = (noise.cross < share)[:, None]
    z_u = torch.where(chosen, q.z_r.detach(), noise.prior_z_u)
    z_r = torch.where(chosen, q.z_u.detach(), noise.prior_z_r)
    return dataclasses.replace(noise, prior_z_u=z_u, prior_z_r=z_r)


def draw_joints(
    model: RbVAE, x_u: Tensor, x_r: Tensor, noise: Noise, cross_share: float = 0.0
) -> tuple[EncoderJoint, Joint]:
    """Return samples (q, p) of the same size."""
    q = draw_encoder_joint(model, x_u, x_r, noise)
    return q, draw_generator_joint(model, crossed(noise, q, cross_share))

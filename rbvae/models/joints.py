"""Samples of the two joint distributions that the symmetric objective compares (section 2)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from rbvae.config import ModelConfig
from rbvae.models.distributions import DiagonalGaussian
from rbvae.models.model import RbVAE

AnyJoint = TypeVar("AnyJoint", bound="Joint")


@dataclass(frozen=True)
class Noise:
    """All random numbers of a training step, drawn beforehand so that the step is a function of tensors.

    Standard normal: `z_u`, `z_r` [N, D_z] and `e_u`, `e_r` [N, D_e] are the noise of samples from the posteriors, with
    `e_r` only for methods without a reference set; `prior_*` are samples from the priors. `cross` [N] is uniform in
    [0, 1) (rbvae.extensions.crossing).
    """

    z_u: Tensor
    e_u: Tensor
    z_r: Tensor
    e_r: Tensor
    prior_z_u: Tensor
    prior_e_u: Tensor
    prior_z_r: Tensor
    prior_e_r: Tensor
    cross: Tensor


def draw_noise(config: ModelConfig, n: int, generator: torch.Generator, rank: int = 0, world: int = 1) -> Noise:
    """The noise of a batch of `n` pairs; of `world` processes, `rank` gets its n / world rows of the same draw."""
    dims = [config.dim_z, config.dim_e] * 2
    rows = slice(rank * n // world, (rank + 1) * n // world)
    device = generator.device
    normal = torch.randn(n, 2 * sum(dims), generator=generator, device=device)[rows]
    cross = torch.rand(n, generator=generator, device=device)[rows]
    return Noise(*normal.split(2 * dims, dim=1), cross)  # type: ignore[call-arg]


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

"""Draws from the two joints that the symmetric objective sets against each other (section 2)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from rbvae.distributions import DiagonalGaussian
from rbvae.model import RbVAE

AnyJoint = TypeVar("AnyJoint", bound="Joint")


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


def draw_encoder_joint(
    model: RbVAE, x_u: Tensor, x_r: Tensor, generator: torch.Generator | None = None
) -> EncoderJoint:
    """q(z, e|x_u) q(x_u) and q(z|x_r) q(x_r), one draw an image; reference images never enter encoder_e."""
    q_z = model.encoder_z(torch.cat([x_u, x_r]))
    q_z_u, q_z_r = (
        DiagonalGaussian(mean, log_var)
        for mean, log_var in zip(
            q_z.mean.split([len(x_u), len(x_r)]), q_z.log_var.split([len(x_u), len(x_r)]), strict=True
        )
    )
    q_e_u = model.encoder_e(x_u)
    return EncoderJoint(
        x_u=x_u,
        z_u=q_z_u.sample(generator),
        e_u=q_e_u.sample(generator),
        x_r=x_r,
        z_r=q_z_r.sample(generator),
        q_z_u=q_z_u,
        q_e_u=q_e_u,
        q_z_r=q_z_r,
    )


def draw_generator_joint(model: RbVAE, n_u: int, n_r: int, generator: torch.Generator | None = None) -> Joint:
    """p(x|z, e) p(z) p(e) for x_u, and p(x|z, e_ref) p(z) for x_r, `n_u` and `n_r` draws."""
    config, device = model.config, model.e_ref.device
    z = torch.randn(n_u + n_r, config.dim_z, generator=generator, device=device)
    e_u = torch.randn(n_u, config.dim_e, generator=generator, device=device)
    x = model.generator(z, torch.cat([e_u, model.e_ref.expand(n_r, -1)]))
    (x_u, x_r), (z_u, z_r) = x.split([n_u, n_r]), z.split([n_u, n_r])
    return Joint(x_u=x_u, z_u=z_u, e_u=e_u, x_r=x_r, z_r=z_r)


def draw_joints(
    model: RbVAE, x_u: Tensor, x_r: Tensor, generator: torch.Generator | None = None
) -> tuple[EncoderJoint, Joint]:
    """(q, p) of the same size."""
    return draw_encoder_joint(model, x_u, x_r, generator), draw_generator_joint(model, len(x_u), len(x_r), generator)

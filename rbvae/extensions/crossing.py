"""Crossing: some draws of the generator joint take the z of an image of the other set instead of the prior's.

G(z_r, e) then stands against unlabelled images and G(z_u, e_ref) against references. As q(z) = p(z) on either set at
the optimum, the optimum is the same.
"""

from __future__ import annotations

import dataclasses

import torch

from rbvae.extensions.extension import Extension, ExtensionConfig, unweighted
from rbvae.models.joints import EncoderJoint, Noise


def prior(noise: Noise, q: EncoderJoint, settings: ExtensionConfig) -> Noise:
    """`noise` in which a `crossed_share` of the prior's z are z of q: references' where e is drawn, unlabelled images'
    where it is e_ref."""
    chosen = (noise.cross < settings.crossed_share)[:, None]
    z_u = torch.where(chosen, q.z_r.detach(), noise.prior_z_u)
    z_r = torch.where(chosen, q.z_u.detach(), noise.prior_z_r)
    return dataclasses.replace(noise, prior_z_u=z_u, prior_z_r=z_r)


EXTENSION = Extension(
    name="crossing",
    methods=("srb",),
    enabled=lambda settings: settings.crossed_share > 0,
    weights=unweighted,
    prior=prior,
)

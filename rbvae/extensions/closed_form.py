"""A start in closed form: e is what varies more among unlabelled faces than among references, z is the rest.

The linear reference-based model's solution, as in contrastive PCA (Abid et al. 2018): generalised eigenvectors of the
unlabelled codes' covariance against the references'. What light and pose do to codes is added to both sides, so that no
direction of e follows them. The linear paths of a model's networks begin with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rbvae.models.model import RbVAE

LEADING = 120  # texture components, by standard deviation, among which e is looked for; the others are mostly noise
LIGHT, POSE = 4.0, 10.0  # weights of the two nuisances
RIDGE = 0.1


@dataclass(frozen=True)
class CodeStatistics:
    """What the closed form is computed from: codes [N, K] of unlabelled faces, which of them are references [N], how
    light changes codes [L, K] (examples), and light and pose of each face, standardised [N, M] and [N, R]."""

    codes: Tensor
    references: Tensor
    light_changes: Tensor
    light: Tensor
    pose: Tensor


@torch.no_grad()
def closed_form(model: RbVAE, data: CodeStatistics) -> None:
    """Sets the linear paths of encoders and generator, and e_ref; the other layers add nothing to them yet.

    Over the unlabelled faces e has mean 0 and covariance I, z variance 1 in every dimension.
    """
    config, x = model.config, data.codes
    origin = x[data.references].mean(dim=0)
    directions = contrast(model, data, origin)  # [K, D_e]
    raw = (x - origin) @ directions
    drawn = effect(raw, x, data)  # [D_e, K]
    middle = raw.mean(dim=0)
    whiten, unwhiten = roots(torch.cov(raw.T))
    to_e = directions @ whiten
    model.encoder_e.linear_map.set(to_e.T, -(origin @ to_e + middle @ whiten))
    model.e_ref.copy_((raw[data.references].mean(dim=0) - middle) @ whiten)

    rest = (x - origin - raw @ drawn) * model.basis.weight
    components = principal(rest, config.dim_z)  # [K, D_z]
    spread = (rest @ components).std(dim=0).clamp_min(1e-6)
    to_rest = torch.eye(config.dim_code) - directions @ drawn  # x - origin -> what e leaves of it
    to_z = (to_rest * model.basis.weight) @ components / spread
    centre = (rest @ components).mean(dim=0) / spread
    model.encoder_z.linear_map.set(to_z.T, -(origin @ to_z + centre))

    from_z = (components * spread).T / model.basis.weight  # [D_z, K]
    from_e = unwhiten @ drawn
    bias = origin + middle @ drawn + centre @ from_z
    model.generator.linear_map.set(torch.cat([from_z, from_e]).T, bias)


@torch.no_grad()
def principal_form(model: RbVAE, data: CodeStatistics) -> None:
    """The start of methods without a reference set: z and e are the leading principal components of the pixels."""
    config, x = model.config, data.codes
    middle = x.mean(dim=0)
    weighted = (x - middle) * model.basis.weight
    components = principal(weighted, config.dim_z + config.dim_e)  # [K, D_z + D_e]
    spread = (weighted @ components).std(dim=0).clamp_min(1e-6)
    inward = model.basis.weight[:, None] * components / spread
    for encoder, part in ((model.encoder_z, slice(config.dim_z)), (model.encoder_e, slice(config.dim_z, None))):
        encoder.linear_map.set(inward[:, part].T, -middle @ inward[:, part])
    outward = (components * spread).T / model.basis.weight
    model.generator.linear_map.set(outward.T, middle)
    model.e_ref.copy_(model.encoder_e.linear_map(x[data.references]).mean(dim=0))


def contrast(model: RbVAE, data: CodeStatistics, origin: Tensor) -> Tensor:
    """Directions [K, D_e] along which others vary most compared with references, given light and pose."""
    size = model.config.basis
    rank = model.basis.std[: size.texture].argsort(descending=True).argsort()
    used = torch.cat([rank < LEADING, torch.ones(size.shape, dtype=torch.bool)])
    x = (data.codes - origin)[:, used]
    light = data.light_changes[:, used]
    nuisance = LIGHT * light.T @ light / len(light)
    slopes = torch.linalg.lstsq(data.pose, x - x.mean(dim=0)).solution  # [R, used]
    nuisance += POSE * slopes.T @ torch.cov(data.pose.T) @ slopes
    references, others = x[data.references], x[~data.references]
    ridge = RIDGE * torch.eye(x.shape[1])
    of_references = torch.cov(references.T, correction=min(1, len(references) - 1)) + nuisance + ridge  # 0 of one
    inverse = torch.linalg.inv(torch.linalg.cholesky(of_references))
    of_others = others.T @ others / len(others) + nuisance
    vectors = inverse.T @ torch.linalg.eigh(inverse @ of_others @ inverse.T)[1]
    directions = torch.zeros(len(used), model.config.dim_e)
    directions[used] = vectors[:, -model.config.dim_e :].flip(1)
    return directions


def effect(raw: Tensor, x: Tensor, data: CodeStatistics) -> Tensor:
    """What e does to the code where light and pose stay: [D_e, K], by least squares with a ridge that one face weighs.

    Fewer faces than columns would fit it to noise, and G(z, e) of prior draws would lie far from real codes.
    """
    known = torch.cat([raw, data.light, data.pose, torch.ones(len(raw), 1)], dim=1)
    ridge = torch.eye(known.shape[1])
    rows, targets = torch.cat([known, ridge]), torch.cat([x, x.new_zeros(len(ridge), x.shape[1])])
    return torch.linalg.lstsq(rows, targets).solution[: raw.shape[1]]


def roots(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """The symmetric inverse square root of a covariance, and its square root."""
    values, vectors = torch.linalg.eigh(covariance)
    values = values.clamp_min(1e-8).sqrt()
    return (vectors / values) @ vectors.T, (vectors * values) @ vectors.T


def principal(rows: Tensor, count: int) -> Tensor:
    """The leading `count` principal directions of rows [N, K], as columns [K, count]."""
    return torch.linalg.eigh(torch.cov(rows.T))[1][:, -count:].flip(1)

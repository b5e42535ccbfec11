"""A start in closed form: what varies among references goes into z, what varies more among other images into e.

The images' leading principal components are rotated so that both covariances are diagonal at once (Fukunaga and
Koontz 1970; the idea of contrastive PCA, Abid et al. 2018): the directions along which unlabelled images vary most,
compared with references, become e, all others z. A linear map draws images from them. These are the first weights of
the networks' linear paths, so that the objective begins near its goal; ours, not the paper's. With
`pretraining_steps`, half of e comes from learnt features instead of pixels (reference_pretraining.py), which
encoder_e's convolutions then begin with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rbvae.models.model import RbVAE

RIDGE = 0.03  # of the references' mean variance, so that no direction is divided by next to nothing
SHORT_OF_ONE = 0.95  # the images' range before atanh
EPSILON = 1e-6  # of a latent
EXACT, OVERSAMPLED, POWERS = 4096, 32, 4  # of the search for principal directions
SYMMETRIC = 128  # components of averaged images, among which the contrast is looked for
PART = 256  # images that go through a network at once


@dataclass(frozen=True)
class LinearCode:
    """(x - centre) @ directions are latents [N, D_z + D_e], z first."""

    centre: Tensor  # [D_z + D_e] of projected images
    directions: Tensor  # [pixels, D_z + D_e]

    def __call__(self, x: Tensor) -> Tensor:
        return x @ self.directions - self.centre


@dataclass(frozen=True)
class LinearStart:
    """What the closed form may use.

    Without `contrast`, for methods that know no references, the latents are principal components, in no order that
    matters. If images are `mirrored` while training, an image and its mirror image have the same e. The first
    `pretrained` dimensions of e stay as they are in encoder_e.
    """

    contrast: bool
    mirrored: bool = False
    pretrained: int = 0


@torch.no_grad()
def linear_init(model: RbVAE, x_u: Tensor, x_r: Tensor, start: LinearStart) -> None:
    """Fills the linear paths of `model` and its e_ref with the closed form from images [N, 3, S, S] of both kinds."""
    config, contrast, pretrained = model.config, start.contrast, start.pretrained
    grid_u, grid_r = (F.avg_pool2d(x, config.drawn_patch) for x in (x_u, x_r))
    u, r = grid_u.flatten(1), grid_r.flatten(1)
    if contrast and start.mirrored and config.dim_e > pretrained:
        code = symmetric(grid_u, grid_r, config.dim_z, config.dim_e - pretrained)
    else:
        code = fitted(u, r, config.dim_z, config.dim_e - pretrained, contrast)
    of_z, of_e = slice(config.dim_z), slice(config.dim_z, None)
    model.encoder_z.linear_map.set(code.directions[:, of_z].T, -code.centre[of_z])
    model.encoder_e.linear_map.set(code.directions[:, of_e].T, -code.centre[of_e], first=pretrained)
    e_u, e_r = code(u)[:, of_e], code(r)[:, of_e]
    if pretrained:
        e_u, e_r = (in_parts(lambda x: model.encoder_e.forward(x).mean, x) for x in (x_u, x_r))
    model.e_ref.copy_(e_r.mean(dim=0))
    if contrast:
        e_r = model.e_ref.expand(len(r), -1)
    latents = torch.cat([torch.cat([code(u)[:, of_z], e_u], dim=1), torch.cat([code(r)[:, of_z], e_r], dim=1)])
    model.generator.linear_map.set(*drawing(latents, torch.cat([u, r])))


@torch.no_grad()
def in_parts(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What `network` makes of many images."""
    return torch.cat([network(part) for part in x.split(PART)])


def fitted(u: Tensor, r: Tensor, dim_z: int, dim_e: int, contrast: bool) -> LinearCode:
    """The code of unlabelled and reference images [N, pixels]; each latent has variance 1 among the unlabelled, and z
    among the references."""
    both = torch.cat([u, r])
    middle = both.mean(dim=0)
    components = principal(both - middle, dim_z + dim_e)  # [pixels, K]
    c_u, c_r = (u - middle) @ components, (r - middle) @ components
    if contrast:
        rotation = diagonalising(scatter(c_u, c_r.mean(dim=0)), scatter(c_r, c_r.mean(dim=0)))  # [K, K], e last
    else:
        rotation = torch.eye(dim_z + dim_e, device=u.device)
    l_u, l_r = c_u @ rotation, c_r @ rotation
    of_z, of_e = slice(dim_z), slice(dim_z, None)
    spread = torch.cat([torch.cat([l_u, l_r])[:, of_z].std(dim=0), l_u[:, of_e].std(dim=0)]).clamp_min(EPSILON)
    centre = torch.cat([torch.cat([l_u, l_r])[:, of_z].mean(dim=0), l_u[:, of_e].mean(dim=0)]) / spread
    directions = components @ rotation / spread
    return LinearCode(centre + middle @ directions, directions)


def symmetric(u: Tensor, r: Tensor, dim_z: int, dim_e: int) -> LinearCode:
    """The code of unlabelled and reference images [N, C, H, W] whose e is the contrast of images that are averaged with
    their mirror images, and whose z is the principal components of what e leaves: expressions are symmetric, turned
    heads and light from one side are not, and belong to z."""
    averaged_u, averaged_r = (((x + x.flip(3)) / 2).flatten(1) for x in (u, r))
    count = min(SYMMETRIC, averaged_u.shape[1] // 2)  # averaged images have half as many dimensions
    code = fitted(averaged_u, averaged_r, max(count - dim_e, dim_e), dim_e, True)
    to_e, centre_e = code.directions[:, -dim_e:], code.centre[-dim_e:]
    x = torch.cat([u, r]).flatten(1)
    drawn, middle = least_squares(x @ to_e - centre_e, x)  # [pixels, D_e], [pixels]
    left = x - (x @ to_e - centre_e) @ drawn.T - middle
    components = principal(left, dim_z)  # [pixels, D_z]
    spread = (left @ components).std(dim=0).clamp_min(EPSILON)
    to_z = (components - to_e @ (drawn.T @ components)) / spread
    return LinearCode(torch.cat([(x @ to_z).mean(dim=0), centre_e]), torch.cat([to_z, to_e], dim=1))


def principal(centred: Tensor, count: int) -> Tensor:
    """The leading `count` principal directions of [N, pixels], [pixels, count]: exact, from the smaller Gram matrix;
    beyond EXACT by EXACT, where that takes minutes, by random projections (Halko et al. 2011)."""
    if min(centred.shape) > EXACT:
        return torch.svd_lowrank(centred, count + OVERSAMPLED, niter=POWERS)[2][:, :count].flip(1)
    if len(centred) < centred.shape[1]:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        return F.normalize(centred.T @ vectors[:, -count:], dim=0)
    return torch.linalg.eigh(centred.T @ centred)[1][:, -count:]


def scatter(c: Tensor, about: Tensor) -> Tensor:
    """Mean outer product of c - about, [K, K]."""
    return (c - about).T @ (c - about) / len(c)


def diagonalising(of_u: Tensor, of_r: Tensor) -> Tensor:
    """The rotation and scaling that makes `of_r` the identity and `of_u` diagonal, its largest values last."""
    ridge = RIDGE * of_r.diagonal().mean() * torch.eye(len(of_r), device=of_r.device)
    inverse = torch.linalg.inv(torch.linalg.cholesky(of_r + ridge))
    return inverse.T @ torch.linalg.eigh(inverse @ of_u @ inverse.T)[1]


def drawing(latents: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Weight [pixels, K] and bias [pixels] of the least squares that give atanh(x) from latents [N, K]."""
    return least_squares(latents, (SHORT_OF_ONE * x).atanh())


def least_squares(known: Tensor, aim: Tensor) -> tuple[Tensor, Tensor]:
    """Weight [M, K] and bias [M] that give `aim` [N, M] from `known` [N, K], with a little ridge."""
    known = torch.cat([known, torch.ones_like(known[:, :1])], dim=1)
    gram = known.T @ known + 1e-3 * len(known) * torch.eye(known.shape[1], device=aim.device)
    solved = torch.linalg.solve(gram, known.T @ aim)  # [K + 1, M]
    return solved[:-1].T, solved[-1]

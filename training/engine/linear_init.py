"""A start in closed form: what varies among references goes into z, what varies more among other images into e.

The images' leading principal components are rotated so that both covariances are diagonal at once (Fukunaga and
Koontz 1970; the idea of contrastive PCA, Abid et al. 2018): the directions along which unlabelled images vary most,
compared with references, become e, all others z. A linear map draws images from them. These are the first weights of
the networks' linear paths, so that the objective begins near its goal; ours, not the paper's. With
`pretraining_steps`, half of e comes from learnt features instead of pixels (reference_pretraining.py), which
encoder_e's convolutions then begin with.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbvae.config import ModelConfig
from rbvae.extensions.reference_classifier import ReferenceClassifier
from rbvae.models.encoders import Encoder
from rbvae.models.model import RbVAE
from training.data.batches import AnyBatches, Batches
from training.engine.processes import Processes
from training.engine.reference_pretraining import COMPONENTS, pretrain_encoder

IMAGES = 4096  # of either kind
RIDGE = 0.03  # of the references' mean variance, so that no direction is divided by next to nothing
SHORT_OF_ONE = 0.95  # the images' range before atanh
EPSILON, LEAST_SPREAD = 1e-6, 1e-3  # of a latent, and of a learnt feature
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


def linear_init(
    model: RbVAE,
    batches: AnyBatches,
    contrast: bool,
    processes: Processes,
    classifier: ReferenceClassifier | None = None,
    pretraining_steps: int = 0,
    mirrored: bool = False,
) -> None:
    """Fills the linear paths of `model` and its e_ref, and with `pretraining_steps` all of encoder_e, from the main
    process's `classifier`. If images are `mirrored` while training, an image and its mirror image have the same e.

    The main process computes, from the first batches of all processes, so that several begin as one does (of streamed
    images, from its own share).

    Without `contrast`, for methods that know no references: principal components, in no order that matters.
    """
    pretrained = pretrained_dims(model.config) if contrast and pretraining_steps else 0  # the same in every process
    of_e = model.encoder_e if pretrained else model.encoder_e.linear_map
    of_z, drawn = model.encoder_z.linear_map, model.generator.linear_map
    path = [*of_z.parameters(), *of_e.parameters(), *drawn.parameters(), model.e_ref]
    if processes.main:
        batches = unsharded(batches)
        x_u, x_r = first_images(batches)
        with full_precision():
            if pretrained and classifier:
                pretrain_e(model.encoder_e, classifier, batches, x_u, x_r, pretraining_steps)
            print(f"before step 0: closed form of {len(x_u):,} images of either kind: minutes on a CPU", flush=True)
            fill(model, x_u, x_r, contrast, pretrained, mirrored)
    from_main(processes, path)


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Matrix products of a GPU in 24 bits: small eigenvalues would be lost among what TF32 rounds off."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def from_main(processes: Processes, tensors: Sequence[Tensor]) -> None:
    """Fills the tensors with the main process's."""
    with torch.no_grad():
        values = processes.from_main([tensor.detach() for tensor in tensors])
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(value)


def unsharded(batches: AnyBatches) -> AnyBatches:
    """The batches of all processes, where this one can draw them."""
    return dataclasses.replace(batches, rank=0, world=1) if isinstance(batches, Batches) else batches


def first_images(batches: AnyBatches) -> tuple[Tensor, Tensor]:
    """(x_u, x_r), IMAGES each or a few more."""
    drawn: list[tuple[Tensor, Tensor]] = []
    count = 0
    while count < IMAGES:
        drawn.append(batches.at(len(drawn)))
        count += len(drawn[-1][0])
    return torch.cat([x_u for x_u, _ in drawn]), torch.cat([x_r for _, x_r in drawn])


def pretrained_dims(config: ModelConfig) -> int:
    """How many dimensions of e are pretrained: half of them."""
    return (config.dim_e + 1) // 2


def pretrain_e(
    encoder: Encoder,
    classifier: ReferenceClassifier,
    batches: AnyBatches,
    x_u: Tensor,
    x_r: Tensor,
    steps: int,
) -> None:
    """Fits the code of `classifier`, the contrast between x_u and x_r [N, 3, S, S] in its features, and trains the
    first dimensions of the mean of q(e|x) to predict it, each of variance 1 over the unlabelled images.

    The result does not depend on random numbers drawn before."""
    dims = classifier.to_code.out_features
    with torch.random.fork_rng(devices=[x_u.device] if x_u.device.type == "cuda" else []):
        torch.manual_seed(0)
        f_u, f_r = in_parts(classifier.features, x_u), in_parts(classifier.features, x_r)
        middle, spread = f_u.mean(dim=0), f_u.std(dim=0).clamp_min(LEAST_SPREAD)
        code = fitted((f_u - middle) / spread, (f_r - middle) / spread, max(COMPONENTS - dims, dims), dims, True)
        directions = code.directions[:, -dims:].T / spread
        set_linear(classifier.to_code, directions, -code.centre[-dims:] - directions @ middle)
        pretrain_encoder(encoder, classifier.code, batches, steps)
        scale, middle = encoder.standardise(in_parts(lambda x: encoder.forward(x).mean[:, :dims], x_u))
        set_linear(
            classifier.to_code, classifier.to_code.weight * scale[:, None], (classifier.to_code.bias - middle) * scale
        )


@torch.no_grad()
def set_linear(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    """Fills a linear layer."""
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)


@torch.no_grad()
def in_parts(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """What `network` makes of many images."""
    return torch.cat([network(part) for part in x.split(PART)])


@torch.no_grad()
def fill(model: RbVAE, x_u: Tensor, x_r: Tensor, contrast: bool, pretrained: int, mirrored: bool = False) -> None:
    """The closed form from images [N, 3, S, S] of both kinds; the first `pretrained` dimensions of e stay as they are
    in encoder_e."""
    config = model.config
    grid_u, grid_r = (F.avg_pool2d(x, config.drawn_patch) for x in (x_u, x_r))
    u, r = grid_u.flatten(1), grid_r.flatten(1)
    if contrast and mirrored and config.dim_e > pretrained:
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

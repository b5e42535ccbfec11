"""After the last step: the broad light that e draws becomes z's.

What a model draws and infers does not determine its latents: for any C [D_e, D_z], z + (e - e_ref) C is as good a z,
where the generator takes it off again. References are to have the same expression, not the same light, so the contrast
that e begins with holds light and complexion too, and an expression that is transferred would bring them along. Here
C is such that the broad light of a picture depends on z, and hardly on e: edits keep the light of their photo.
Reference images, whose e is e_ref, keep their z. The paper has nothing of the kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from rbvae.model import RbVAE
from training.batches import Batches
from training.linear_start import EPSILON, PART, first_images, full_precision, in_parts, least_squares

if TYPE_CHECKING:
    from training.streaming import StreamedBatches

BROAD, APART = 3, 12  # the side over the window in which light is averaged, and over the distance between windows
RIDGE = 1.0  # of the mean squared light of a dimension of z: one that draws little light is not to take much of e


@torch.no_grad()
def give_light_to_z(model: RbVAE, batches: Batches | StreamedBatches) -> None:
    """Changes z of `model`, in place, to z + (e - e_ref) C, C from the unlabelled images of the first batches.

    G'(z + (e - e_ref) C, e) = G(z, e), exactly. Of the new z, encoder_z takes over what is linear in pixels; what
    encoder_e's convolutions say of it is left for it to learn (training/amortise.py).
    """
    x = first_images(batches)[0]
    print(f"after the last step, light becomes z's, as {len(x):,} images show it: a minute on a CPU", flush=True)
    z = in_parts(lambda part: model.encoder_z(part).mean, x)
    e = in_parts(lambda part: model.encoder_e(part).mean, x)
    with full_precision():
        shear(model, taking_over(*light_drawn(model, z, e.roll(1, 0))))


def light_drawn(model: RbVAE, z: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """Of z [N, D_z] and e [N, D_e], independent of each other: the broad light that a unit of each draws, [D_z, M] and
    [D_e, M], by least squares."""
    parts = zip(z.split(PART), e.split(PART), strict=True)
    drawn = torch.cat([broad_light(model.decode(*part)) for part in parts])
    return least_squares(torch.cat([z, e], dim=1), drawn)[0].T.split([z.shape[1], e.shape[1]])


def broad_light(x: Tensor) -> Tensor:
    """Images [N, 3, S, S] -> their means in overlapping windows, [N, M]."""
    side = x.shape[-1]
    return F.avg_pool2d(x, side // BROAD, max(1, side // APART)).flatten(1)


def taking_over(of_z: Tensor, of_e: Tensor) -> Tensor:
    """C [D_e, D_z] by which z draws what e drew, C of_z = of_e, with a ridge."""
    gram = of_z @ of_z.T
    ridge = RIDGE * gram.diagonal().mean().clamp_min(EPSILON) * torch.eye(len(gram), device=gram.device)
    return torch.linalg.solve(gram + ridge, of_z @ of_e.T).T


def shear(model: RbVAE, c: Tensor) -> None:
    """Makes z into z + (e - e_ref) C, for C [D_e, D_z]."""
    of_z = slice(model.config.dim_z)
    of_e = slice(model.config.dim_z, None)
    encoder_z, generator = model.encoder_z, model.generator
    for layer in (generator.from_latents, generator.linear.map if generator.linear else None):
        if layer is not None:  # it gets z - (e - e_ref) C
            taken = layer.weight[:, of_z] @ c.T
            layer.weight[:, of_e] -= taken
            layer.bias += taken @ model.e_ref
    encoder_z.moments.bias[of_z] -= model.e_ref @ c
    if encoder_z.linear:
        seen = model.encoder_e.linear.map
        encoder_z.linear.map.weight += c.T @ seen.weight
        encoder_z.linear.map.bias += c.T @ seen.bias

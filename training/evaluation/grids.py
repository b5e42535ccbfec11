"""Image grids of a model's reconstructions, random e and transfers."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from rbvae.images.arrays import to_float, to_pil
from rbvae.models.model import RbVAE

PEOPLE, RANDOM_E, GAP = 8, 6, 4


def stacked(blocks: list[Image.Image]) -> Image.Image:
    """Stacks pictures vertically on white."""
    canvas = Image.new("RGB", (max(b.width for b in blocks), sum(b.height for b in blocks)), "white")
    top = 0
    for one in blocks:
        canvas.paste(one, (0, top))
        top += one.height
    return canvas


def mosaic(rows: list[list[Tensor]]) -> Image.Image:
    """Arranges equally long rows of pictures, each float [3, S, S] in [-1, 1], on white."""
    from torchvision.utils import make_grid

    pictures = [picture.cpu() for row in rows for picture in row]
    return to_pil(make_grid(pictures, nrow=len(rows[0]), padding=GAP, pad_value=1.0))


@torch.inference_mode()
def sample_grid(model: RbVAE, images: Tensor, seed: int = 0) -> Image.Image:
    """Draws one row per image: the image, its reconstruction, e_ref, and six random e shared by all rows."""
    device = model.e_ref.device
    x = to_float(images[:PEOPLE].to(device))
    q_z, q_e = model.encode(x)
    rng = torch.Generator().manual_seed(seed)
    random_e = torch.randn(RANDOM_E, model.config.dim_e, generator=rng).to(device)
    columns = [x, model.decode(q_z.mean, q_e.mean), model.decode_reference(q_z.mean)]
    columns += [model.decode(q_z.mean, e) for e in random_e]
    columns = [pictures(model, column) for column in columns]
    return mosaic([list(row) for row in zip(*columns, strict=True)])


@torch.inference_mode()
def transfer_grid(model: RbVAE, images: Tensor) -> Image.Image:
    """Draws the expressions of the top row on the faces of the left column; the corner is empty."""
    x = to_float(images[: 2 * (PEOPLE - 1)].to(model.e_ref.device))
    faces, expressions = (x[0::2], x[1::2]) if len(x) > 1 else (x, x)
    z, e = model.encoder_z(faces).mean, model.encoder_e(expressions).mean
    shown, donors = pictures(model, faces), pictures(model, expressions)
    rows = [[torch.ones_like(donors[0]), *donors]]
    for face, z_k in zip(shown, z, strict=True):
        rows.append([face, *pictures(model, model.decode(z_k.expand(len(e), -1), e))])
    return mosaic(rows)


def pictures(model: RbVAE, x: Tensor) -> Tensor:
    """Converts what a model observes, images or codes, to pictures [N, 3, S, S] in [-1, 1]."""
    if model.config.observes == "image":
        return x
    from training.evaluation.codes import drawn

    return drawn(model, x)

"""Pictures of what a model does with images: reconstructions, random e and transfers, arranged in grids."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from rbvae.images.arrays import to_float, to_pil
from rbvae.models.model import RbVAE

PEOPLE, RANDOM_E = 8, 6
GAP, HEAD = 4, 22  # pixels between pictures, and above a grid for the captions


def mosaic(rows: list[list[Tensor]]) -> Image.Image:
    """Arranges equally long rows of pictures, each float [3, S, S] in [-1, 1], on white."""
    from torchvision.utils import make_grid

    pictures = [picture.cpu() for row in rows for picture in row]
    return to_pil(make_grid(pictures, nrow=len(rows[0]), padding=GAP, pad_value=1.0))


def captioned(rows: list[list[Tensor]], title: str, captions: dict[int, str], zoom: float) -> Image.Image:
    """Enlarges a mosaic and writes captions above some columns and a title into its blank corner."""
    small, pitch = mosaic(rows), (rows[0][0].shape[-1] + GAP) * zoom
    large = small.resize((round(small.width * zoom), round(small.height * zoom)), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (large.width, large.height + HEAD), "white")
    canvas.paste(large, (0, HEAD))
    draw = ImageDraw.Draw(canvas)
    for column, caption in captions.items():
        draw.text((round(GAP * zoom + column * pitch), 5), caption, fill="black", font=ImageFont.load_default(12))
    draw.text((GAP * zoom, HEAD + pitch / 3), title, fill="black", font=ImageFont.load_default(22))
    return canvas


def stacked(blocks: list[Image.Image]) -> Image.Image:
    """Stacks pictures vertically on white."""
    canvas = Image.new("RGB", (max(b.width for b in blocks), sum(b.height for b in blocks)), "white")
    top = 0
    for one in blocks:
        canvas.paste(one, (0, top))
        top += one.height
    return canvas


def columns_of(model: RbVAE, x: Tensor, others: Iterable[Tensor]) -> list[Tensor]:
    """Returns x [N, 3, S, S], its reconstruction, G(z, e_ref), and G(z, e) for each e [D_e] or [N, D_e] of `others`."""
    q_z, q_e = model.encode(x)
    z = q_z.mean
    return [x, model.decode(z, q_e.mean), model.decode_reference(z), *(model.decode(z, e) for e in others)]


def rows_below(donors: Iterable[Tensor], columns: list[Tensor]) -> list[list[Tensor]]:
    """Returns the rows of columns [N, 3, S, S], below a row with each donor above the column with its e, the last."""
    donors = list(donors)
    blank = [torch.ones_like(columns[0][0])] * (len(columns) - len(donors))
    return [[*blank, *donors], *(list(row) for row in zip(*columns, strict=True))]


@torch.inference_mode()
def sample_grid(model: RbVAE, images: Tensor, seed: int = 0) -> Image.Image:
    """Draws one row per image: the image, its reconstruction, e_ref, and six random e shared by all rows."""
    device, rng = model.e_ref.device, torch.Generator().manual_seed(seed)
    random_e = torch.randn(RANDOM_E, model.config.dim_e, generator=rng).to(device)
    columns = columns_of(model, to_float(images[:PEOPLE].to(device)), random_e)
    return mosaic(rows_below([], [pictures(model, column) for column in columns])[1:])


@torch.inference_mode()
def transfer_grid(model: RbVAE, images: Tensor) -> Image.Image:
    """Draws the expressions of the top row on the faces of the left column; the corner is empty."""
    x = to_float(images[: 2 * (PEOPLE - 1)].to(model.e_ref.device))
    faces, expressions = (x[0::2], x[1::2]) if len(x) > 1 else (x, x)
    z, e = model.encoder_z(faces).mean, model.encoder_e(expressions).mean
    columns = [pictures(model, column) for column in (faces, *(model.decode(z, e_k) for e_k in e))]
    return mosaic(rows_below(pictures(model, expressions), columns))


def pictures(model: RbVAE, x: Tensor) -> Tensor:
    """Converts what a model observes, images or codes, to pictures [N, 3, S, S] in [-1, 1]."""
    if model.config.observes == "image":
        return x
    from training.evaluation.codes import drawn

    return drawn(model, x)

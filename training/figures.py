"""The picture of what a checkpoint does, on people or digits it was not trained on, drawn with a fixed seed.

python training/figures.py --checkpoint checkpoints/faces --data data/lfw96 --out docs/faces.webp
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from rbvae.checkpoint import load_checkpoint
from rbvae.images import to_float
from rbvae.model import RbVAE
from training.cli import run_command
from training.datasets import load_images
from training.report import GAP, mosaic

ROWS, RANDOM, DONORS, ZOOM, HEAD = 6, 4, 3, 1.5, 22


@torch.inference_mode()
def rows_of(model: RbVAE, images: Tensor, seed: int) -> list[list[Tensor]]:
    """One row an image: itself, reconstruction, e_ref, RANDOM random e, then the e of the DONORS in the top row."""
    x = to_float(images)
    donors, x = x[:DONORS], x[DONORS:]
    q_z, q_e = model.encode(x)
    rng = torch.Generator().manual_seed(seed)
    es = [*torch.randn(RANDOM, model.config.dim_e, generator=rng), *model.encoder_e(donors).mean]
    columns = [x, model.decode(q_z.mean, q_e.mean), model.decode_reference(q_z.mean)]
    columns += [model.decode(q_z.mean, e) for e in es]
    blank = [torch.ones_like(x[0])] * (3 + RANDOM)
    return [[*blank, *donors], *(list(row) for row in zip(*columns, strict=True))]


def captioned(picture: Image.Image, side: int, captions: list[tuple[int, str]]) -> Image.Image:
    """The mosaic enlarged, with a caption above the given columns."""
    large = picture.resize((round(picture.width * ZOOM), round(picture.height * ZOOM)), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (large.width, large.height + HEAD), "white")
    canvas.paste(large, (0, HEAD))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for column, caption in captions:
        draw.text((round((GAP + column * (side + GAP)) * ZOOM), 5), caption, fill="black", font=font)
    return canvas


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Draw what a checkpoint does: reconstruction, reference, random and transferred e.",
        epilog="example: python training/figures.py --checkpoint checkpoints/faces --data data/lfw96 "
        "--out docs/faces.webp",
    )
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="checkpoint folder, or a Hub id user/name")
    parser.add_argument("--data", required=True, metavar="DIR", help="prepared faces, or a torchvision MNIST root")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .webp or .png picture")
    parser.add_argument("--seed", type=int, default=0, help="which images and which random e (default 0)")
    options = parser.parse_args(argv)
    checkpoint = load_checkpoint(options.checkpoint)
    side = checkpoint.model.config.image_size
    images = load_images(options.data, checkpoint.kind, side, seed=0).probe_test.images
    rng = torch.Generator().manual_seed(options.seed)
    chosen = images[torch.randperm(len(images), generator=rng)[: DONORS + ROWS]]
    names = {"faces": ("photo", "neutral", "expression"), "digits": ("digit", "plain", "style")}[checkpoint.kind]
    captions = [(0, names[0]), (1, "rebuilt"), (2, names[1]), (3, f"random {names[2]}s")]
    captions.append((3 + RANDOM, f"{names[2]} of the top row"))
    picture = captioned(mosaic(rows_of(checkpoint.model, chosen, options.seed)), side, captions)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    picture.save(options.out, quality=85)
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

"""The picture of what checkpoints do, on people or digits they were not trained on, drawn with a fixed seed.

Several are drawn below each other, on the same pictures: the paper's Figure 2, of Rb-VAE and sRb-VAE.

python -m training.tools.figures --checkpoint checkpoints/faces --data data/lfw96 --out faces.webp
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from rbvae.checkpoint import Checkpoint, load_checkpoint
from rbvae.errors import ConfigError
from rbvae.images.arrays import to_float
from rbvae.objectives import get_method
from training.data.datasets import load_images
from training.engine.cli import run_command
from training.evaluation.grids import captioned, columns_of, rows_below, stacked

ROWS, RANDOM, DONORS, SLIDERS, ZOOM = 6, 4, 3, 2, 1.5
SIGMAS = 2.0
WORDS = {"faces": ("photo", "neutral", "expression"), "digits": ("digit", "plain", "style")}


def clearest(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """The SLIDERS directions that go most surely with a factor they are named after."""
    return sorted(checkpoint.directions, key=lambda direction: -abs(direction["correlation"]))[:SLIDERS]


@torch.inference_mode()
def rows_of(checkpoint: Checkpoint, images: Tensor, seed: int) -> list[list[Tensor]]:
    """One row an image: itself, rebuilt, e_ref, RANDOM random e, SLIDERS moved up, the e of the DONORS on top."""
    model, x = checkpoint.model, to_float(images)
    donors, x = x[:DONORS], x[DONORS:]
    e = model.encoder_e(x).mean
    random_e = torch.randn(RANDOM, model.config.dim_e, generator=torch.Generator().manual_seed(seed))
    moved = [e + SIGMAS * d["sigma"] * torch.tensor(d["vector"]) for d in clearest(checkpoint)]
    return rows_below(donors, columns_of(model, x, [*random_e, *moved, *model.encoder_e(donors).mean]))


def captions(checkpoint: Checkpoint) -> dict[int, str]:
    """What stands above which column."""
    one, plain, other = WORDS[checkpoint.kind]
    sliders = clearest(checkpoint)
    named = {3 + RANDOM + i: f"{direction['name']} +{SIGMAS:.0f}" for i, direction in enumerate(sliders)}
    last = {3 + RANDOM + len(sliders): f"{other} of the top row"}
    return {0: one, 1: "rebuilt", 2: plain, 3: f"random {other}s"} | named | last


def block(checkpoint: Checkpoint, images: Tensor, seed: int) -> Image.Image:
    """The rows of one checkpoint, enlarged, captions above, its method in the blank corner."""
    rows, title = rows_of(checkpoint, images, seed), get_method(checkpoint.method).title
    return captioned(rows, title, captions(checkpoint), ZOOM)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Draw what checkpoints do: reconstruction, reference, random e, sliders, transferred e.",
        epilog="example: python -m training.tools.figures --checkpoint checkpoints/faces-rb checkpoints/faces "
        "--data data/lfw96 --out docs/figure2-faces.webp",
    )
    parser.add_argument(
        "--checkpoint", required=True, nargs="+", metavar="DIR", help="checkpoint folders, or Hub ids user/name"
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="prepared faces, or a torchvision MNIST root")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .webp or .png picture")
    parser.add_argument("--seed", type=int, default=0, help="which images and which random e (default 0)")
    options = parser.parse_args(argv)
    checkpoints = [load_checkpoint(name) for name in options.checkpoint]
    kinds = {(one.kind, one.model.config.image_size) for one in checkpoints}
    if len(kinds) > 1:
        found = ", ".join(f"{kind} at {side} px" for kind, side in sorted(kinds))
        raise ConfigError(f"--checkpoint names {found}; give checkpoints of one kind and size")
    ((kind, side),) = kinds
    images = load_images(options.data, kind, side, seed=0).probe_test.images
    rng = torch.Generator().manual_seed(options.seed)
    chosen = images[torch.randperm(len(images), generator=rng)[: DONORS + ROWS]]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    stacked([block(one, chosen, options.seed) for one in checkpoints]).save(options.out, quality=60)
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

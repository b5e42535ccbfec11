"""How good a checkpoint is: what its latents tell of the known factors, how it reconstructs, how far e moves a picture.

python training/evaluate.py --checkpoint checkpoints/digits --data data --json scores.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from rbvae.checkpoint import load_checkpoint
from rbvae.images import to_float
from rbvae.landmarks import BLENDSHAPES
from rbvae.model import RbVAE
from training.cli import pick_device, run_command
from training.datasets import ImageSets, LabelledImages, load_images

# Factors that are reported by name: a face's are means of blendshapes, a digit's are the styles of A.3.1.
FACE_FACTORS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "mouth open": ("jawOpen",),
    "brows up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "frown": ("browDownLeft", "browDownRight"),
    "squint": ("eyeSquintLeft", "eyeSquintRight"),
}
RANDOM_E = 16


def named_factors(images: LabelledImages) -> dict[str, np.ndarray]:
    """The reported factors, each [N]."""
    factors = images.factors.numpy()
    if images.names != BLENDSHAPES:
        return {name: factors[:, column] for column, name in enumerate(images.names)}
    return {
        name: factors[:, [BLENDSHAPES.index(shape) for shape in shapes]].mean(axis=1)
        for name, shapes in FACE_FACTORS.items()
    }


@torch.inference_mode()
def posterior_means(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> tuple[Tensor, Tensor]:
    """uint8 images [N, 3, S, S] -> means of q_z [N, D_z] and q_e [N, D_e], on the CPU."""
    z, e = [], []
    for part in images.split(batch):
        q_z, q_e = model.encode(to_float(part.to(device)))
        z.append(q_z.mean.cpu())
        e.append(q_e.mean.cpu())
    return torch.cat(z), torch.cat(e)


def probe(train: Tensor, train_target: np.ndarray, test: Tensor, test_target: np.ndarray) -> dict[str, float]:
    """A linear regressor on frozen features: R^2 and mean absolute error on images it was not fitted to."""
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import mean_absolute_error, r2_score

    predicted = LinearRegression().fit(train.numpy(), train_target).predict(test.numpy())
    return {"r2": float(r2_score(test_target, predicted)), "mae": float(mean_absolute_error(test_target, predicted))}


@torch.inference_mode()
def fidelity(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> dict[str, float]:
    """Reconstruction from posterior means: L1 in grey levels (0..255) and PSNR in dB."""
    absolute, squared, count = 0.0, 0.0, 0
    for part in images.split(batch):
        x = to_float(part.to(device))
        error = (model(x).float() - x) * 127.5
        absolute += float(error.abs().sum())
        squared += float(error.square().sum())
        count += error.numel()
    return {"l1": absolute / count, "psnr": float(10 * np.log10(255.0**2 * count / max(squared, 1e-9)))}


@torch.inference_mode()
def spread(model: RbVAE, images: Tensor, device: torch.device, seed: int = 0) -> float:
    """Mean absolute difference, in grey levels, between pictures of one z under pairs of random e; 0 = e is ignored."""
    rng = torch.Generator().manual_seed(seed)
    e = torch.randn(RANDOM_E, model.config.dim_e, generator=rng).to(device)
    z = model.encoder_z(to_float(images.to(device))).mean
    pictures = torch.stack([model.decode(z, e_k).float() for e_k in e])  # [16, N, 3, S, S]
    return float((pictures[0::2] - pictures[1::2]).abs().mean() * 127.5)


def evaluate(model: RbVAE, sets: ImageSets, device: torch.device, seed: int = 0) -> dict:
    """All figures of a model on held-out images, as plain numbers; the same seed gives the same digits."""
    was_training = model.training
    model.eval()
    z_train, e_train = posterior_means(model, sets.probe_train.images, device)
    z_test, e_test = posterior_means(model, sets.probe_test.images, device)
    targets = zip(named_factors(sets.probe_train).items(), named_factors(sets.probe_test).values(), strict=True)
    probes = {
        name: {
            "from_e": probe(e_train, train_target, e_test, test_target),
            "from_z": probe(z_train, train_target, z_test, test_target),
        }
        for (name, train_target), test_target in targets
    }
    averages = {
        f"mae_from_{latent}": float(np.mean([scores[f"from_{latent}"]["mae"] for scores in probes.values()]))
        for latent in ("e", "z")
    }
    scores = {
        "kind": sets.kind,
        "test_images": len(sets.probe_test.images),
        "reconstruction": fidelity(model, sets.probe_test.images, device),
        "spread_over_e": spread(model, sets.probe_test.images[:64], device, seed),
        "e_std": float(e_test.std(dim=0).mean()),
        "probes": probes,
        **averages,
    }
    model.train(was_training)
    return scores


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Measure a checkpoint on held-out people or digits.",
        epilog="example: python training/evaluate.py --checkpoint checkpoints/digits --data data --json scores.json",
    )
    parser.add_argument("--checkpoint", required=True, metavar="DIR", help="checkpoint folder, or a Hub id user/name")
    parser.add_argument("--data", metavar="DIR", help="prepared faces, or a torchvision MNIST root")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the scores here")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--seed", type=int, default=0, help="of the random e whose spread is measured")
    options = parser.parse_args(argv)
    device = pick_device(options.device)
    checkpoint = load_checkpoint(options.checkpoint)
    sets = load_images(options.data, checkpoint.kind, checkpoint.model.config.image_size, seed=0)
    scores = evaluate(checkpoint.model.to(device), sets, device, options.seed)
    text = json.dumps(scores, indent=2)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

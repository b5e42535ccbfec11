"""Train the small network that provides the features of FID-expr (faces) and FID-style (digits).

python -m training.tools.features --data data/lfw96 --out checkpoints/features-faces --minutes 5
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import Template
from torch import Tensor
from torch.nn import functional as F

from rbvae.errors import ConfigError
from rbvae.faces.landmarks import BLENDSHAPES
from training.data.datasets import labelled_faces, styled_digits
from training.data.image_sets import LabelledImages
from training.engine.cli import pick_device, run_command
from training.engine.optimise import Schedule, fit
from training.engine.run_folder import git_commit
from training.evaluation.feature_net import FEATURES, SIDE, FeatureNet, save_features
from training.evaluation.probes import named_factors

TEMPLATE = Path(__file__).with_name("features.md")
CLASSES = 10
BATCH, WARM_UP, SHIFT = 128, 100, 3


def mirrored(names: tuple[str, ...]) -> list[int]:
    """Returns for each blendshape the column of its mirror image, with left and right swapped."""
    swap = {"Left": "Right", "Right": "Left"}
    return [
        names.index(next((name.removesuffix(end) + swap[end] for end in swap if name.endswith(end)), name))
        for name in names
    ]


def train(net: FeatureNet, photos: LabelledImages, classes: Tensor | None, schedule: Schedule, seed: int) -> int:
    """Trains in place; returns the number of steps.

    Every batch depends only on (seed, step). Faces are mirrored together with their blendshapes, shifted and relit.
    """
    device, faces = net.factor_mean.device, photos.names == BLENDSHAPES
    images, factors = photos.images.to(device), photos.factors.to(device)
    net.factor_mean.copy_(factors.mean(dim=0))
    net.factor_std.copy_(factors.std(dim=0).clamp_min(1e-3))  # keeps almost constant scores from dominating the loss
    targets = (factors - net.factor_mean) / net.factor_std
    swapped = targets[:, mirrored(photos.names)] if faces else targets

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, step))
        rows = torch.from_numpy(rng.integers(0, len(images), BATCH)).to(device)
        x, target = images[rows], targets[rows]
        if faces:
            if rng.random() < 0.5:
                x, target = x.flip(3), swapped[rows]
            x = _relit(_shifted(x, rng), rng)
        predicted, logits = net.heads(net(x))
        loss = F.smooth_l1_loss(predicted, target)
        return loss if classes is None else loss + F.cross_entropy(logits, classes.to(device)[rows])

    steps = fit(net, loss_at, schedule, "feature network")
    net.eval()
    return steps


def _shifted(x: Tensor, rng: np.random.Generator) -> Tensor:
    down, right = rng.integers(0, 2 * SHIFT + 1, 2)
    padded = F.pad(x.float(), [SHIFT] * 4, mode="replicate")
    return padded[:, :, down : down + x.shape[2], right : right + x.shape[3]]


def _relit(x: Tensor, rng: np.random.Generator) -> Tensor:
    contrast, light = (
        torch.from_numpy(rng.uniform(*bounds, (len(x), 1, 1, 1))).to(x) for bounds in ((0.8, 1.2), (-20.0, 20.0))
    )
    return ((x - 128) * contrast + 128 + light).clamp(0, 255)


def held_out(net: FeatureNet, photos: LabelledImages) -> dict[str, Any]:
    """Scores the network on held-out images: R^2 of every reported factor, and the share of correct digits."""
    from sklearn.metrics import r2_score

    _, factors, classes = net.predict(photos.images)
    predicted = LabelledImages(photos.images, factors, photos.names)
    pairs = zip(named_factors(photos).items(), named_factors(predicted).values(), strict=True)
    scores: dict[str, Any] = {"images": len(photos.images)}
    scores["r2"] = {name: round(float(r2_score(truth, guess)), 4) for (name, truth), guess in pairs}
    if net.to_classes:
        shown = torch.tensor([int(digit) for digit in photos.shows])
        scores["right_digits"] = round(float((classes == shown).float().mean()), 4)
    return scores


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Train the feature network of FID-expr and FID-style on prepared faces or on MNIST.",
        epilog="example: python -m training.tools.features --data data/lfw96 --out runs/features --minutes 5",
    )
    parser.add_argument("--data", required=True, type=Path, metavar="DIR", help="prepared faces, or an MNIST root")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="output folder of the network")
    parser.add_argument("--minutes", type=float, default=5.0, metavar="M", help="training time (default 5)")
    parser.add_argument("--steps", type=int, metavar="N", help="train for N steps instead, which is reproducible")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and batches (default 0)")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    options = parser.parse_args(argv)
    if options.minutes <= 0 or (options.steps is not None and options.steps < 1):
        raise ConfigError(f"--minutes {options.minutes:g} --steps {options.steps}; give numbers above 0")
    device = pick_device(options.device)
    kind = "faces" if (options.data / "dataset.json").exists() else "digits"
    photos, test = training_pictures(options.data, kind)
    classes = torch.tensor([int(digit) for digit in photos.shows]) if kind == "digits" else None
    torch.manual_seed(options.seed)
    net = FeatureNet(len(photos.names), CLASSES if kind == "digits" else 0).to(device)
    print(f"{kind}: {len(photos.images):,} pictures to train on, {len(test.images):,} held out", flush=True)
    schedule = Schedule(options.steps, options.minutes, WARM_UP)
    steps = train(net, photos, classes, schedule, options.seed)
    scores = held_out(net, test)
    length = ["--steps", str(options.steps)] if options.steps else ["--minutes", f"{options.minutes:g}"]
    command = ["python -m training.tools.features --data", f"data/{options.data.name}".replace("data/data", "data")]
    metadata = {
        "command": " ".join([*command, "--out", f"checkpoints/{options.out.name}", *length]),
        "steps": steps, "batch": BATCH, "seed": options.seed, "commit": git_commit(),
    }  # fmt: skip
    shape = {"kind": kind, "image_size": SIDE, "features": FEATURES, "factors": photos.names}
    shape["classes"] = CLASSES if kind == "digits" else 0
    summary = ", ".join(f"R² {name} {value:.2f}" for name, value in scores["r2"].items())
    if "right_digits" in scores:
        summary += f", right digit {100 * scores['right_digits']:.1f}%"
    card = Template(TEMPLATE.read_text(encoding="utf-8"), trim_blocks=True, keep_trailing_newline=True).render(
        kind=kind,
        parameters=sum(p.numel() for p in net.parameters()),
        images=scores["images"],
        scores=summary,
        trained=metadata,
    )
    save_features(net, options.out, {**shape, "trained": metadata, "held_out": scores}, card)
    print(f"{options.out}: {summary}")
    return 0


def training_pictures(folder: Path, kind: str) -> tuple[LabelledImages, LabelledImages]:
    """Returns training and held-out images. Raises DatasetError if the dataset cannot be used."""
    if kind == "faces":
        size = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["settings"]["size"]
        return labelled_faces(folder, size)[:2]
    _, unlabelled, test = styled_digits(folder, SIDE, seed=0)
    return unlabelled.drawn(), test.drawn()


if __name__ == "__main__":
    sys.exit(run_command(main))

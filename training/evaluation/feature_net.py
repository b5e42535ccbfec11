"""The small network that provides the features of FID-expr (faces) and FID-style (digits), and its file format."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from rbvae.checkpoint import write_atomically
from rbvae.errors import CheckpointError
from rbvae.extensions.reference_classifier import batch_normed
from rbvae.images.arrays import to_float
from rbvae.models.blocks import LEAK

FORMAT, SIDE, FEATURES = 1, 64, 64
MAX_CONFIG, MAX_BYTES = 1 << 20, 1 << 24  # limits for config.json and the weights, which take about 0.5 MB
MOST = 1000  # limit for the numbers of factors and classes
EMBEDDED = Path(__file__).resolve().parents[2] / "checkpoints"  # contains features-faces and features-digits


class FeatureNet(nn.Module):
    """Maps images uint8 [N, 1|3, H, W] of any size to features [N, 64] with mean 0 and variance 1 over photos.

    A strided convolutional network on 64 x 64 inputs. Linear heads after a leaky ReLU predict named factors (faces:
    blendshapes; digits: the five style factors) and, if `classes` is not 0, the digit.
    """

    num_features = FEATURES  # required by torchmetrics
    factor_mean: Tensor
    factor_std: Tensor

    def __init__(self, factors: int, classes: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.PixelUnshuffle(2),  # [N, 12, 32, 32]
            *batch_normed(12, 32, stride=1),  # [N, 32, 32, 32]
            *batch_normed(32, 64, stride=2),
            *batch_normed(64, 64, stride=1),  # [N, 64, 16, 16]
            *batch_normed(64, 96, stride=2),
            *batch_normed(96, 96, stride=1),  # [N, 96, 8, 8]
            *batch_normed(96, 128, stride=2),  # [N, 128, 4, 4]
            nn.Flatten(),
            nn.Linear(128 * 4 * 4, FEATURES),
        )
        self.standard = nn.BatchNorm1d(FEATURES, affine=False)
        self.to_factors = nn.Linear(FEATURES, factors)
        self.to_classes = nn.Linear(FEATURES, classes) if classes else None
        self.register_buffer("factor_mean", torch.zeros(factors))
        self.register_buffer("factor_std", torch.ones(factors))

    def forward(self, pixels: Tensor) -> Tensor:
        x = to_float(pixels.expand(-1, 3, -1, -1))
        if x.shape[-2:] != (SIDE, SIDE):
            x = F.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        return self.standard(self.trunk(x))  # [N, 64]

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Predicts standardised factors [N, K] and class logits [N, classes] from features [N, 64].

        Without classes, the logits are zeros [N, 1].
        """
        h = F.leaky_relu(features, LEAK)
        return self.to_factors(h), self.to_classes(h) if self.to_classes else h[:, :1] * 0

    @torch.inference_mode()
    def predict(self, pixels: Tensor, batch: int = 500) -> tuple[Tensor, Tensor, Tensor]:
        """Returns features [N, 64], factors [N, K] in their original units and classes int64 [N], all on the CPU.

        `pixels` is uint8 [N, 3, H, W].
        """
        parts = []
        for part in pixels.split(batch):
            features = self(part.to(self.factor_mean.device))
            factors, logits = self.heads(features)
            factors = factors * self.factor_std + self.factor_mean
            parts.append((features.cpu(), factors.cpu(), logits.argmax(dim=1).cpu()))
        features, factors, classes = (torch.cat(column) for column in zip(*parts, strict=True))
        return features, factors, classes


def save_features(net: FeatureNet, folder: Path, config: dict[str, Any], card: str) -> None:
    """Writes config.json, model.safetensors (matrices in fp16, vectors in fp32) and README.md to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: t.cpu() for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    weights = save({name: (t.half() if t.ndim > 1 else t).contiguous() for name, t in kept.items()})
    config = {"format": FORMAT, "network": "features", **config, "weights_sha256": hashlib.sha256(weights).hexdigest()}
    write_atomically(folder / "model.safetensors", weights)
    write_atomically(folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())
    write_atomically(folder / "README.md", card.encode())


def load_features(folder: Path) -> tuple[FeatureNet, dict[str, Any]]:
    """Loads a feature network and its config with strict checks.

    Raises CheckpointError if a file is missing or too large, the hash is wrong, the config is invalid, or the weights
    do not match it.
    """
    config = _config(folder / "config.json")
    path = folder / "model.safetensors"
    content = _read(path, MAX_BYTES)
    if hashlib.sha256(content).hexdigest() != config.get("weights_sha256"):
        raise CheckpointError(
            f"{path} is truncated or altered: its sha256 is not the one in config.json; copy the folder again"
        )
    net = FeatureNet(len(config["factors"]), config["classes"])
    try:
        weights = {name: t.float() for name, t in load(content).items()}
        counters = {name: t for name, t in net.state_dict().items() if name.endswith("num_batches_tracked")}
        net.load_state_dict(weights | counters, strict=True)
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path} does not match its config.json; train it again") from error
    return net.eval().requires_grad_(False), config


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(_read(path, MAX_CONFIG))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON; copy the folder again") from error
    if not isinstance(config, dict) or (config.get("format"), config.get("network")) != (FORMAT, "features"):
        raise CheckpointError(f"{path} is not of a feature network of format {FORMAT}; train a new one")
    factors, classes = config.get("factors"), config.get("classes")
    named = isinstance(factors, list) and 1 <= len(factors) <= MOST and all(isinstance(name, str) for name in factors)
    if not named:
        raise CheckpointError(f"{path} has no list of 1 to {MOST} names in factors; copy the folder again")
    if isinstance(classes, bool) or not isinstance(classes, int) or not 0 <= classes <= MOST:
        raise CheckpointError(f"{path} has no number from 0 to {MOST} in classes; copy the folder again")
    return config


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise CheckpointError(
            f"no feature network in {path.parent}; train one with python -m training.tools.features"
        ) from error
    if len(content) > most:
        raise CheckpointError(f"{path} holds over {most} bytes, too many for a feature network; copy it again")
    return content

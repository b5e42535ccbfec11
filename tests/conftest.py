"""Fixtures shared by several test modules: tiny checkpoints with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rbvae import Checkpoint, ModelConfig, RbVAE, save_checkpoint

TINY = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)
DIRECTIONS = {
    "faces": ["smile", "jaw open", "brows up", "frown"],
    "digits": ["red", "green", "size", "width"],
}


def tiny_directions(kind: str) -> list[dict]:
    """One direction for each axis of e, the next always half a grey level weaker."""
    shape = {"sigma": 1.0, "low": -2.3, "high": 2.7, "correlation": 0.5}
    axes = zip(DIRECTIONS[kind], np.eye(TINY.dim_e).tolist(), strict=True)
    return [{"name": name, "vector": v, "moves": 3 - i / 2, **shape} for i, (name, v) in enumerate(axes)]


def save_tiny(folder, kind: str):
    """A tiny random model as a checkpoint folder, its weights enlarged so that e moves the picture."""
    torch.manual_seed(0)
    model = RbVAE(TINY)
    save_checkpoint(Checkpoint(model, kind, "srb", tiny_directions(kind)), folder, card="# tiny\n")
    return folder


@pytest.fixture(scope="session")
def tiny_faces(tmp_path_factory):
    """Folder of a tiny faces checkpoint with four directions."""
    return save_tiny(tmp_path_factory.mktemp("checkpoints") / "faces", "faces")


@pytest.fixture(scope="session")
def tiny_digits(tmp_path_factory):
    """Folder of a tiny digits checkpoint with four directions."""
    return save_tiny(tmp_path_factory.mktemp("checkpoints") / "digits", "digits")


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory):
    """A photo of a face, as a file."""
    from PIL import Image
    from skimage import data

    path = tmp_path_factory.mktemp("photos") / "astronaut.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return path

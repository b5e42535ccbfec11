"""Fixtures shared by several test modules: tiny checkpoints with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rbvae import Checkpoint, ModelConfig, PortraitEditor, RbVAE, StyleEditor, save_checkpoint

torch.set_num_threads(1)  # the networks here are tiny, and threads that wait for each other cost more than they give

TINY = ModelConfig(image_size=32, width=8, dim_z=16, dim_e=4, patch=2)
DIRECTIONS = {
    "faces": ["smile", "jaw open", "brows up", "frown"],
    "digits": ["red", "green", "size", "width"],
}


def tiny_directions(kind: str) -> list[dict]:
    """One direction for each axis of e, each said to move the picture less than the one before."""
    shape = {"sigma": 1.0, "low": -2.3, "high": 2.7, "correlation": 0.5}
    axes = zip(DIRECTIONS[kind], np.eye(TINY.dim_e).tolist(), strict=True)
    return [{"name": name, "vector": v, "moves": 3 - i / 2, **shape} for i, (name, v) in enumerate(axes)]


def save_tiny(folder, kind: str):
    """A tiny random model as a checkpoint folder."""
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


@pytest.fixture(scope="module")
def editors(tiny_faces, tiny_digits):
    """Both tiny checkpoints, as the app serves them."""
    from app.editors import Editors

    return Editors(PortraitEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits))


@pytest.fixture(scope="module")
def portrait(editors, astronaut):
    """The astronaut, as the tiny model infers her."""
    return editors.faces.infer(astronaut)


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory):
    """A photo of a face, as a file."""
    from PIL import Image
    from skimage import data

    path = tmp_path_factory.mktemp("photos") / "astronaut.jpg"
    Image.fromarray(data.astronaut()).save(path, quality=92)
    return path


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory):
    """Thirty "people": one portrait in thirty lights and framings, a third labelled neutral, and a text file."""
    from PIL import Image, ImageEnhance
    from skimage import data

    folder = tmp_path_factory.mktemp("people")
    portrait = Image.fromarray(data.astronaut()).crop((90, 0, 390, 300))
    rows = ["image,expression"]
    for i in range(30):
        framed = portrait.crop((i, 10, 270 + i % 7, 290)).resize((200, 200))
        lit = ImageEnhance.Brightness(framed).enhance(0.7 + 0.02 * i)
        (folder / f"Person_{i:02d}").mkdir()
        lit.save(folder / f"Person_{i:02d}" / f"Person_{i:02d}_0001.jpg", quality=92)
        rows.append(f"Person_{i:02d}_0001.jpg,{'neutral' if i % 3 == 0 else 'happiness'}")
    (folder / "notes.jpg").write_text("not a picture")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def prepared_faces(photo_folder, tmp_path_factory):
    """What prepare_faces makes of `photo_folder`, at 32 px."""
    from training.cli import run_command
    from training.prepare_faces import main

    folder = tmp_path_factory.mktemp("prepared") / "faces32"
    options = ["--photos", photo_folder, "--labels", photo_folder / "labels.csv", "--out", folder, "--size", 32]
    assert run_command(main, [str(o) for o in [*options, "--reference", "labels", "--workers", 1]]) == 0
    return folder


@pytest.fixture(scope="session")
def digits_root(tmp_path_factory):
    """An MNIST root that holds handwritten digits of scikit-learn, enlarged to 28 x 28: 300 to train, 200 to test."""
    import gzip
    import struct

    from sklearn.datasets import load_digits

    digits = load_digits()
    small = torch.from_numpy(digits.images * (255 / 16)).float()[:, None]
    pictures = torch.nn.functional.interpolate(small, (28, 28), mode="bilinear").round().to(torch.uint8).numpy()
    folder = tmp_path_factory.mktemp("mnist")
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for part, rows in (("train", slice(300)), ("t10k", slice(300, 500))):
        shown = digits.target[rows].astype("uint8")
        files = {
            f"{part}-images-idx3-ubyte.gz": struct.pack(">IIII", 2051, len(shown), 28, 28) + pictures[rows].tobytes(),
            f"{part}-labels-idx1-ubyte.gz": struct.pack(">II", 2049, len(shown)) + shown.tobytes(),
        }
        for name, content in files.items():
            (folder / "MNIST" / "raw" / name).write_bytes(gzip.compress(content, 1))
    return folder

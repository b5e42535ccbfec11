"""Fixtures shared by several test modules: tiny checkpoints with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rbvae import Checkpoint, ModelConfig, PortraitEditor, RbVAE, StyleEditor, save_checkpoint
from rbvae.faces.mesh import face_mesh
from rbvae.faces.texture import canonical_frame
from rbvae.models.basis import Basis, quantised

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


def save_tiny_codes(folder):
    """A tiny random model of codes: smooth changes of a few grey levels, and of a hundredth of the face's size."""
    torch.manual_seed(0)
    frame = canonical_frame(32)
    counts = {"texture_even": 6, "texture_odd": 4, "shape_even": 4, "shape_odd": 2}
    config = ModelConfig(observes="code", image_size=32, texels=len(frame.left), dim_z=8, dim_e=4, hidden=16, **counts)
    model = RbVAE(config)
    fill_basis(model.basis)
    with torch.no_grad():
        for network in (model.encoder_z, model.encoder_e, model.generator):
            network.linear_map.weight.normal_()
        model.e_ref.copy_(torch.tensor([0.5, -0.5, 0.25, 0.0]))
    save_checkpoint(Checkpoint(model, "faces", "srb", tiny_directions("faces")), folder, card="# tiny\n")
    return folder


def fill_basis(basis: Basis) -> None:
    """Gives a basis smooth random components of unit length."""
    size, mesh, frame = basis.size, face_mesh(), canonical_frame(32)
    places = frame.positions(mesh.canonical[:, :2])[frame.left]
    parts = [unit(torch.from_numpy(waves(places, n)).float()) for n in (size.texture_even, size.texture_odd)]
    basis.texture_mean.copy_(torch.tensor([180.0, 140.0, 120.0]).expand(size.texels, 3))
    for name, components in zip(("texture_even", "texture_odd"), parts, strict=True):
        getattr(basis, name).copy_(quantised(components)[0])
    basis.texture_step.copy_(torch.cat([quantised(components)[1] for components in parts]))
    moves = torch.from_numpy(waves(mesh.mean[:, :2], size.shape)).float()
    mirrored = moves[:, mesh.mirror] * torch.tensor([-1.0, 1.0, 1.0])
    signs = torch.tensor([1.0] * size.shape_even + [-1.0] * size.shape_odd)[:, None, None]
    basis.shape_components.copy_(unit(moves + signs * mirrored))
    basis.shape_mean.copy_(torch.from_numpy(mesh.mean))
    texture, shape = 4.0 * (6 * size.texels) ** 0.5, 0.01 * (3 * len(mesh.mean)) ** 0.5
    basis.std.copy_(torch.cat([torch.full((size.texture,), texture), torch.full((size.shape,), shape)]))


def waves(places: np.ndarray, n: int) -> np.ndarray:
    """n random smooth fields over places [P, 2] of the unit square: [n, P, 3]."""
    rng = np.random.default_rng(n)
    speed, phase = rng.normal(0, 3, (n, 3, 2)), rng.uniform(0, 6.28, (n, 1, 3))
    return np.sin(np.einsum("pd,nkd->npk", places, speed) + phase)


def unit(components: torch.Tensor) -> torch.Tensor:
    """Components [K, N, 3] of length 1."""
    return components / components.flatten(1).norm(dim=1)[:, None, None]


@pytest.fixture(scope="session")
def tiny_codes(tmp_path_factory):
    """Folder of a tiny faces checkpoint that observes codes, with the same four directions."""
    return save_tiny_codes(tmp_path_factory.mktemp("checkpoints") / "codes")


@pytest.fixture(scope="session")
def tiny_digits(tmp_path_factory):
    """Folder of a tiny digits checkpoint with four directions."""
    return save_tiny(tmp_path_factory.mktemp("checkpoints") / "digits", "digits")


@pytest.fixture(scope="module")
def editors(tiny_faces, tiny_digits):
    """Both tiny checkpoints, as the app serves them."""
    from app.server.editors import Editors

    return Editors(PortraitEditor.from_pretrained(tiny_faces), StyleEditor.from_pretrained(tiny_digits))


@pytest.fixture(scope="module")
def code_editors(tiny_codes, tiny_digits):
    """As `editors`, with a model of codes for faces."""
    from app.server.editors import Editors

    return Editors(PortraitEditor.from_pretrained(tiny_codes), StyleEditor.from_pretrained(tiny_digits))


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
    from training.engine.cli import run_command
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


@pytest.fixture(scope="module")
def short_probes():
    """Non-linear probes and closed forms that take a tenth of the time."""
    from training.engine import start
    from training.table1 import probes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "PASSES", 20)
        patch.setattr(start, "IMAGES", 256)
        yield

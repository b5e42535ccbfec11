"""Images resident on the device as uint8, and endless seeded batches (x_u, x_r) of them."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rbvae.digits import FACTORS, apply_style, outlines, random_styles
from rbvae.errors import DatasetError
from rbvae.images import to_float
from rbvae.landmarks import BLENDSHAPES

LABELLED_LIMIT = 4000  # images that train a probe: enough for a linear map of 64 features


@dataclass(frozen=True)
class LabelledImages:
    """Images uint8 [N, 3, S, S] with known factors float [N, K], named."""

    images: Tensor
    factors: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class ImageSets:
    """What a run trains on (uint8 [N, 1|3, S, S]) and what it is measured on; no person or digit is in two of them.

    `probe_train` trains the linear probes, `probe_test` scores them.
    """

    kind: str
    unlabelled: Tensor
    references: Tensor
    probe_train: LabelledImages
    probe_test: LabelledImages


@dataclass(frozen=True)
class Batches:
    """Endless (x_u, x_r), both float [batch, 3, S, S] in [-1, 1]; what step k gets depends on (seed, k) alone."""

    unlabelled: Tensor
    references: Tensor
    batch: int
    flip: bool
    seed: int

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of one step."""
        rng = step_generator(self.seed, step, self.unlabelled.device, stream=1)
        return self._draw(self.unlabelled, rng), self._draw(self.references, rng)

    def _draw(self, images: Tensor, rng: torch.Generator) -> Tensor:
        rows = torch.randint(len(images), (self.batch,), generator=rng, device=images.device)
        x = to_float(images[rows])
        if self.flip:
            mirror = torch.rand(self.batch, 1, 1, 1, generator=rng, device=x.device) < 0.5
            x = torch.where(mirror, x.flip(3), x)
        return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def step_generator(seed: int, step: int, device: torch.device, stream: int = 0) -> torch.Generator:
    """A generator that depends on (seed, step, stream) alone, so that a resumed run draws what it would have drawn."""
    mixed = np.random.SeedSequence([seed, step, stream]).generate_state(2, np.uint32)
    return torch.Generator(device).manual_seed(int(mixed[0]) << 31 | int(mixed[1]))


def load_images(folder: str | Path | None, kind: str, image_size: int, seed: int, download: bool = False) -> ImageSets:
    """`kind` "faces": what prepare_faces wrote; "digits": a torchvision MNIST root. Raises DatasetError."""
    if kind == "faces":
        if folder is None:
            raise DatasetError("faces need --data DIR, a folder written by training/prepare_faces.py")
        return load_faces(Path(folder), image_size)
    return load_digits(Path(folder) if folder else Path("data"), image_size, seed, download or folder is None)


def load_faces(folder: Path, image_size: int) -> ImageSets:
    """Prepared Parquet shards -> ImageSets; the factors are the 52 blendshape scores."""
    import pyarrow
    import pyarrow.parquet as parquet

    summary_path = folder / "dataset.json"
    if not summary_path.is_file():
        raise DatasetError(f"{folder} holds no dataset.json; make it with training/prepare_faces.py --out {folder}")
    try:
        summary = json.loads(summary_path.read_text(encoding="utf-8"))
        tables = {
            split: pyarrow.concat_tables([parquet.read_table(p) for p in sorted(folder.glob(f"{split}-*.parquet"))])
            for split in ("train", "test")
        }
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"{folder} is damaged ({error}); prepare it again") from error
    if summary["settings"]["size"] != image_size:
        raise DatasetError(
            f"{folder} was prepared at {summary['settings']['size']} px and this model takes {image_size}; "
            f"prepare it with --size {image_size} or choose another preset"
        )
    train, test = (_faces(table, image_size) for table in (tables["train"], tables["test"]))
    is_reference = torch.from_numpy(np.array(tables["train"]["reference"].to_pylist(), dtype=bool))
    if not is_reference.any() or not len(test.images):
        raise DatasetError(
            f"{folder} has {int(is_reference.sum())} reference and {len(test.images)} test faces; prepare more photos"
        )
    probe_train = LabelledImages(train.images[:LABELLED_LIMIT], train.factors[:LABELLED_LIMIT], train.names)
    return ImageSets("faces", train.images, train.images[is_reference], probe_train, test)


def _faces(table: object, image_size: int) -> LabelledImages:
    encoded = table["image"].combine_chunks().field("bytes").to_pylist()  # type: ignore[index]
    pixels = np.empty((len(encoded), image_size, image_size, 3), dtype=np.uint8)
    for row, content in enumerate(encoded):
        pixels[row] = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    scores = np.array(table["blendshapes"].to_pylist(), dtype=np.float32).reshape(-1, len(BLENDSHAPES))  # type: ignore[index]
    return LabelledImages(torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(scores), BLENDSHAPES)


def load_digits(root: Path, image_size: int, seed: int, download: bool) -> ImageSets:
    """MNIST -> ImageSets as in A.3.1: 30k plain references, the other 30k twice in random styles, test halves."""
    train, test = (_mnist(root, part, download) for part in (True, False))
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(train), generator=rng)
    half = len(train) // 2
    references = outlines(train[order[:half]], image_size)
    plain = outlines(train[order[half:]], image_size).repeat(2, 1, 1, 1)
    unlabelled = apply_style(plain, random_styles(len(plain), rng))
    test_edges = outlines(test, image_size)
    test_styles = random_styles(len(test), rng)
    labelled = LabelledImages(apply_style(test_edges, test_styles), test_styles.factors(), FACTORS)
    middle = len(test) // 2
    halves = [
        LabelledImages(labelled.images[rows], labelled.factors[rows], FACTORS)
        for rows in (slice(middle), slice(middle, None))
    ]
    return ImageSets("digits", unlabelled, references, *halves)


def _mnist(root: Path, train: bool, download: bool) -> Tensor:
    """MNIST's digits, uint8 [N, 28, 28], from IDX files as torchvision stores them, gzipped or not."""
    stem = root / "MNIST" / "raw" / f"{'train' if train else 't10k'}-images-idx3-ubyte"
    packed = stem.with_name(stem.name + ".gz")
    if not stem.exists() and not packed.exists():
        if not download:
            raise DatasetError(f"no {packed}; give the folder that holds MNIST/raw, or leave --data out to fetch it")
        _fetch_mnist(root)
    try:
        content = stem.read_bytes() if stem.exists() else gzip.decompress(packed.read_bytes())
        count, height, width = struct.unpack(">4xIII", content[:16])
        pixels = np.frombuffer(content, np.uint8, offset=16).reshape(count, height, width)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise DatasetError(f"{stem} is damaged ({error}); delete it and fetch it again") from error
    return torch.from_numpy(pixels.copy())


def _fetch_mnist(root: Path) -> None:
    from torchvision.datasets import MNIST

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            MNIST(str(root), download=True)
    except (RuntimeError, OSError) as error:
        raise DatasetError(
            f"MNIST could not be fetched ({type(error).__name__}); put its four *-ubyte.gz files into {root}/MNIST/raw"
        ) from error

"""Loads prepared faces or MNIST as the uint8 image sets of a run."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from rbvae.checkpoint import write_atomically
from rbvae.digits.styles import outlines, random_styles
from rbvae.errors import DatasetError
from rbvae.faces.landmarks import BLENDSHAPES
from training.data.image_sets import LABELLED_LIMIT, ImageSets, LabelledImages, StyledDigits

if TYPE_CHECKING:
    import pyarrow

    from training.data.folders import PreparedFolder

TEST_LIMIT = 10_000  # test images used when the training images are streamed


def load_images(folder: str | Path | None, kind: str, image_size: int, seed: int, stream: bool = False) -> ImageSets:
    """Loads prepared faces (`kind` "faces") or a torchvision MNIST root (`kind` "digits").

    MNIST is downloaded to data/ if `folder` is None. `stream` loads only the faces needed for evaluation. Raises
    DatasetError if the dataset is missing, damaged or unsuitable.
    """
    if kind == "faces":
        return load_faces(folder, image_size, stream)
    return load_digits(Path(folder or "data"), image_size, seed, download=folder is None)


def load_faces(folder: str | Path | None, image_size: int, stream: bool = False) -> ImageSets:
    """Loads prepared Parquet shards from a folder or hf:// address; the factors are the 52 blendshape scores.

    `stream` is for runs whose batches training.data.streaming reads: `unlabelled` and `references` are then empty,
    [0, 3, S, S], and `probe_test` holds at most TEST_LIMIT faces. Raises DatasetError if the dataset cannot be used.
    """
    limits = (LABELLED_LIMIT, TEST_LIMIT) if stream else (None, None)
    train, test, is_reference = labelled_faces(folder, image_size, *limits)
    if stream:
        return ImageSets("faces", train.images[:0], train.images[:0], train, test, streamed_from=str(folder))
    if not is_reference.any() or not len(test.images):
        raise DatasetError(
            f"{folder} has {int(is_reference.sum())} reference and {len(test.images)} test faces; prepare more photos"
        )
    return ImageSets("faces", train.images, train.images[is_reference], train[:LABELLED_LIMIT], test)


def labelled_faces(
    folder: str | Path | None, image_size: int, train_limit: int | None = None, test_limit: int | None = None
) -> tuple[LabelledImages, LabelledImages, Tensor]:
    """Returns training faces, test faces, and bool [N] marking which training faces are references.

    The limits keep only the first faces of each split. Raises DatasetError if the dataset cannot be used or its image
    size differs from `image_size`.
    """
    from training.data.folders import PreparedFolder

    prepared = PreparedFolder(folder)
    if prepared.size != image_size:
        raise DatasetError(
            f"{folder} was prepared at {prepared.size} px and this model takes {image_size}; "
            f"prepare it with --size {image_size} or choose another preset"
        )
    columns = ["image.bytes", "blendshapes", "identity", "yaw", "reference"]
    train, test = prepared.table("train", columns, train_limit), prepared.table("test", columns, test_limit)
    return _faces(prepared, train), _faces(prepared, test), torch.from_numpy(np.array(train["reference"]))


def _faces(prepared: PreparedFolder, table: pyarrow.Table) -> LabelledImages:
    pixels = np.empty((len(table), prepared.size, prepared.size, 3), dtype=np.uint8)
    prepared.decode(table, pixels)
    scores = np.array(table["blendshapes"].to_pylist(), dtype=np.float32).reshape(-1, len(BLENDSHAPES))
    people = tuple(table["identity"].to_pylist())
    images, yaw = (
        torch.from_numpy(pixels).permute(0, 3, 1, 2),
        torch.from_numpy(np.array(table["yaw"]).astype(np.float32)),
    )
    return LabelledImages(images, torch.from_numpy(scores), BLENDSHAPES, people, yaw)


def load_digits(root: Path, image_size: int, seed: int, download: bool) -> ImageSets:
    """Builds the digit sets of A.3.1: 30k plain references, the other 30k digits in two random styles each.

    The test digits are split into two halves.
    """
    references, unlabelled, test = styled_digits(root, image_size, seed, download)
    labelled = test.drawn()
    middle = len(labelled.images) // 2
    halves = labelled[:middle], labelled[middle:]
    return ImageSets("digits", unlabelled.drawn().images, references, *halves, test_digits=test[middle:])


def styled_digits(
    root: Path, image_size: int, seed: int, download: bool = False
) -> tuple[Tensor, StyledDigits, StyledDigits]:
    """Returns plain references uint8 [N, 1, S, S], the unlabelled digits and the test digits with random styles.

    Raises DatasetError if MNIST is missing, damaged or cannot be downloaded.
    """
    (train, train_digits), (test, test_digits) = (_mnist(root, part, download) for part in (True, False))
    rng = torch.Generator().manual_seed(seed)
    references, rest = torch.randperm(len(train), generator=rng).tensor_split([len(train) // 2])
    plain = outlines(train[rest], image_size).repeat(2, 1, 1, 1)
    unlabelled = StyledDigits(plain, random_styles(len(plain), rng), tuple(train_digits[row] for row in rest) * 2)
    test_styles = random_styles(len(test), rng)
    return (
        outlines(train[references], image_size),
        unlabelled,
        StyledDigits(outlines(test, image_size), test_styles, test_digits),
    )


def _mnist(root: Path, train: bool, download: bool) -> tuple[Tensor, tuple[str, ...]]:
    """Reads MNIST's images, uint8 [N, 28, 28], and the digit in each, "0" to "9"; files in .gz are unpacked first."""
    from torchvision.datasets import MNIST

    raw = root / "MNIST" / "raw"
    if not raw.is_dir() and not download:
        raise DatasetError(f"no {raw}; give the folder that holds MNIST/raw, or omit --data to download it")
    try:
        for packed in raw.glob("*-ubyte.gz"):
            if not packed.with_suffix("").exists():
                write_atomically(packed.with_suffix(""), gzip.decompress(packed.read_bytes()))
        with contextlib.redirect_stdout(io.StringIO()):
            digits = MNIST(str(root), train, download=download)
    except (OSError, EOFError, zlib.error, RuntimeError, ValueError, AssertionError) as error:
        raise DatasetError(
            f"MNIST cannot be loaded from {raw} ({error}); put MNIST's four *-ubyte.gz files alone there"
        ) from error
    return digits.data, tuple(str(digit) for digit in digits.targets.tolist())

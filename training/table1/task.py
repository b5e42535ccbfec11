"""The datasets of Table 1: training images, and held-out images with the factors or classes to predict."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from rbvae.digits.styles import CHUNK, FACTORS, apply_style
from rbvae.errors import DatasetError
from training.data.datasets import styled_digits
from training.data.image_sets import StyledDigits
from training.data.photo_folders import Photo, list_photos

DRAWN = 64  # digits are drawn at the paper's size, and downscaled for smaller models so that the styles stay the same
FOLDS = 3
CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
SYNONYMS = {"angry": "anger", "disgusted": "disgust", "fearful": "fear", "happy": "happiness", "sad": "sadness",
            "surprised": "surprise"}  # fmt: skip
NEUTRAL = "neutral"


@dataclass(frozen=True)
class Labelled:
    """Images uint8 [N, 1|3, S, S] with their targets: factors float [N, K] or classes int [N]."""

    images: Tensor
    targets: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Labelled:
        return Labelled(self.images[torch.from_numpy(rows)], self.targets[rows])


@dataclass(frozen=True)
class Task:
    """One dataset of Table 1.

    Methods train on `unlabelled` and `references`. `labelled` are training images with targets, for the supervised
    control and for choosing weights. `held_out` is used by probes only. `names` are the table's columns; those in
    `missing` cannot be scored, for the given reason. `notes` are printed below the table.
    """

    dataset: str
    unlabelled: Tensor
    references: Tensor
    labelled: Labelled
    held_out: Labelled
    names: tuple[str, ...]
    missing: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> bool:
        """Whether the targets are classes (accuracy, higher is better) or factors (error, lower is better)."""
        return self.held_out.targets.ndim == 1


def load_task(dataset: str, folder: Path | None, size: int) -> Task:
    """Loads "digits", a torchvision MNIST root, or "fer", the folders of FER-2013 or AffectNet.

    MNIST is downloaded to data/ if `folder` is None. Raises DatasetError if the dataset is missing or unsuitable.
    """
    if dataset == "digits":
        return load_digits(folder, size)
    if folder is None:
        raise DatasetError("faces need --data DIR, a folder that holds fer2013/train and fer2013/test, or AffectNet")
    return load_faces(folder, size)


def load_digits(folder: Path | None, size: int) -> Task:
    """Builds the digit task of A.3.1: plain digits as references, the others in random styles.

    The 10,000 test digits are held out. Raises DatasetError if MNIST is missing or damaged.
    """
    references, unlabelled, test = styled_digits(folder or Path("data"), DRAWN, seed=0, download=folder is None)
    images = _drawn(unlabelled, size)
    return Task(
        "digits",
        images,
        _shrunk(references, size),
        Labelled(images, unlabelled.styles.factors().numpy()),
        Labelled(_drawn(test, size), test.styles.factors().numpy()),
        FACTORS,
    )


def _drawn(digits: StyledDigits, size: int) -> Tensor:
    parts = torch.arange(len(digits.outlines)).split(CHUNK)
    return torch.cat([_shrunk(apply_style(digits.outlines[p], digits.styles[p]), size) for p in parts])


def _shrunk(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    small = [F.interpolate(part.float(), (size, size), mode="area").round().to(torch.uint8)
             for part in images.split(CHUNK)]  # fmt: skip
    return torch.cat(small)


def load_faces(folder: Path, size: int) -> Task:
    """Loads photos from folders named after their classes: neutral ones are references, the others unlabelled.

    Photos are resized without alignment; grey ones stay grey. The published test split is held out, or one photo in
    ten if there is none. Classes with fewer than FOLDS held-out photos are reported as missing. Raises DatasetError if
    there are no photos, no neutral ones, or fewer than two expressions.
    """
    sides = _sides(folder)
    counts = Counter(name for _, name in sides["test"])
    missing = {name: f"{counts[name]} held-out photos" for name in CLASSES if counts[name] < FOLDS}
    _refuse(folder, sides, missing)
    spoilt: list[str] = []
    x_r, _ = _read([(p, name) for p, name in sides["train"] if name == NEUTRAL], size, spoilt)
    x_u, classes_u = _read([(p, name) for p, name in sides["train"] if name not in ("", NEUTRAL)], size, spoilt)
    scored = [(p, name) for p, name in sides["test"] if name in CLASSES and name not in missing]
    held_out = Labelled(*_read(scored, size, spoilt))
    labelled = Labelled(x_u, classes_u)[np.flatnonzero(np.isin(classes_u, held_out.targets))]
    notes = [f"{name}: {why}; not scored, and the average is over the others" for name, why in missing.items()]
    if spoilt:
        notes.append(f"{len(spoilt)} photos could not be read and are left out, {spoilt[0]} first")
    print("".join(f"note: {note}\n" for note in notes), end="", file=sys.stderr)
    return Task("fer", x_u, x_r, labelled, held_out, CLASSES, missing, tuple(notes))


def _sides(folder: Path) -> dict[str, list[tuple[Photo, str]]]:
    """Returns the photos of each split with their classes, "" where unknown."""
    root = folder / "fer2013" if (folder / "fer2013").is_dir() else folder
    photos = list_photos(root)
    return {side: [(photo, _class_of(photo)) for photo in photos if photo.split == side] for side in ("train", "test")}


def _refuse(folder: Path, sides: dict[str, list[tuple[Photo, str]]], missing: dict[str, str]) -> None:
    """Raises DatasetError if the photos are not sufficient for a table."""
    trained = {name for _, name in sides["train"]}
    if NEUTRAL not in trained:
        raise DatasetError(f"{folder} has no photos of class {NEUTRAL} to train on; the reference set is made of them")
    if not trained - {"", NEUTRAL}:
        raise DatasetError(f"{folder} has no photos of expressions to train on; put some into train/CLASS/")
    if len(CLASSES) - len(missing) < 2:
        raise DatasetError(
            f"{folder} has held-out photos of {len(CLASSES) - len(missing)} expressions; put some of at least two of "
            f"{', '.join(CLASSES)} into test/CLASS/"
        )


def _class_of(photo: Photo) -> str:
    label = photo.label.strip().lower()
    return SYNONYMS.get(label, label)


def _index(name: str) -> int:
    return CLASSES.index(name) if name in CLASSES else -1


def _read(photos: list[tuple[Photo, str]], size: int, spoilt: list[str]) -> tuple[Tensor, np.ndarray]:
    """Reads photos as uint8 [N, 1|3, S, S] and classes int [N]; adds the names of unreadable ones to `spoilt`."""
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(lambda known: _picture(known[0].path, size), photos))
    spoilt += [photo.source for (photo, _), picture in zip(photos, pictures, strict=True) if picture is None]
    kept = [(picture, _index(name)) for picture, (_, name) in zip(pictures, photos, strict=True) if picture is not None]
    if not kept:
        raise DatasetError(f"none of {len(photos)} photos can be read, {spoilt[0]} first; give JPEG or PNG files")
    channels = max(len(picture) for picture, _ in kept)
    stacked = np.stack([np.broadcast_to(picture, (channels, size, size)) for picture, _ in kept])
    return torch.from_numpy(stacked), np.array([index for _, index in kept])


def _picture(path: Path, size: int) -> np.ndarray | None:
    """Reads a photo as uint8 [1|3, S, S]; returns None if it is not a readable image."""
    try:
        with Image.open(path) as image:
            plain = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
        pixels = np.asarray(plain.resize((size, size), Image.Resampling.BICUBIC))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)

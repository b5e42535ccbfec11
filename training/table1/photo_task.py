"""Table 1 on folders of photos named after their classes, resized without alignment: FER-2013 or AffectNet."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rbvae.errors import DatasetError
from training.data.photo_folders import Photo, list_photos
from training.table1.task import CLASSES, FOLDS, VALIDATION, Labelled, Task, parted

SYNONYMS = {"angry": "anger", "disgusted": "disgust", "fearful": "fear", "happy": "happiness", "sad": "sadness",
            "surprised": "surprise"}  # fmt: skip
NEUTRAL = "neutral"


def load_photos(folder: Path, size: int) -> Task:
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
    train, validation = split_classes(classes_u, np.unique(held_out.targets))
    labelled = Labelled(x_u, classes_u)
    known = labelled[train[np.isin(classes_u[train], held_out.targets)]]
    notes = [f"{name}: {why}; not scored, and the average is over the others" for name, why in missing.items()]
    if spoilt:
        notes.append(f"{len(spoilt)} photos could not be read and are left out, {spoilt[0]} first")
    print("".join(f"note: {note}\n" for note in notes), end="", file=sys.stderr)
    images = labelled[train].images
    return Task("fer", images, x_r, known, labelled[validation], held_out, CLASSES, missing, tuple(notes))


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
    return class_of(photo.label)


def class_of(label: str) -> str:
    """Returns the class that a label means, such as "happiness" for "Happy"."""
    label = label.strip().lower()
    return SYNONYMS.get(label, label)


def index_of(name: str) -> int:
    """Returns the number of a class, -1 if it is not scored."""
    return CLASSES.index(name) if name in CLASSES else -1


def split_classes(classes: np.ndarray, scored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits training rows into training and validation rows; the latter are of the `scored` classes only."""
    train, validation = parted(len(classes), VALIDATION)
    of_scored = np.isin(classes[validation], scored)
    return np.sort(np.concatenate([train, validation[~of_scored]])), validation[of_scored]


def _read(photos: list[tuple[Photo, str]], size: int, spoilt: list[str]) -> tuple[Tensor, np.ndarray]:
    """Reads photos as uint8 [N, 1|3, S, S] and classes int [N]; adds the names of unreadable ones to `spoilt`."""
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(lambda known: _picture(known[0].path, size), photos))
    spoilt += [photo.source for (photo, _), picture in zip(photos, pictures, strict=True) if picture is None]
    kept = [
        (picture, index_of(name)) for picture, (_, name) in zip(pictures, photos, strict=True) if picture is not None
    ]
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

"""Table 1 on faces aligned by landmarks, as the paper's are (A.3.2): a folder written by prepare_faces."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rbvae.errors import DatasetError
from training.data.folders import PreparedFolder
from training.table1.digit_task import shrunk
from training.table1.photo_task import NEUTRAL, class_of, index_of, split_classes
from training.table1.task import CLASSES, Labelled, Task

LEAST = 20  # held-out faces of a class that is scored
HELD_OUT = 0.3  # share of people whose photos are held out where no split is published
PUBLISHED = ("fer",)  # datasets whose published test side is held out


@dataclass(frozen=True)
class Sides:
    """Row numbers of a prepared dataset, and the classes that can be scored.

    `train` and `validation` are unlabelled faces, `references` neutral ones, `held_out` faces of scored classes;
    `classes` int [N] holds the class of every row, -1 if it is not scored.
    """

    train: np.ndarray
    validation: np.ndarray
    references: np.ndarray
    held_out: np.ndarray
    classes: np.ndarray
    missing: dict[str, str]

    def labelled(self) -> np.ndarray:
        """Returns the training rows with scored classes."""
        return self.train[np.isin(self.classes[self.train], self.classes[self.held_out])]


def load_aligned(dataset: str, folder: Path, size: int) -> Task:
    """Loads the aligned crops, resized to `size`. Raises DatasetError if the folder cannot be used."""
    prepared = PreparedFolder(folder)
    tables = [prepared.table(split, ["image.bytes", "label", "identity"]) for split in ("train", "test")]
    labels = [label for table in tables for label in table["label"].to_pylist()]
    people = [name for table in tables for name in table["identity"].to_pylist()]
    sides = sides_of(dataset, folder, labels, people, len(tables[0]))
    pixels = np.empty((len(labels), prepared.size, prepared.size, 3), np.uint8)
    for table, part in zip(tables, np.split(pixels, [len(tables[0])]), strict=True):
        prepared.decode(table, part)
    images = shrunk(torch.from_numpy(pixels).permute(0, 3, 1, 2), size)
    return task_of(dataset, images, sides, notes_of(prepared, sides))


def task_of(dataset: str, x: Tensor, sides: Sides, notes: tuple[str, ...]) -> Task:
    """Returns the task of observations x [N, ...] of all rows."""
    everything = Labelled(x, sides.classes)
    return Task(
        dataset,
        everything[sides.train].images,
        everything[sides.references].images,
        everything[sides.labelled()],
        everything[sides.validation],
        everything[sides.held_out],
        CLASSES,
        sides.missing,
        notes,
    )


def sides_of(dataset: str, folder: Path, labels: list[str], people: list[str], in_train: int) -> Sides:
    """Splits the rows of a dataset, of which the first `in_train` are its own training side.

    Raises DatasetError if there are no neutral faces or fewer than two classes to score.
    """
    names = np.array([class_of(label) for label in labels])
    held_out = np.arange(len(names)) >= in_train
    if dataset.removesuffix("-codes") not in PUBLISHED:
        held_out = np.isin(people, held_out_people(people))
    counts = Counter(names[held_out].tolist())
    missing = {name: f"{counts[name]} held-out photos" for name in CLASSES if counts[name] < LEAST}
    scored = [name for name in CLASSES if name not in missing]
    references = np.flatnonzero((names == NEUTRAL) & ~held_out)
    if not len(references) or len(scored) < 2:
        raise DatasetError(
            f"{folder} has {len(references)} neutral faces to train on and held-out ones of {len(scored)} expressions. "
            "Prepare labelled photos, with --reference labels."
        )
    classes = np.array([index_of(name) if name in scored else -1 for name in names])
    unlabelled = np.flatnonzero((names != NEUTRAL) & (names != "") & ~held_out)
    train, validation = split_classes(classes[unlabelled], np.unique(classes[classes >= 0]))
    return Sides(
        unlabelled[train],
        unlabelled[validation],
        references,
        np.flatnonzero(held_out & (classes >= 0)),
        classes,
        missing,
    )


def held_out_people(people: list[str]) -> np.ndarray:
    """Returns the names of a HELD_OUT share of the people, at random but always the same."""
    names = np.unique(people)
    return names[np.random.default_rng(0).random(len(names)) < HELD_OUT]


def notes_of(prepared: PreparedFolder, sides: Sides) -> tuple[str, ...]:
    """Returns notes on the faces that were found and the classes that are missing."""
    faces, skipped = prepared.summary["faces"], prepared.summary["skipped"]
    found = f"a face was found and aligned in {faces:,} of {faces + skipped:,} photos"
    gone = [f"{name}: {why}; not scored, and the average is over the others" for name, why in sides.missing.items()]
    return (found, *gone)

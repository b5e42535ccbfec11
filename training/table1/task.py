"""The datasets of Table 1: training images, validation images, and held-out images with what is to be predicted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from training.data.image_sets import FaceCodes

FOLDS = 3
VALIDATION = 4000  # images taken out of the training side, to end runs and to choose weights
CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
DATASETS = {  # name -> what --data has to be
    "digits": "an MNIST root",
    "fer": "a folder that holds fer2013/train and fer2013/test, or AffectNet; or one that prepare_faces wrote",
    "lfw": "a folder that prepare_faces wrote from LFW with --labels and --reference labels",
    "fer-codes": "a folder that prepare_faces wrote from FER-2013",
    "lfw-codes": "a folder that prepare_faces wrote from LFW with --labels and --reference labels",
}


@dataclass(frozen=True)
class Labelled:
    """Observations with their targets: images uint8 [N, 1|3, S, S] or codes float [N, K]; factors float [N, M] or
    classes int [N]."""

    images: Tensor
    targets: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Labelled:
        return Labelled(self.images[torch.from_numpy(rows)], self.targets[rows])


@dataclass(frozen=True)
class Task:
    """One dataset of Table 1.

    Methods train on `unlabelled` and `references`. `labelled` are training images with targets, for the supervised
    control. `validation` are images that no method trains on, to end runs and to choose weights. `held_out` is used by
    the probes of the table only. `names` are the table's columns; those in `missing` cannot be scored, for the given
    reason. `notes` are printed below the table. `codes` holds the basis if the observations are codes.
    """

    dataset: str
    unlabelled: Tensor
    references: Tensor
    labelled: Labelled
    validation: Labelled
    held_out: Labelled
    names: tuple[str, ...]
    missing: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    codes: FaceCodes | None = None

    @property
    def classes(self) -> bool:
        """Whether the targets are classes (accuracy, higher is better) or factors (error, lower is better)."""
        return self.held_out.targets.ndim == 1


def parted(count: int, validation: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows at random into training and validation rows, of which there are at most a fifth."""
    rows = np.random.default_rng(seed).permutation(count)
    most = min(validation, count // 5)
    return np.sort(rows[most:]), np.sort(rows[:most])

"""Loads the datasets of Table 1 by name."""

from __future__ import annotations

from pathlib import Path

from rbvae.errors import DatasetError
from training.table1.code_task import load_face_codes
from training.table1.digit_task import load_digits
from training.table1.photo_task import load_photos
from training.table1.prepared_task import load_aligned
from training.table1.task import DATASETS, Task


def load_task(dataset: str, folder: Path | None, size: int) -> Task:
    """Loads one of DATASETS with images of `size` pixels a side; codes have the size of the prepared textures.

    MNIST is downloaded to data/ if `folder` is None. Raises DatasetError if the dataset is missing or unsuitable.
    """
    if dataset == "digits":
        return load_digits(folder, size)
    if folder is None:
        raise DatasetError(f"faces need --data DIR, {DATASETS[dataset]}")
    if dataset.endswith("-codes"):
        return load_face_codes(dataset, folder)
    if dataset == "lfw" or (folder / "dataset.json").is_file():
        return load_aligned(dataset, folder, size)
    return load_photos(folder, size)

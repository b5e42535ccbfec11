"""Table 1 on digits: plain digits as references, the others in random styles (A.3.1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rbvae.digits.styles import CHUNK, FACTORS, apply_style
from training.data.datasets import styled_digits
from training.data.image_sets import StyledDigits
from training.table1.task import VALIDATION, Labelled, Task, parted

DRAWN = 64  # digits are drawn at the paper's size, and downscaled for smaller models so that the styles stay the same


def load_digits(folder: Path | None, size: int) -> Task:
    """Builds the digit task: the 10,000 test digits are held out, and some training digits, in both of their styles,
    are for validation.

    Raises DatasetError if MNIST is missing or damaged.
    """
    references, unlabelled, test = styled_digits(folder or Path("data"), DRAWN, seed=0, download=folder is None)
    images, factors = _drawn(unlabelled, size), unlabelled.styles.factors().numpy()
    digits = len(images) // 2  # the second half are the same digits in other styles
    train, validation = (np.concatenate([rows, rows + digits]) for rows in parted(digits, VALIDATION // 2))
    labelled = Labelled(images, factors)
    return Task(
        "digits",
        labelled[train].images,
        shrunk(references, size),
        labelled[train],
        labelled[validation],
        Labelled(_drawn(test, size), test.styles.factors().numpy()),
        FACTORS,
    )


def _drawn(digits: StyledDigits, size: int) -> Tensor:
    parts = torch.arange(len(digits.outlines)).split(CHUNK)
    return torch.cat([shrunk(apply_style(digits.outlines[p], digits.styles[p]), size) for p in parts])


def shrunk(images: Tensor, size: int) -> Tensor:
    """Resizes images uint8 [N, C, S, S] to `size` by the mean of areas."""
    if images.shape[-1] == size:
        return images
    small = [F.interpolate(part.float(), (size, size), mode="area").round().to(torch.uint8)
             for part in images.split(CHUNK)]  # fmt: skip
    return torch.cat(small)

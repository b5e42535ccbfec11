"""The training and evaluation data of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rbvae.digits.styles import FACTORS, DigitStyle, apply_style
from rbvae.extensions.closed_form import CodeStatistics
from rbvae.models.basis import Basis

LABELLED_LIMIT = 4000  # images used to train a probe; enough for a linear map of 64 features


@dataclass(frozen=True)
class LabelledImages:
    """Images uint8 [N, 3, S, S] with named factors float [N, K].

    Where known, `shows` names the person or digit in each image and `yaw` is the head's yaw in degrees, float [N].
    """

    images: Tensor
    factors: Tensor
    names: tuple[str, ...]
    shows: tuple[str, ...] = ()
    yaw: Tensor = field(default_factory=lambda: torch.empty(0))

    def __getitem__(self, rows: slice) -> LabelledImages:
        return LabelledImages(self.images[rows], self.factors[rows], self.names, self.shows[rows], self.yaw[rows])


@dataclass(frozen=True)
class StyledDigits:
    """Digit outlines uint8 [N, 1, S, S] with the style to draw each in and the digit each `shows`."""

    outlines: Tensor
    styles: DigitStyle
    shows: tuple[str, ...]

    def __getitem__(self, rows: slice) -> StyledDigits:
        return StyledDigits(self.outlines[rows], self.styles[rows], self.shows[rows])

    def drawn(self) -> LabelledImages:
        """Draws the digits in their styles."""
        return LabelledImages(apply_style(self.outlines, self.styles), self.styles.factors(), FACTORS, self.shows)


@dataclass(frozen=True)
class FaceCodes:
    """The basis of codes [N, K], and what else a run on codes needs.

    `lighting` [9, 3, K] is the effect of each light harmonic and colour channel on a code. The closed form is computed
    from `statistics` of the training faces. The textures of the first M test faces are kept: `kept_textures` uint8
    [M, P, 3], of `size` texels a side, and `kept_visible` bool [M, P].
    """

    basis: Basis
    lighting: Tensor
    statistics: CodeStatistics
    size: int
    kept_textures: np.ndarray
    kept_visible: np.ndarray


@dataclass(frozen=True)
class ImageSets:
    """The training images (uint8 [N, 1|3, S, S]) and the evaluation images of a run.

    Linear probes are fitted to `probe_train` and scored on `probe_test`, which shares no person or digit with the other
    sets; digits in it were drawn from `test_digits`. If the training images are streamed, `streamed_from` is their
    address and `unlabelled` and `references` are empty. A run on codes has float codes [N, K] in place of images, and
    `codes` holds the basis and the rest of the data.
    """

    kind: str
    unlabelled: Tensor
    references: Tensor
    probe_train: LabelledImages
    probe_test: LabelledImages
    test_digits: StyledDigits | None = None
    streamed_from: str = ""
    codes: FaceCodes | None = None

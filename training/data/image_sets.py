"""What a run trains on and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rbvae.digits.styles import FACTORS, DigitStyle, apply_style
from rbvae.extensions.closed_form import CodeStatistics
from rbvae.models.basis import Basis

LABELLED_LIMIT = 4000  # images that train a probe: enough for a linear map of 64 features


@dataclass(frozen=True)
class LabelledImages:
    """Images uint8 [N, 3, S, S] with named factors float [N, K], and where known whom each shows (or which digit) and
    how far the head is turned, degrees float [N]."""

    images: Tensor
    factors: Tensor
    names: tuple[str, ...]
    shows: tuple[str, ...] = ()
    yaw: Tensor = field(default_factory=lambda: torch.empty(0))

    def __getitem__(self, rows: slice) -> LabelledImages:
        return LabelledImages(self.images[rows], self.factors[rows], self.names, self.shows[rows], self.yaw[rows])


@dataclass(frozen=True)
class StyledDigits:
    """Outlines uint8 [N, 1, S, S], the style each is to be drawn in, and which digit each is, if known."""

    outlines: Tensor
    styles: DigitStyle
    shows: tuple[str, ...]

    def __getitem__(self, rows: slice) -> StyledDigits:
        return StyledDigits(self.outlines[rows], self.styles[rows], self.shows[rows])

    def drawn(self) -> LabelledImages:
        """The digits in their styles."""
        return LabelledImages(apply_style(self.outlines, self.styles), self.styles.factors(), FACTORS, self.shows)


@dataclass(frozen=True)
class FaceCodes:
    """A basis with the codes [N, K], blendshapes and yaw of training and test faces, and which of the former are
    references.

    `kept` [M] are some of the test faces, with their textures uint8 [M, P, 3] of `size` texels a side and what is
    visible of them, bool [M, P]. `lighting` [9, 3, K] is what each harmonic of light does to the code through each
    colour channel; `statistics` of the training faces are what the closed form is computed from.
    """

    basis: Basis
    lighting: Tensor
    train: LabelledImages
    test: LabelledImages
    references: Tensor
    statistics: CodeStatistics
    size: int
    kept: np.ndarray
    kept_textures: np.ndarray
    kept_visible: np.ndarray


@dataclass(frozen=True)
class ImageSets:
    """What a run trains on (uint8 [N, 1|3, S, S]) and what it is measured on; no person or digit is in two of them.

    `probe_train` trains the linear probes, `probe_test` scores them; `test_digits` is what the latter was drawn from.
    Where images are to be streamed while training, `streamed_from` says whence, and the first two hold none. A run on
    codes has float codes [N, K] in place of images, and in `codes` what they were made with.
    """

    kind: str
    unlabelled: Tensor
    references: Tensor
    probe_train: LabelledImages
    probe_test: LabelledImages
    test_digits: StyledDigits | None = None
    streamed_from: str = ""
    codes: FaceCodes | None = None

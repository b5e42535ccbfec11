"""The two editors of the app, and synthetic images sampled from their models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image

from app.server.decoder import decoder
from rbvae import Inference, PortraitEditor, StyleEditor
from rbvae.editing import Editor

TRUNCATION = 0.6  # scale of z: the truncation trick of Brock et al. (2019) trades variety for quality

Picture = TypeVar("Picture", bound=Inference)


@dataclass(frozen=True)
class Editors:
    """One editor for faces and one for digits, shared by all visitors."""

    faces: PortraitEditor
    digits: StyleEditor


def load_editors() -> Editors:
    """Load both editors.

    Raises CheckpointError if a checkpoint cannot be loaded, and LandmarkerError if the face landmarker cannot.
    """
    editors = Editors(
        PortraitEditor.from_pretrained(),
        StyleEditor.from_pretrained(),
    )
    decoder()
    _ = editors.faces.landmarker  # load it now, so that the first request does not wait
    return editors


def synthetic_images(
    editor: Editor, n: int, seed: int, record: type[Picture], es: Sequence[np.ndarray] = ()
) -> list[Picture]:
    """Sample n synthetic images, as instances of `record` (Portrait or Inference).

    z is sampled from the prior, scaled by TRUNCATED. e is taken from `es`, each float32 [D_e], then sampled from the
    prior. Returns an empty list for a model of codes, which can only edit photos.
    """
    if editor.config.observes != "image":
        return []
    z = TRUNCATION * np.random.default_rng(seed).standard_normal((n, editor.config.dim_z)).astype(np.float32)
    blank = Image.new("RGB", (editor.config.image_size,) * 2)

    def drawn(z_one: np.ndarray, e_one: np.ndarray) -> Picture:
        crop = editor.edit(Inference(z_one, e_one, blank, lambda: blank), e_one).crop
        return record(z_one, e_one, crop, lambda: crop)

    return [drawn(*pair) for pair in zip(z, [*es, *editor.sample_e(n, seed + 1)[len(es) :]], strict=True)]

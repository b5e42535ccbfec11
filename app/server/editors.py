"""The two editors the app serves, and pictures their models make up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from app.server.decoder import decoder
from rbvae import Inference, PortraitEditor, StyleEditor
from rbvae.editing import Editor

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"

PATIENCE = 1.2  # seconds of a search for small faces: with the slowest decoding before it, an answer takes 5 at most
TRUNCATED = 0.6  # fewer oddities for less variety: the truncation trick of Brock et al. (2019)

Picture = TypeVar("Picture", bound=Inference)


@dataclass(frozen=True)
class Editors:
    """One editor for faces and one for digits, shared by all visitors."""

    faces: PortraitEditor
    digits: StyleEditor


def checkpoint_source(kind: str) -> str | Path:
    """Where the checkpoint for "faces" or "digits" is: RBVAE_FACES or RBVAE_DIGITS, else the embedded one."""
    return os.environ.get(f"RBVAE_{kind.upper()}") or CHECKPOINTS / kind


def load_editors() -> Editors:
    """Both editors, ready to use; raises CheckpointError, or LandmarkerError where faces cannot be found."""
    editors = Editors(
        PortraitEditor.from_pretrained(checkpoint_source("faces")),
        StyleEditor.from_pretrained(checkpoint_source("digits")),
    )
    decoder()
    editors.faces.patience = PATIENCE
    _ = editors.faces.landmarker  # made now, so that the first visitor does not wait for it
    return editors


def imagined(editor: Editor, n: int, seed: int, record: type[Picture], es: Sequence[np.ndarray] = ()) -> list[Picture]:
    """n pictures of nobody, decoded, as `record` (Portrait or Inference): z from the prior, drawn nearer to its mean;
    e [D_e] as given for the first ones, and from the prior for the others. None by a model of codes, which draws only
    in photos."""
    if editor.config.observes != "image":
        return []
    z = TRUNCATED * np.random.default_rng(seed).standard_normal((n, editor.config.dim_z)).astype(np.float32)
    blank = Image.new("RGB", (editor.config.image_size,) * 2)
    drawn = zip(z, [*es, *editor.sample_e(n, seed + 1)[len(es) :]], strict=True)
    pictures = []
    for z_one, e_one in drawn:
        crop = editor.edit(Inference(z_one, e_one, blank, lambda: blank), e_one).crop
        pictures.append(record(z_one, e_one, crop, crop))
    return pictures

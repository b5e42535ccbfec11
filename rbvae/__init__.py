"""Reference-based variational autoencoders (Ruiz, Martinez, Binefa, Verbeek 2019).

Two encoders infer `z` (identity, pose, lighting) and `e` (expression, or a digit's style); a generator turns any
pair of them into an image. The only supervision is a reference set of images whose target factors are constant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rbvae.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from rbvae.config import ModelConfig
    from rbvae.editing import PortraitEditor, StyleEditor
    from rbvae.editing.edits import Direction, Edit, Inference, Portrait
    from rbvae.errors import (
        CheckpointError,
        ConfigError,
        DatasetError,
        FaceNotFoundError,
        ImageError,
        LandmarkerError,
        RbvaeError,
        TrainingError,
    )
    from rbvae.faces.finding import Faces
    from rbvae.models.model import RbVAE

__version__ = "0.2.0"

_MODULES = {  # imported when a name is first used, because PyTorch takes seconds
    "Checkpoint": "rbvae.checkpoint",
    "load_checkpoint": "rbvae.checkpoint",
    "save_checkpoint": "rbvae.checkpoint",
    "ModelConfig": "rbvae.config",
    "PortraitEditor": "rbvae.editing",
    "StyleEditor": "rbvae.editing",
    "Direction": "rbvae.editing.edits",
    "Edit": "rbvae.editing.edits",
    "Inference": "rbvae.editing.edits",
    "Portrait": "rbvae.editing.edits",
    "CheckpointError": "rbvae.errors",
    "ConfigError": "rbvae.errors",
    "DatasetError": "rbvae.errors",
    "FaceNotFoundError": "rbvae.errors",
    "ImageError": "rbvae.errors",
    "LandmarkerError": "rbvae.errors",
    "RbvaeError": "rbvae.errors",
    "TrainingError": "rbvae.errors",
    "Faces": "rbvae.faces.finding",
    "RbVAE": "rbvae.models.model",
}
__all__ = [
    "Checkpoint",
    "CheckpointError",
    "ConfigError",
    "DatasetError",
    "Direction",
    "Edit",
    "FaceNotFoundError",
    "Faces",
    "ImageError",
    "Inference",
    "LandmarkerError",
    "ModelConfig",
    "Portrait",
    "PortraitEditor",
    "RbVAE",
    "RbvaeError",
    "StyleEditor",
    "TrainingError",
    "load_checkpoint",
    "save_checkpoint",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

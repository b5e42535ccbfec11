"""Reference-based variational autoencoders (Ruiz, Martinez, Binefa, Verbeek 2019).

Two encoders infer `z` (identity, pose, lighting) and `e` (expression, or a digit's style); a generator turns any
pair of them into an image. The only supervision is a reference set of images whose target factors are constant.
"""

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

__version__ = "0.1.0"

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

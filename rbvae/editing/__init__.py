"""Editors, which infer the latents of a picture and draw edits of it."""

from rbvae.editing.editor import Editor, Latent
from rbvae.editing.edits import CropEdit, Direction, Edit, Inference, MeshEdit, Portrait
from rbvae.editing.portraits import PortraitEditor
from rbvae.editing.styles import StyleEditor

__all__ = [
    "CropEdit",
    "Direction",
    "Edit",
    "Editor",
    "Inference",
    "Latent",
    "MeshEdit",
    "Portrait",
    "PortraitEditor",
    "StyleEditor",
]

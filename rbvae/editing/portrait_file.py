"""What a browser needs to draw edits of one face: all that depends on its photo, without the photo.

Everything is in pixels of the photo, or of a reduced photo if the face is larger than LARGEST; `origin` and `scale` in
the file convert back. The layers of the eyes, the lids and the teeth are computed by the library, so that the page only
places them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rbvae.editing.edits import Portrait
from rbvae.editing.face_model import square_place
from rbvae.editing.packing import pack
from rbvae.editing.page_model import PageModel, bytes_of, jacobian
from rbvae.editing.portrait_layers import donor_of, eye_of, is_open, mouth_of, teeth_of
from rbvae.editing.portraits import PortraitEditor
from rbvae.editing.smaller import close_up
from rbvae.errors import ConfigError
from rbvae.faces.deforming import RingedMesh
from rbvae.faces.eyes import follows_mesh
from rbvae.faces.infants import youth
from rbvae.faces.mesh import INNER_LIPS, POINTS
from rbvae.faces.openings import Opening
from rbvae.faces.region import box_of
from rbvae.images.monochrome import tones_of

LARGEST = 900  # pixels of the longer side of a face; a larger one is reduced


@dataclass(frozen=True)
class PortraitFiles:
    """Writes the files of portraits by one editor of a model of codes. Raises ConfigError for a model of images."""

    editor: PortraitEditor

    def __post_init__(self) -> None:
        if self.editor.faces is None:
            raise ConfigError(
                "this checkpoint observes images, so browsers do not draw it; give one that observes codes"
            )

    @functools.cached_property
    def model(self) -> PageModel:
        """The page's model."""
        assert self.editor.faces is not None
        return PageModel.of(self.editor.faces)

    @functools.cached_property
    def packed_model(self) -> bytes:
        """The file of the page's model, with the directions of the editor."""
        directions = [
            {"name": one.name, "sigma": one.sigma, "vector": one.vector.tolist()} for one in self.editor.directions
        ]
        return self.model.packed({"directions": directions, "gestures": list(self.editor.gestures)})

    def of(self, portrait: Portrait) -> bytes:
        """Return the file of one portrait."""
        face, faces = portrait.observed, self.editor.faces
        if face is None or faces is None:
            raise ConfigError("this face was observed by a model of images; open the photo again")
        left, top, right, bottom = portrait.box
        placed = self._placed(portrait)
        small = placed.observed
        assert small is not None
        scale = max(right - left, bottom - top) / max(placed.box[2] - placed.box[0], placed.box[3] - placed.box[1])
        by_texture, by_shape = self.model.coefficients(jacobian(faces, portrait.z, portrait.e))
        view, points = small.view, small.view.points
        box = box_of(RingedMesh(points[:POINTS]).with_ring(points[:POINTS]), *view.photo.shape[1::-1])  # as in draw
        height, width = portrait.source.shape[:2]
        tones = tones_of(view.photo[box[1] : box[3], box[0] : box[2]])
        about: dict[str, Any] = {
            "size": [width, height],
            "origin": [left - scale * placed.box[0], top - scale * placed.box[1]],
            "scale": scale,
            "rotation": small.pose.rotation.tolist(),
            "poseScale": small.pose.scale,
            "youth": youth(small.view.points),
            "glasses": face.glasses,
            "blur": view.blur,
            "tones": None if tones is None else tones.tolist(),
            "cheeks": list(view.creases.box),
        }
        arrays: dict[str, np.ndarray] = {
            "points": points.astype(np.float32),
            "e": portrait.e,
            "neutralE": self.editor.neutral_e(portrait).astype(np.float32),
            "byTexture": by_texture,
            "byShape": by_shape,
            "own": np.rint(face.texture.clip(0, 255)).astype(np.uint8),
            "covered": bytes_of(face.covered),
            "creases": view.creases.filling,
        }
        rest = faces.basis.shape_change(self._towards_reference(portrait))[0].numpy()
        about["mouth"] = mouth_of(view, arrays)
        about["teeth"] = teeth_of(faces.teeth(small, rest), arrays)
        about["eyesFollow"] = follows_mesh(view.sharpness)
        about["eyes"] = [
            eye_of(eye, points, view.eyeballs[eye], view.lids[eye], arrays) if is_open(points, eye) else None
            for eye in (0, 1)
        ]
        return pack(about, arrays)

    def mouth(self, portrait: Portrait, donor: Portrait) -> bytes:
        """Return the file of the mouth that a donor lends to a portrait, to fill its own; empty if there is none."""
        mouth, placed = self.editor._mouth(donor, portrait), self._placed(portrait).observed
        if mouth is None or placed is None:
            return b""
        return donor_of(mouth, Opening.of(placed.view.points, INNER_LIPS).width)

    def _placed(self, portrait: Portrait) -> Portrait:
        """Return a portrait whose face is at most LARGEST pixels."""
        left, top, right, bottom = portrait.box
        face = max(right - left, bottom - top)
        side = square_place(portrait.box, portrait.source.shape)[2]
        placed = close_up(portrait, round(side * LARGEST / face)) if face > LARGEST else portrait
        assert isinstance(placed, Portrait)
        return placed

    def _towards_reference(self, portrait: Portrait) -> torch.Tensor:
        """Return the change of the code to G(z, e_ref), [1, K]."""
        model = self.editor.model
        with torch.inference_mode():
            es = torch.from_numpy(np.stack([portrait.e, self.editor.e_ref]))
            codes = model.decode(torch.from_numpy(portrait.z).expand(2, -1), es)
            return codes[1:] - codes[:1]

"""Faces: finds the face of a photo, infers it, and draws edits of it into the photo."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from rbvae.checkpoint import Checkpoint
from rbvae.editing.editor import Editor, Latent
from rbvae.editing.edits import Edit, Inference, MeshEdit, Portrait
from rbvae.editing.face_model import FaceModel, square_of
from rbvae.editing.parts import PARTS, part_weights
from rbvae.editing.warnings import COVERED, STRANGER, doubts, people_apart
from rbvae.errors import ConfigError, FaceNotFoundError, quoted
from rbvae.faces.alignment import Alignment, align, crop
from rbvae.faces.face import Face
from rbvae.faces.finding import HINT, Faces, Point, align_to_eyes, box_of, find_faces, upright_window
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mouth import SHOWN, Mouth
from rbvae.images.decoding import Photo, open_photo


class PortraitEditor(Editor):
    """Faces: finds and aligns the face of a photo, infers it, and gives edits at crop and photo size.

    Safe to share between threads. `patience` in seconds ends a search for small faces; by default only the picture's
    size does, so that a busy machine finds what an idle one does.
    """

    kind = "faces"
    patience = math.inf

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self._lock = threading.Lock()
        self._landmarker: FaceLandmarker | None = None
        self.faces = FaceModel(self.model) if self.config.observes == "code" else None

    @property
    def landmarker(self) -> FaceLandmarker:
        """The detector, made when first needed."""
        with self._lock:
            if self._landmarker is None:
                self._landmarker = FaceLandmarker()
            return self._landmarker

    def find(self, photo: Photo) -> Faces:
        """The faces of a photo, at its own resolution, the most prominent first.

        Raises ImageError for a file that is no picture and FaceNotFoundError where no face is found.
        """
        name = Path(photo).name if isinstance(photo, (str, Path)) else "this photo"
        source, notes = open_photo(photo, max_side=None)
        found, rotation = find_faces(self.landmarker, source, self.patience)
        if not found:
            raise FaceNotFoundError(f"no face found in {name}; {HINT}")
        return Faces(source, found, rotation, name, notes)

    def infer(self, photo: Photo | Faces, face: int = 0, eyes: tuple[Point, Point] | None = None) -> Portrait:
        """A photo, or its Faces found before -> Portrait of its most prominent face, or of number `face` in `Faces`.

        With `eyes`, two points (x, y) in the upright photo's pixels, the face is looked for round them; a model of
        images follows them alone. Raises ImageError, FaceNotFoundError, and ConfigError for points that cannot be eyes.
        """
        if eyes is not None:
            opened = (photo.source, photo.notes) if isinstance(photo, Faces) else open_photo(photo, max_side=None)
            return _noted(self._at_eyes(opened[0], eyes), opened[1])
        faces = photo if isinstance(photo, Faces) else self.find(photo)
        if not 0 <= face < len(faces):
            raise FaceNotFoundError(
                f"face {quoted(face)} of {faces.name} does not exist; {len(faces)} were found, counted from 0"
            )
        found = faces.found[face]
        if self.faces:
            return _noted(self._observed(faces.source, found, len(faces)), faces.notes)
        alignment = align(found.points, self.config.image_size)
        return _noted(self._portrait_at(faces.source, alignment, found.box, found, len(faces)), faces.notes)

    def _at_eyes(self, source: np.ndarray, eyes: tuple[Point, Point]) -> Portrait:
        alignment = align_to_eyes(eyes, source, self.config.image_size)
        if not self.faces:
            return self._portrait_at(source, alignment, box_of(alignment), None, 1)
        window, back = upright_window(source, alignment)
        found = self.landmarker.glance(window)
        if not found:
            raise FaceNotFoundError("No face was found round the two eyes you clicked. Click the centres of both eyes.")
        return self._observed(source, back(found[0]), 1)

    def _observed(self, source: np.ndarray, face: Face, count: int) -> Portrait:
        """A face of a photo as a model of codes sees it."""
        assert self.faces
        observed = self.faces.observe(source, face.points)
        z, e = self._encode_x(observed.code)
        error = self.faces.reconstruction_error(observed, z, e)
        scale = 1 / self.faces.frame.density(observed.view.points)
        return Portrait(
            z=z,
            e=e,
            crop=square_of(source, observed.box),
            reconstruct=functools.partial(self.faces.reconstruction, observed, z, e),
            warnings=doubts(self.calibration, error, scale, face, count, observed.outside, observed.covering > COVERED),
            box=observed.box,
            source=source,
            observed=observed,
        )

    def _portrait_at(
        self, source: np.ndarray, alignment: Alignment, box: tuple[float, ...], found: Face | None, count: int
    ) -> Portrait:
        cropped = crop(source, alignment)
        z, e = self._encode(cropped)
        reconstruction = self._decode(z[None], e[None])[0]
        error = float(np.abs(np.asarray(reconstruction, np.float32) - cropped).mean())
        left, top, right, bottom = (float(edge) for edge in box)
        return Portrait(
            z=z,
            e=e,
            crop=Image.fromarray(cropped),
            reconstruct=lambda: reconstruction,
            warnings=doubts(self.calibration, error, alignment.scale, found, count),
            box=(left, top, right, bottom),
            source=source,
            alignment=alignment,
        )

    def edits(
        self,
        inference: Inference,
        es: Sequence[Latent],
        parts: Iterable[str] = PARTS,
        teeth_from: Photo | Portrait | None = None,
    ) -> list[Edit]:
        """One edit for each e. `parts` of the face that may change: "mouth", "eyes", "brows"; the model of images
        changes all. `teeth_from` is a second photo of the person that shows their teeth. Raises ConfigError.
        """
        if not self.faces or not isinstance(inference, Portrait) or inference.observed is None:
            return super().edits(inference, es)
        rows = np.stack([self._latent(e) for e in es])
        mouth = self._mouth(teeth_from, inference) if teeth_from is not None else None
        weights = part_weights(tuple(parts), self.faces.frame)
        changes = self.faces.changes(inference.observed, inference.z, inference.e, rows, weights, mouth)
        return [MeshEdit(e, inference, change) for e, change in zip(rows, changes, strict=True)]

    def edit(
        self,
        inference: Inference,
        e: Latent,
        parts: Iterable[str] = PARTS,
        teeth_from: Photo | Portrait | None = None,
    ) -> Edit:
        """The face with the given e [D_e] instead of its own; see `edits`."""
        return self.edits(inference, [e], parts, teeth_from)[0]

    def neutral(self, inference: Inference) -> Edit:
        """G(z, e_ref): the face at rest; a model of shape and texture also shuts the lips, as references do."""
        if not self.faces or not isinstance(inference, Portrait) or inference.observed is None:
            return super().neutral(inference)
        change = self.faces.changes(inference.observed, inference.z, inference.e, self.e_ref[None], lips_shut=True)[0]
        return MeshEdit(self.e_ref, inference, change)

    def drift(self, edit: Edit) -> float:
        """How far an edit has moved from the person: 0 for the plain reconstruction, 1 for as far as somebody else.

        The distance between what the model takes for z in the edit and in the reconstruction, in units at which a face
        recogniser sees another person; rbvae.editing.warnings.drift_words says it in words. Edits of a model of shape
        and texture keep the photo's own pixels: 0.
        """
        if isinstance(edit, MeshEdit):
            return 0.0
        edited, plain = np.asarray(edit.crop), np.asarray(edit.inference.reconstruction)
        (z_edited, _), (z_plain, _) = self._encode(edited), self._encode(plain)
        return min(1.0, float(np.linalg.norm(z_edited - z_plain)) / self._stranger)

    @functools.cached_property
    def _stranger(self) -> float:
        return STRANGER * (self.calibration.people_apart or people_apart(self.model))

    def sample(self, portrait: Photo | Portrait, n: int = 8, seed: int = 0, temperature: float = 1.0) -> list[Edit]:
        """n random expressions of one face: e from the prior N(0, I), times `temperature` (0 to 2)."""
        if not 0 <= temperature <= 2:
            raise ConfigError(f"temperature={quoted(temperature)}; give a number from 0 (calm) to 2 (wild)")
        return self.edits(self._portrait(portrait), list(np.float32(temperature) * self.sample_e(n, seed)))

    def transfer(
        self,
        expression_of: Photo | Portrait,
        onto: Photo | Portrait,
        strength: float = 1.0,
        parts: Iterable[str] = PARTS,
        teeth_from: Photo | Portrait | None = None,
    ) -> Edit:
        """The expression of one face on another: e_onto + strength (e_of - e_onto), with the teeth of the first where
        its mouth is open and `teeth_from` names no other photo."""
        a, b = self._portrait(expression_of), self._portrait(onto)
        return self.edit(b, self.blended(b.e, a.e, strength), parts, a if teeth_from is None else teeth_from)

    def _mouth(self, of: Photo | Portrait, onto: Portrait) -> Mouth | None:
        """The mouth of another photo for the colours of this one; None where it is shut."""
        observed, on = self._portrait(of).observed, onto.observed
        if observed is None or on is None:
            return None
        mouth = Mouth.of(observed.view.photo, observed.view.points, observed.skin, on.skin)
        return mouth if mouth.opening.gap > SHOWN else None

    def _portrait(self, photo: Photo | Portrait) -> Portrait:
        return photo if isinstance(photo, Portrait) else self.infer(photo)


def _noted(portrait: Portrait, notes: tuple[str, ...]) -> Portrait:
    """The portrait, its warnings headed by what was done to its photo."""
    return replace(portrait, warnings=(*notes, *portrait.warnings)) if notes else portrait

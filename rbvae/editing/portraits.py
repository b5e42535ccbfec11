"""Editing of faces: detects the face in a photo, infers its latents, and draws edits into the photo."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from rbvae.checkpoint import Checkpoint
from rbvae.editing.editor import Editor, Latent, Wanted
from rbvae.editing.edits import Edit, Inference, MeshEdit, Portrait
from rbvae.editing.face_model import FaceModel, square_of
from rbvae.editing.gestures import RANGES, STILL, Expression, Gesture, with_gesture
from rbvae.editing.parts import PARTS, Limit, part_weights
from rbvae.editing.warnings import COVERED, STRANGER, WORN, people_apart, photo_warnings
from rbvae.errors import ConfigError, FaceNotFoundError, quoted, shown
from rbvae.faces.alignment import Alignment, align, crop
from rbvae.faces.face import Face
from rbvae.faces.finding import HINT, Faces, Point, align_to_eyes, box_of, find_faces, upright_window
from rbvae.faces.landmarks import FaceLandmarker
from rbvae.faces.mesh import INNER_LIPS
from rbvae.faces.mouth import Mouth
from rbvae.faces.openings import Opening
from rbvae.images.decoding import Photo, open_photo

FULL_TRANSFER = 1.42  # undoes the shrinkage by I - R; chosen on the London people marked `tune` (docs/log.md)
ON_LINE = 0.05  # of the way that an edit has gone to the neutral e: this close to the line to it, the lips close


class PortraitEditor(Editor):
    """Editor of faces: detects the face in a photo, infers its latents, and draws edits as crop or photo.

    Safe to share between threads.
    """

    kind = "faces"

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self._lock = threading.Lock()
        self._landmarker: FaceLandmarker | None = None
        self.faces = FaceModel(self.model) if self.config.observes == "code" else None
        self.gestures = tuple(RANGES) if self.faces else ()

    @property
    def landmarker(self) -> FaceLandmarker:
        """The face landmarker, created on first use."""
        with self._lock:
            if self._landmarker is None:
                self._landmarker = FaceLandmarker()
            return self._landmarker

    def find(self, photo: Photo) -> Faces:
        """Find the faces of a photo, at its own resolution, the most prominent first.

        Raises ImageError if the file is not a usable picture, and FaceNotFoundError if no face is found.
        """
        name = shown(Path(photo).name) if isinstance(photo, (str, Path)) else "this photo"
        source, notes = open_photo(photo, max_side=None)
        found, rotation = find_faces(self.landmarker, source)
        if not found:
            raise FaceNotFoundError(f"no face found in {name}; {HINT}")
        return Faces(source, found, rotation, name, notes)

    def infer(self, photo: Photo | Faces, face: int = 0, eyes: tuple[Point, Point] | None = None) -> Portrait:
        """Infer the most prominent face of a photo, or the face with index `face` in the result of `find`.

        With `eyes`, two points (x, y) in pixels of the upright photo, the face is detected around them; a model of
        images uses the points alone. Raises ImageError, FaceNotFoundError, or ConfigError if the points cannot be eyes.
        """
        if eyes is not None:
            opened = (photo.source, photo.notes) if isinstance(photo, Faces) else open_photo(photo, max_side=None)
            return _with_notes(self._at_eyes(opened[0], eyes), opened[1])
        faces = photo if isinstance(photo, Faces) else self.find(photo)
        if not 0 <= face < len(faces):
            raise FaceNotFoundError(
                f"face {quoted(face)} of {faces.name} does not exist; {len(faces)} were found, counted from 0"
            )
        found = faces.found[face]
        if self.faces:
            return _with_notes(self._observed(faces.source, found, len(faces)), faces.notes)
        alignment = align(found.points, self.config.image_size)
        return _with_notes(self._portrait_at(faces.source, alignment, found.box, found, len(faces)), faces.notes)

    def _at_eyes(self, source: np.ndarray, eyes: tuple[Point, Point]) -> Portrait:
        alignment = align_to_eyes(eyes, source, self.config.image_size)
        if not self.faces:
            return self._portrait_at(source, alignment, box_of(alignment), None, 1)
        window, back = upright_window(source, alignment)
        found = self.landmarker.glance(window)
        if not found:
            raise FaceNotFoundError("no face was found around the two eyes; click the centres of both eyes")
        return self._observed(source, back(found[0]), 1)

    def _observed(self, source: np.ndarray, face: Face, count: int) -> Portrait:
        """Encode a face with a model of codes."""
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
            warnings=photo_warnings(
                self.calibration,
                error,
                scale,
                face,
                count,
                observed.outside,
                observed.covering > COVERED,
                observed.glasses > WORN,
            ),
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
        outside = found.share_outside(*source.shape[:2]) if found else 0.0
        return Portrait(
            z=z,
            e=e,
            crop=Image.fromarray(cropped),
            reconstruct=lambda: reconstruction,
            warnings=photo_warnings(self.calibration, error, alignment.scale, found, count, outside),
            box=(left, top, right, bottom),
            source=source,
            alignment=alignment,
        )

    def edits(
        self,
        inference: Inference,
        es: Sequence[Wanted],
        parts: Iterable[str] = PARTS,
        teeth_from: Photo | Portrait | None = None,
        closing: float | None = None,
    ) -> list[Edit]:
        """Draw one edit per e, per Expression of e and a gesture, or per named changes such as {"smile": 2}.

        On the way to `neutral_e` the lips close, as in references; `closing` in [0, 1] says how far in place of that.

        `parts` are the parts of the face that e may change: "mouth", "eyes", "brows"; models of images change all.
        `teeth_from` is a second photo of the person that shows their teeth, not much smaller and from nearly the same
        side; otherwise it is not used. Raises ConfigError if e or `parts` is invalid.
        """
        if not self.faces or not isinstance(inference, Portrait) or inference.observed is None:
            return super().edits(inference, es)
        latents = [self.wanted(inference, e) for e in es]
        rows = np.stack([self._latent(e.e if isinstance(e, Expression) else e) for e in latents])
        gestures = [e.gesture if isinstance(e, Expression) else STILL for e in latents]
        mouth = self._mouth(teeth_from, inference) if teeth_from is not None else None
        weights = part_weights(tuple(parts), self.faces.frame)
        limit = None if weights is None else Limit(*weights, _limited(latents, rows))
        shut = self._towards_neutral(inference, rows) if closing is None else np.full(len(rows), closing)
        changes = self.faces.changes(inference.observed, inference.z, inference.e, rows, limit, mouth, shut)
        edits = [MeshEdit(e, inference, change) for e, change in zip(rows, changes, strict=True)]
        return [with_gesture(edit, gesture) for edit, gesture in zip(edits, gestures, strict=True)]

    def edit(
        self,
        inference: Inference,
        e: Wanted,
        parts: Iterable[str] = PARTS,
        teeth_from: Photo | Portrait | None = None,
        gesture: Gesture = STILL,
    ) -> Edit:
        """Draw the face with another e [D_e], or named changes, and a gesture of eyes and head; see `edits`."""
        one = self.wanted(inference, e)
        if not gesture.still:
            if isinstance(one, Expression):
                raise ConfigError("e has a gesture of its own; leave out `gesture`")
            one = Expression(self._latent(one), gesture)
        return self.edits(inference, [one], parts, teeth_from)[0]

    def neutral_e(self, inference: Inference) -> np.ndarray:
        """Return e [D_e] of this person's neutral face: the mean of e at rest, given e.

        Neutral faces differ in e, too: with covariance R about e_ref. The e inferred from photos have covariance I, so
        the best linear estimate of the part that stays when the expression goes is R (e - e_ref).
        """
        if self.faces is None:
            return self.e_ref
        return self.e_ref + self._at_rest @ (inference.e - self.e_ref)

    def transferred_e(self, onto: Inference, of: Latent, strength: float = 1.0) -> np.ndarray:
        """Return e [D_e] for a transfer of the expression in `of` [D_e]; the part of e that is the person's own stays.

        That is e_onto + strength * FULL_TRANSFER * (I - R) (e_of - e_onto), see `neutral_e`. Raises ConfigError like
        `blended`.
        """
        blended = self.blended(onto.e, of, strength)
        if self.faces is None or not self._at_rest.any():
            return blended
        change = blended - onto.e
        return onto.e + np.float32(FULL_TRANSFER) * (change - self._at_rest @ change)

    def sample_e(self, n: int, seed: int = 0, inference: Inference | None = None) -> np.ndarray:
        """Sample e from N(0, I), float32 [n, D_e]; given `inference`, from N(R (e - e_ref), I - R), see `neutral_e`.

        Raises ConfigError if n is not in 1..64 or the seed is negative.
        """
        samples = super().sample_e(n, seed)
        if self.faces is None or inference is None:
            return samples
        return self._at_rest @ (inference.e - self.e_ref) + samples @ self._expression_root

    @functools.cached_property
    def _at_rest(self) -> np.ndarray:
        """The covariance R [D_e, D_e] of e among references."""
        return self.model.reference_covariance.numpy()

    @functools.cached_property
    def _expression_root(self) -> np.ndarray:
        """The symmetric square root of I - R."""
        values, vectors = np.linalg.eigh(np.eye(self.config.dim_e) - self._at_rest)
        return ((vectors * np.sqrt(values.clip(0))) @ vectors.T).astype(np.float32)

    def _towards_neutral(self, portrait: Portrait, rows: np.ndarray) -> np.ndarray:
        """Return how far each e [N, D_e] lies on the line from the portrait's e to its neutral e, in [0, 1]."""
        way, moves = self.neutral_e(portrait) - portrait.e, rows - portrait.e
        length = float(np.linalg.norm(way)) or 1.0
        share = moves @ way / length**2
        on_line = np.linalg.norm(moves - share[:, None] * way, axis=1) < ON_LINE * length * share
        return np.clip(share, 0, 1) * on_line

    def identity_shift(self, edit: Edit) -> float:
        """Return how far an edit moves away from the person: 0 for the reconstruction, 1 for another person.

        This is the distance between the z inferred from the edit and from the reconstruction, relative to the distance
        at which a face recogniser sees another person; see rbvae.editing.warnings. Edits by a model of shape and
        texture keep the photo's own pixels and have 0.
        """
        if isinstance(edit, MeshEdit):
            return 0.0
        edited, plain = np.asarray(edit.crop), np.asarray(edit.inference.reconstruction)
        (z_edited, _), (z_plain, _) = self._encode(edited), self._encode(plain)
        return min(1.0, float(np.linalg.norm(z_edited - z_plain)) / self._stranger_distance)

    @functools.cached_property
    def _stranger_distance(self) -> float:
        return STRANGER * (self.calibration.people_apart or people_apart(self.model))

    def sample(self, portrait: Photo | Portrait, n: int = 8, seed: int = 0, temperature: float = 1.0) -> list[Edit]:
        """Draw n random expressions, see `sample_e`; `temperature` scales their distance from the neutral face.

        Raises ConfigError if it is not in 0..2.
        """
        if not 0 <= temperature <= 2:
            raise ConfigError(f"temperature={quoted(temperature)}; give a number from 0 (calm) to 2 (wild)")
        face = self._portrait(portrait)
        middle = self.neutral_e(face) - self.e_ref
        return self.edits(face, list(middle + np.float32(temperature) * (self.sample_e(n, seed, face) - middle)))

    def transfer(
        self,
        expression_of: Photo | Portrait,
        onto: Photo | Portrait,
        strength: float = 1.0,
        parts: Iterable[str] = PARTS,
        teeth_from: Photo | Portrait | None = None,
    ) -> Edit:
        """Transfer the expression of one face to another, see `transferred_e`.

        The teeth come from `teeth_from`, or else from the first face if its mouth is open.
        """
        a, b = self._portrait(expression_of), self._portrait(onto)
        return self.edit(b, self.transferred_e(b, a.e, strength), parts, a if teeth_from is None else teeth_from)

    def _mouth(self, of: Photo | Portrait, onto: Portrait) -> Mouth | None:
        """Return the mouth of another photo, adapted to the colours of `onto`.

        None if it shows no teeth, if they would be blurred or seen from another side, or if `onto` alone is an infant.
        """
        observed, target = self._portrait(of).observed, onto.observed
        if observed is None or target is None:
            return None
        if target.view.is_infant and not observed.view.is_infant:
            return None
        mouth = Mouth.of(observed.view.photo, observed.view.points)
        width = Opening.of(target.view.points, INNER_LIPS).width
        if not mouth.lends_teeth(width, turn=observed.pose.yaw - target.pose.yaw):
            return None
        return replace(mouth.coloured(target.teeth_colour), blur=target.view.blur, own_blur=observed.view.blur)

    def _portrait(self, photo: Photo | Portrait) -> Portrait:
        return photo if isinstance(photo, Portrait) else self.infer(photo)


def _limited(es: Sequence[Latent], rows: np.ndarray) -> np.ndarray | None:
    """Return the e [N, D_e] up to which each of `es` is limited to parts of the face; None if all are as a whole."""
    given = [one.limited if isinstance(one, Expression) else None for one in es]
    if all(one is None for one in given):
        return None
    return np.stack([row if one is None else np.asarray(one, np.float32) for one, row in zip(given, rows, strict=True)])


def _with_notes(portrait: Portrait, notes: tuple[str, ...]) -> Portrait:
    """Prepend notes about the photo to the warnings of a portrait."""
    return replace(portrait, warnings=(*notes, *portrait.warnings)) if notes else portrait

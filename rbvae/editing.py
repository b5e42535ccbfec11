"""Picture in, edited picture out: one inference a picture, and every edit after it only decodes."""

from __future__ import annotations

import dataclasses
import functools
import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from PIL import Image

from rbvae.alignment import Alignment, align, crop
from rbvae.calibration import STRANGER, Calibration, doubts, people_apart
from rbvae.checkpoint import Checkpoint, load_checkpoint
from rbvae.edits import Direction, Edit, Inference, Portrait
from rbvae.errors import CheckpointError, ConfigError, FaceNotFoundError, quoted
from rbvae.face import Face
from rbvae.faces.finding import HINT, Faces, Point, align_to_eyes, box_of, find_faces
from rbvae.images import Photo, load_photo, to_array, to_tensor
from rbvae.landmarks import FaceLandmarker
from rbvae.refining import STEPS, refine

__all__ = ["Direction", "Edit", "Editor", "Inference", "Portrait", "PortraitEditor", "StyleEditor"]

AnyEditor = TypeVar("AnyEditor", bound="Editor")
AnyInference = TypeVar("AnyInference", bound=Inference)
Latent: TypeAlias = "np.ndarray | Sequence[float] | torch.Tensor"


class Editor:
    """What faces and digits share: a model, its directions, and edits of an Inference."""

    kind = ""

    def __init__(self, checkpoint: Checkpoint) -> None:
        if checkpoint.kind != self.kind:
            raise CheckpointError(
                f"this checkpoint was trained on {checkpoint.kind} and {type(self).__name__} needs {self.kind}; "
                "give another checkpoint"
            )
        self.model = checkpoint.model.eval()
        self.config = checkpoint.model.config
        self.directions = tuple(Direction.from_dict(fields) for fields in checkpoint.directions)
        self.calibration = Calibration.from_dict(checkpoint.calibration)

    @classmethod
    def from_pretrained(cls: type[AnyEditor], source: str | Path, revision: str | None = None) -> AnyEditor:
        """From a checkpoint folder or a Hub id (at `revision`); raises CheckpointError."""
        return cls(load_checkpoint(source, revision))

    @property
    def blank(self) -> Image.Image:
        """A black picture of the model's size."""
        return Image.new("RGB", (self.config.image_size,) * 2)

    @property
    def e_ref(self) -> np.ndarray:
        """The reference's target factors, float32 [D_e]: the neutral expression, the plain digit."""
        return self.model.e_ref.detach().cpu().numpy()

    def refined(self, inference: AnyInference, steps: int = STEPS) -> AnyInference:
        """The same picture with a z and an e that draw it more closely than the inferred ones (rbvae.refining).

        A step takes about as long as drawing three pictures. What draws the picture best already comes back as it was.
        Raises ConfigError for steps outside 0 to 1000.
        """
        x = to_tensor(np.array(inference.crop))[None]
        start = torch.from_numpy(inference.z)[None], torch.from_numpy(inference.e)[None]
        z, e = (latent.numpy() for latent in refine(self.model, x, *start, steps))
        return dataclasses.replace(inference, z=z[0], e=e[0], reconstruction=self._decode(z, e)[0])

    def edit(self, inference: Inference, e: Latent) -> Edit:
        """G(z, e) for the given e [D_e]; raises ConfigError for another length or numbers that are not finite."""
        return self.edits(inference, [e])[0]

    def edits(self, inference: Inference, es: Sequence[Latent]) -> list[Edit]:
        """One edit for each e, decoded in one batch."""
        rows = np.stack([self._latent(e) for e in es])
        crops = self._decode(np.repeat(inference.z[None], len(rows), axis=0), rows)
        return [Edit(e, image, inference) for e, image in zip(rows, crops, strict=True)]

    def neutral(self, inference: Inference) -> Edit:
        """G(z, e_ref): the face at rest, the plain digit."""
        return self.edit(inference, self.e_ref)

    def sample_e(self, n: int, seed: int = 0) -> np.ndarray:
        """n draws from the prior of e, float32 [n, D_e]; the first k of a seed are the same for every n >= k."""
        if not 1 <= n <= 64:
            raise ConfigError(f"n={n}; ask for 1 to 64 samples")
        if seed < 0:
            raise ConfigError(f"seed={seed}; give a whole number of at least 0")
        rng = np.random.default_rng(seed)
        return rng.standard_normal((n, self.config.dim_e)).astype(np.float32)

    def moved(self, e: Latent, sigmas: Mapping[str, float]) -> np.ndarray:
        """e moved along named directions by so many sigmas; raises ConfigError for a name the checkpoint lacks."""
        result = self._latent(e).copy()
        for name, amount in sigmas.items():
            direction = self.direction(name)
            if not _is_number(amount):
                raise ConfigError(f"{name}={quoted(amount)}; give a number of sigmas such as 1.5")
            result += float(amount) * direction.sigma * direction.vector
        return result

    def direction(self, chosen: str | int) -> Direction:
        """A direction by its name, or by its place among `directions`; raises ConfigError for one that is not there."""
        for number, direction in enumerate(self.directions):
            if chosen in (number, direction.name):
                return direction
        names = ", ".join(direction.name for direction in self.directions) or "none"
        raise ConfigError(f"no direction {quoted(chosen)}; this checkpoint has {names}")

    def strip(self, inference: Inference, chosen: str | int, n: int = 5, side: int | None = None) -> list[Image.Image]:
        """A picture as one direction changes it, in n even steps from -2 to +2 sigma (or what the data's range holds).

        Decoded in one batch; `side` makes the pictures smaller than the model's. Raises ConfigError.
        """
        direction = self.direction(chosen)
        if not 1 <= n <= 64:
            raise ConfigError(f"n={n}; ask for 1 to 64 pictures")
        steps = np.linspace(max(-2.0, direction.low), min(2.0, direction.high), n, dtype=np.float32)[:, None]
        es = inference.e + steps * np.float32(direction.sigma) * direction.vector
        pictures = self._decode(np.repeat(inference.z[None], n, axis=0), es.astype(np.float32))
        if side is None or side >= self.config.image_size:
            return pictures
        return [picture.resize((side, side), Image.Resampling.BOX) for picture in pictures]

    def blended(self, e_from: Latent, e_to: Latent, strength: float) -> np.ndarray:
        """e_from at strength 0, e_to at 1, and beyond up to 3; raises ConfigError."""
        if not _is_number(strength) or not -2 <= strength <= 3:
            raise ConfigError(f"strength={quoted(strength)}; give a number from 0 (unchanged) to 1.5 (exaggerated)")
        start = self._latent(e_from)
        return start + np.float32(strength) * (self._latent(e_to) - start)

    def _latent(self, e: Latent) -> np.ndarray:
        try:
            row = np.asarray(e.detach().cpu() if isinstance(e, torch.Tensor) else e, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"e is not a list of {self.config.dim_e} numbers ({error})") from error
        if row.shape != (self.config.dim_e,) or not np.isfinite(row).all():
            raise ConfigError(f"e has shape {row.shape}; this model takes {self.config.dim_e} finite numbers")
        return row

    @torch.inference_mode()
    def _encode(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        q_z, q_e = self.model.encode(to_tensor(pixels)[None])
        return q_z.mean[0].numpy().copy(), q_e.mean[0].numpy().copy()

    @torch.inference_mode()
    def _decode(self, z: np.ndarray, e: np.ndarray) -> list[Image.Image]:
        images = self.model.decode(torch.from_numpy(z), torch.from_numpy(e))
        return [Image.fromarray(to_array(image)) for image in images]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))


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
        source = load_photo(photo, max_side=None)
        found, rotation = find_faces(self.landmarker, source, self.patience)
        if not found:
            raise FaceNotFoundError(f"no face found in {name}; {HINT}")
        return Faces(source, found, rotation, name)

    def infer(self, photo: Photo | Faces, face: int = 0, eyes: tuple[Point, Point] | None = None) -> Portrait:
        """A photo, or its Faces found before -> Portrait of its most prominent face, or of number `face` in `Faces`.

        With `eyes`, two points (x, y) in the upright photo's pixels, nothing is detected: the crop follows them alone.
        Raises ImageError, FaceNotFoundError, and ConfigError for points that cannot be two eyes.
        """
        size = self.config.image_size
        if eyes is not None:
            source = photo.source if isinstance(photo, Faces) else load_photo(photo, max_side=None)
            alignment = align_to_eyes(eyes, source, size)
            return self._portrait_at(source, alignment, box_of(alignment), None, 1)
        faces = photo if isinstance(photo, Faces) else self.find(photo)
        if not 0 <= face < len(faces):
            raise FaceNotFoundError(
                f"face {quoted(face)} of {faces.name} does not exist; {len(faces)} were found, counted from 0"
            )
        found = faces.found[face]
        return self._portrait_at(faces.source, align(found.points, size), found.box, found, len(faces))

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
            reconstruction=reconstruction,
            warnings=doubts(self.calibration, error, alignment.scale, found, count),
            box=(left, top, right, bottom),
            source=source,
            alignment=alignment,
        )

    def drift(self, edit: Edit) -> float:
        """How far an edit has moved from the person: 0 for the plain reconstruction, 1 for as far as somebody else.

        The distance between what the model takes for z in the edit and in the reconstruction, in units at which a face
        recogniser sees another person (see rbvae.calibration); `calibration.drift_words` says it in words.
        """
        edited, plain = np.asarray(edit.crop), np.asarray(edit.inference.reconstruction)
        (z_edited, _), (z_plain, _) = self._encode(edited), self._encode(plain)
        return min(1.0, float(np.linalg.norm(z_edited - z_plain)) / self._stranger)

    @functools.cached_property
    def _stranger(self) -> float:
        return STRANGER * (self.calibration.people_apart or people_apart(self.model))

    def sample(self, portrait: Photo | Portrait, n: int = 8, seed: int = 0) -> list[Edit]:
        """n random expressions of one face, e from the prior."""
        return self.edits(self._portrait(portrait), list(self.sample_e(n, seed)))

    def transfer(self, expression_of: Photo | Portrait, onto: Photo | Portrait, strength: float = 1.0) -> Edit:
        """The expression of one face on another: G(z_onto, e_onto + strength (e_of - e_onto))."""
        a, b = self._portrait(expression_of), self._portrait(onto)
        return self.edit(b, self.blended(b.e, a.e, strength))

    def _portrait(self, photo: Photo | Portrait) -> Portrait:
        return photo if isinstance(photo, Portrait) else self.infer(photo)


class StyleEditor(Editor):
    """Digits: infers a digit's style (colour, stroke width, size) and puts it on another digit."""

    kind = "digits"

    def infer(self, picture: Photo) -> Inference:
        """A picture of one digit, light on dark (turned over when its border is bright) -> Inference."""
        size = self.config.image_size
        pixels = load_photo(picture)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        if border.mean() > 127:
            pixels = 255 - pixels
        if pixels.shape[:2] != (size, size):
            pixels = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX, reducing_gap=None))
        z, e = self._encode(pixels)
        return Inference(z, e, Image.fromarray(pixels), self._decode(z[None], e[None])[0])

    def sample(self, digit: Photo | Inference, n: int = 8, seed: int = 0) -> list[Edit]:
        """n random styles of one digit, e from the prior."""
        return self.edits(self._inference(digit), list(self.sample_e(n, seed)))

    def transfer(self, style_of: Photo | Inference, onto: Photo | Inference, strength: float = 1.0) -> Edit:
        """The style of one digit on another."""
        a, b = self._inference(style_of), self._inference(onto)
        return self.edit(b, self.blended(b.e, a.e, strength))

    def _inference(self, picture: Photo | Inference) -> Inference:
        return picture if isinstance(picture, Inference) else self.infer(picture)

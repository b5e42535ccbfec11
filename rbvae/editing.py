"""Picture in, edited picture out: one inference a picture, and every edit after it only decodes."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from PIL import Image

from rbvae.alignment import Alignment, align, crop, paste_back
from rbvae.checkpoint import Checkpoint, load_checkpoint
from rbvae.errors import CheckpointError, ConfigError, FaceNotFoundError
from rbvae.images import Photo, load_photo, to_array, to_tensor
from rbvae.landmarks import FaceLandmarker

AnyEditor = TypeVar("AnyEditor", bound="Editor")
Latent: TypeAlias = "np.ndarray | Sequence[float] | torch.Tensor"

POOR_RECONSTRUCTION = 24.0  # grey levels of mean absolute error beyond which edits will not look like the photo
TURNED_AWAY = 35.0  # degrees of yaw or pitch beyond which few training faces lie
SMALL_FACE = 40.0  # pixels of height below which a face has too little detail


@dataclass(frozen=True)
class Direction:
    """A direction of e-space: unit `vector` [D_e], the data's `sigma` along it, and what it goes with.

    `low` and `high` are the data's 1st and 99th percentile in sigmas about its mean; `moves` is the mean change of a
    picture in grey levels from -2 to +2 sigma; `correlation` is that with the factor it is named after.
    """

    name: str
    vector: np.ndarray
    sigma: float
    low: float
    high: float
    moves: float
    correlation: float

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Direction:
        """One entry of a checkpoint's `directions`."""
        return cls(**{**fields, "vector": np.asarray(fields["vector"], dtype=np.float32)})


@dataclass(frozen=True)
class Inference:
    """What a model makes of a picture: z [D_z] and e [D_e] (posterior means), the crop it saw, and G(z, e)."""

    z: np.ndarray
    e: np.ndarray
    crop: Image.Image
    reconstruction: Image.Image
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Portrait(Inference):
    """An inferred face with the way back to its photo: uint8 [H, W, 3], and its box (left, top, right, bottom)."""

    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    source: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 3), np.uint8), repr=False)
    alignment: Alignment | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Edit:
    """G(z, e) for a chosen e: `crop` at the model's size, and for a portrait `photo` at the original's."""

    e: np.ndarray
    crop: Image.Image
    inference: Inference = field(repr=False)

    @functools.cached_property
    def photo(self) -> Image.Image:
        """The edit in the original photo: the generated change is added to the photo, so it keeps its own detail."""
        return self._pasted(keep_detail=True)

    @functools.cached_property
    def replaced(self) -> Image.Image:
        """The generated face laid over the original photo instead, colours matched."""
        return self._pasted(keep_detail=False)

    def _pasted(self, keep_detail: bool) -> Image.Image:
        portrait = self.inference
        if not isinstance(portrait, Portrait) or portrait.alignment is None:
            return self.crop
        before = np.asarray(portrait.reconstruction) if keep_detail else None
        edited = np.asarray(self.crop)
        return Image.fromarray(
            paste_back(portrait.source, edited, portrait.alignment, original=before, match_colour=not keep_detail)
        )


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

    @classmethod
    def from_pretrained(cls: type[AnyEditor], source: str | Path, revision: str | None = None) -> AnyEditor:
        """From a checkpoint folder or a Hub id (at `revision`); raises CheckpointError."""
        return cls(load_checkpoint(source, revision))

    @property
    def e_ref(self) -> np.ndarray:
        """The reference's target factors, float32 [D_e]: the neutral expression, the plain digit."""
        return self.model.e_ref.detach().cpu().numpy()

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
        known = {direction.name: direction for direction in self.directions}
        result = self._latent(e).copy()
        for name, amount in sigmas.items():
            if name not in known:
                raise ConfigError(f"no direction {name!r}; this checkpoint has {', '.join(known) or 'none'}")
            if not _is_number(amount):
                raise ConfigError(f"{name}={amount!r}; give a number of sigmas such as 1.5")
            result += float(amount) * known[name].sigma * known[name].vector
        return result

    def _blend(self, e_from: np.ndarray, e_to: np.ndarray, strength: float) -> np.ndarray:
        if not _is_number(strength) or not -2 <= strength <= 3:
            raise ConfigError(f"strength={strength!r}; give a number from 0 (unchanged) to 1.5 (exaggerated)")
        return e_from + float(strength) * (e_to - e_from)

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

    Safe to share between threads.
    """

    kind = "faces"

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

    def infer(self, photo: Photo, face: int = 0) -> Portrait:
        """A photo -> Portrait of its largest face (or the `face`-th largest).

        Raises ImageError for a file that is no picture and FaceNotFoundError where no face is found.
        """
        name = Path(photo).name if isinstance(photo, (str, Path)) else "this photo"
        pixels = load_photo(photo)
        faces = self.landmarker.detect(pixels)
        if not faces:
            raise FaceNotFoundError(f"no face found in {name}; use a front-facing photo with the whole face in view")
        if not 0 <= face < len(faces):
            raise FaceNotFoundError(f"face {face} of {name} does not exist; {len(faces)} were found, counted from 0")
        found = faces[face]
        alignment = align(found.points, self.config.image_size)
        cropped = crop(pixels, alignment)
        z, e = self._encode(cropped)
        reconstruction = self._decode(z[None], e[None])[0]
        error = float(np.abs(np.asarray(reconstruction, np.float32) - cropped).mean())
        warnings = []
        if len(faces) > 1:
            warnings.append(f"{len(faces)} faces were found; this is number {face + 1} by size")
        if max(abs(found.yaw), abs(found.pitch)) > TURNED_AWAY:
            warnings.append("the face is turned far away from the camera; a frontal photo works better")
        if found.size < SMALL_FACE:
            warnings.append(f"the face is only {found.size:.0f} pixels high; a closer photo works better")
        if error > POOR_RECONSTRUCTION:
            warnings.append("the model does not know a face like this well, so edits will look unlike it")
        left, top, right, bottom = (float(edge) for edge in found.box)
        return Portrait(
            z=z,
            e=e,
            crop=Image.fromarray(cropped),
            reconstruction=reconstruction,
            warnings=tuple(warnings),
            box=(left, top, right, bottom),
            source=pixels,
            alignment=alignment,
        )

    def sample(self, portrait: Photo | Portrait, n: int = 8, seed: int = 0) -> list[Edit]:
        """n random expressions of one face, e from the prior."""
        return self.edits(self._portrait(portrait), list(self.sample_e(n, seed)))

    def transfer(self, expression_of: Photo | Portrait, onto: Photo | Portrait, strength: float = 1.0) -> Edit:
        """The expression of one face on another: G(z_onto, e_onto + strength (e_of - e_onto))."""
        a, b = self._portrait(expression_of), self._portrait(onto)
        return self.edit(b, self._blend(b.e, a.e, strength))

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
        return self.edit(b, self._blend(b.e, a.e, strength))

    def _inference(self, picture: Photo | Inference) -> Inference:
        return picture if isinstance(picture, Inference) else self.infer(picture)

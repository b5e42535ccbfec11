"""What editors of faces and of digits share: one inference a picture, and every edit after it only decodes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from PIL import Image

from rbvae.checkpoint import Checkpoint, load_checkpoint
from rbvae.editing.edits import CropEdit, Direction, Edit, Inference
from rbvae.editing.warnings import Calibration
from rbvae.errors import CheckpointError, ConfigError, quoted
from rbvae.images.arrays import to_array, to_tensor

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

    def refined(self, inference: AnyInference, steps: int = 0) -> AnyInference:
        """Deprecated: the inference as it is, since edits keep the photo's own pixels."""
        warnings.warn("refined() does nothing any more; leave it out", DeprecationWarning, stacklevel=2)
        return inference

    def edit(self, inference: Inference, e: Latent) -> Edit:
        """G(z, e) for the given e [D_e]; raises ConfigError for another length or numbers that are not finite."""
        return self.edits(inference, [e])[0]

    def edits(self, inference: Inference, es: Sequence[Latent]) -> list[Edit]:
        """One edit for each e, decoded in one batch."""
        rows = np.stack([self._latent(e) for e in es])
        crops = self._decode(np.repeat(inference.z[None], len(rows), axis=0), rows)
        return [CropEdit(e, inference, image) for e, image in zip(rows, crops, strict=True)]

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

        `side` is the most pixels that a side of them has. Raises ConfigError.
        """
        direction = self.direction(chosen)
        if not 1 <= n <= 64:
            raise ConfigError(f"n={n}; ask for 1 to 64 pictures")
        steps = np.linspace(max(-2.0, direction.low), min(2.0, direction.high), n, dtype=np.float32)[:, None]
        es = inference.e + steps * np.float32(direction.sigma) * direction.vector
        pictures = [edit.crop for edit in self.edits(inference, list(es.astype(np.float32)))]
        if side is None or side >= pictures[0].width:
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
        return self._encode_x(to_tensor(pixels).numpy())

    @torch.inference_mode()
    def _encode_x(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the model observes, without a batch dimension -> posterior means z [D_z] and e [D_e]."""
        q_z, q_e = self.model.encode(torch.from_numpy(x)[None])
        return q_z.mean[0].numpy().copy(), q_e.mean[0].numpy().copy()

    @torch.inference_mode()
    def _decode(self, z: np.ndarray, e: np.ndarray) -> list[Image.Image]:
        images = self.model.decode(torch.from_numpy(z), torch.from_numpy(e))
        return [Image.fromarray(to_array(image)) for image in images]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))

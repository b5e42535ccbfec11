"""The common part of the editors of faces and digits: one inference per picture, after which edits only decode."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from PIL import Image

from rbvae.bundled import default_checkpoint
from rbvae.checkpoint import Checkpoint, load_checkpoint
from rbvae.editing.edits import CropEdit, Direction, Edit, Inference
from rbvae.editing.gestures import Expression, split
from rbvae.editing.warnings import Calibration
from rbvae.errors import CheckpointError, ConfigError, quoted
from rbvae.images.arrays import to_array, to_tensor

AnyEditor = TypeVar("AnyEditor", bound="Editor")
AnyInference = TypeVar("AnyInference", bound=Inference)
Latent: TypeAlias = "np.ndarray | Sequence[float] | torch.Tensor | Expression"
Wanted: TypeAlias = "Latent | Mapping[str, float]"  # e itself, or named changes such as {"smile": 2}
NO_GESTURES = "gestures of eyes and head need a checkpoint that observes codes, not images; leave them out"


class Editor:
    """Base class of the editors: a model, its directions, and edits of an Inference."""

    kind = ""
    gestures: tuple[str, ...] = ()  # names of the gestures that it can draw

    def __init__(self, checkpoint: Checkpoint) -> None:
        if checkpoint.kind != self.kind:
            raise CheckpointError(
                f"this checkpoint was trained on {checkpoint.kind}, but {type(self).__name__} needs {self.kind}; "
                "give another checkpoint"
            )
        self.model = checkpoint.model.eval()
        self.config = checkpoint.model.config
        self.directions = tuple(Direction.from_dict(fields) for fields in checkpoint.directions)
        self.calibration = Calibration.from_dict(checkpoint.calibration)

    @classmethod
    def from_pretrained(
        cls: type[AnyEditor], source: str | Path | None = None, revision: str | None = None
    ) -> AnyEditor:
        """Create an editor from a checkpoint folder or a Hub id (at `revision`); None: the one that comes with rbvae.

        Raises CheckpointError.
        """
        return cls(load_checkpoint(default_checkpoint(cls.kind) if source is None else source, revision))

    @property
    def blank(self) -> Image.Image:
        """A black picture of the model's size."""
        return Image.new("RGB", (self.config.image_size,) * 2)

    @property
    def e_ref(self) -> np.ndarray:
        """Target factors of the reference, float32 [D_e]: the neutral expression or the plain digit."""
        return self.model.e_ref.detach().cpu().numpy()

    def refined(self, inference: AnyInference, steps: int = 0) -> AnyInference:
        """Return the inference unchanged. Deprecated, because edits keep the photo's own pixels."""
        warnings.warn("refined() does nothing any more; leave it out", DeprecationWarning, stacklevel=2)
        return inference

    def edit(self, inference: Inference, e: Wanted) -> Edit:
        """Draw G(z, e) for e [D_e] or named changes such as {"smile": 2}; raises ConfigError if they are invalid."""
        return self.edits(inference, [e])[0]

    def edits(self, inference: Inference, es: Sequence[Wanted]) -> list[Edit]:
        """Draw one edit per e or named changes, decoded in one batch; raises ConfigError like `edit`."""
        rows = np.stack([self._latent(self.wanted(inference, e)) for e in es])
        crops = self._decode(np.repeat(inference.z[None], len(rows), axis=0), rows)
        return [CropEdit(e, inference, image) for e, image in zip(rows, crops, strict=True)]

    def wanted(self, inference: Inference, e: Wanted, strength: float = 1.0) -> Latent:
        """Return e itself, or the e that named changes make of the inference's; an Expression if they have a gesture.

        `strength` multiplies named changes. Raises ConfigError for unknown names and invalid values.
        """
        if not isinstance(e, Mapping):
            return e
        named, gesture = split(e)
        if not (gesture.still or self.gestures):
            raise ConfigError(NO_GESTURES)
        moved = self.moved(inference.e, {name: strength * sigmas for name, sigmas in named.items()})
        return moved if gesture.still else Expression(moved, gesture.scaled(strength))

    def neutral(self, inference: Inference) -> Edit:
        """Draw the neutral face or the plain digit, G(z, neutral_e)."""
        return self.edit(inference, self.neutral_e(inference))

    def neutral_e(self, inference: Inference) -> np.ndarray:
        """Return e [D_e] of the reference: e_ref."""
        return self.e_ref

    def transferred_e(self, onto: Inference, of: Latent, strength: float = 1.0) -> np.ndarray:
        """Return e [D_e] for a transfer of the target factors `of` [D_e]; raises ConfigError like `blended`."""
        return self.blended(onto.e, of, strength)

    def sample_e(self, n: int, seed: int = 0, inference: Inference | None = None) -> np.ndarray:
        """Sample e from the prior, float32 [n, D_e]; the first k samples of a seed do not depend on n.

        An editor of faces shifts the samples to expressions of `inference`, if it is given.

        Raises ConfigError if n is not in 1..64 or the seed is negative.
        """
        if not 1 <= n <= 64:
            raise ConfigError(f"n={n}; ask for 1 to 64 samples")
        if seed < 0:
            raise ConfigError(f"seed={seed}; give a whole number of at least 0")
        rng = np.random.default_rng(seed)
        return rng.standard_normal((n, self.config.dim_e)).astype(np.float32)

    def moved(self, e: Latent, sigmas: Mapping[str, float]) -> np.ndarray:
        """Move e along named directions by the given sigmas; raises ConfigError for unknown names."""
        result = self._latent(e).copy()
        for name, amount in sigmas.items():
            direction = self.direction(name)
            if not _is_number(amount):
                raise ConfigError(f"{name}={quoted(amount)}; give a number of sigmas such as 1.5")
            result += float(amount) * direction.sigma * direction.vector
        return result

    def direction(self, chosen: str | int) -> Direction:
        """Return a direction by its name or its index in `directions`; raises ConfigError if there is none."""
        for number, direction in enumerate(self.directions):
            if chosen in (number, direction.name):
                return direction
        names = ", ".join([direction.name for direction in self.directions] + list(self.gestures)) or "none"
        raise ConfigError(f"no direction {quoted(chosen)}; this checkpoint has {names}")

    def strip(self, inference: Inference, chosen: str | int, n: int = 5, side: int | None = None) -> list[Image.Image]:
        """Draw a picture in n even steps along one direction, from -2 to +2 sigma or within the range of the data.

        `side` limits the side of the pictures in pixels. Raises ConfigError for an unknown direction or n not in 1..64.
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
        """Blend from `e_from` (strength 0) to `e_to` (1); raises ConfigError for a strength outside -2..3."""
        if not _is_number(strength) or not -2 <= strength <= 3:
            raise ConfigError(f"strength={quoted(strength)}; give a number from 0 (unchanged) to 1.5 (exaggerated)")
        start = self._latent(e_from)
        return start + np.float32(strength) * (self._latent(e_to) - start)

    def _latent(self, e: Latent) -> np.ndarray:
        if isinstance(e, Expression):
            if not e.gesture.still:
                raise ConfigError(NO_GESTURES)
            e = e.e
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
        """Return the posterior means z [D_z] and e [D_e] of one x, without a batch dimension."""
        q_z, q_e = self.model.encode(torch.from_numpy(x)[None])
        return q_z.mean[0].numpy().copy(), q_e.mean[0].numpy().copy()

    @torch.inference_mode()
    def _decode(self, z: np.ndarray, e: np.ndarray) -> list[Image.Image]:
        images = self.model.decode(torch.from_numpy(z), torch.from_numpy(e))
        return [Image.fromarray(to_array(image)) for image in images]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))

"""The sizes of a model, as an immutable record that is stored as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from rbvae.errors import ConfigError

OBSERVES = ("image", "code")


@dataclass(frozen=True)
class BasisSize:
    """Size of a basis: `texels` on one half of the face, and the number of components of each kind."""

    texels: int
    texture_even: int
    texture_odd: int
    shape_even: int
    shape_odd: int

    @property
    def texture(self) -> int:
        """Number of texture coefficients in a code."""
        return self.texture_even + self.texture_odd

    @property
    def shape(self) -> int:
        """Number of shape coefficients in a code."""
        return self.shape_even + self.shape_odd

    @property
    def code(self) -> int:
        """K, the length of a code."""
        return self.texture + self.shape


@dataclass(frozen=True)
class ModelConfig:
    """The sizes of all networks of a model. Raises ConfigError if a value is out of range or contradicts another.

    `observes` is the kind of x: "image" or "code". A code holds the coefficients of a face's shape and of its texture
    of image_size x image_size texels in a basis (rbvae.models.basis); `texture_even` to `shape_odd` count them.
    Networks on codes are fully connected, with two hidden layers of `hidden` units beside a linear path.

    Networks on images have `width` channels at the finest grid; the number doubles at every halving, up to `max_width`.
    `patch` folds p x p pixels into channels before the first convolution (and unfolds them after the last), so that the
    finest grid is image_size / patch, which makes large images cheap. The paper gives none of these numbers, so the
    defaults are ours. `linear` adds linear paths beside the convolutions, from pixels to the latents' means and from
    latents to pixels (not in the paper). They have one value per `linear_patch` x `linear_patch` pixels; 0 means
    `patch`.
    """

    observes: str = "image"

    image_size: int = 96
    channels: int = 3
    width: int = 32
    max_width: int = 256
    dim_z: int = 64
    dim_e: int = 8
    patch: int = 1
    linear: bool = False
    linear_patch: int = 0
    texels: int = 0
    texture_even: int = 0
    texture_odd: int = 0
    shape_even: int = 0
    shape_odd: int = 0
    hidden: int = 384

    def __post_init__(self) -> None:
        bounds = {
            "image_size": (16, 512),
            "channels": (1, 4),
            "width": (4, 512),
            "max_width": (4, 2048),
            "dim_z": (1, 4096),
            "dim_e": (1, 4096),
            "patch": (1, 8),
            "linear_patch": (0, 16),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"{name}={value!r}; give a whole number from {low} to {high}")
        counts = ("texels", "texture_even", "texture_odd", "shape_even", "shape_odd", "hidden")
        for name in counts:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65_536:
                raise ConfigError(f"{name}={value!r}; give a whole number from 0 to 65536")
        if self.observes not in OBSERVES:
            raise ConfigError(f"observes={self.observes!r}; choose one of {', '.join(OBSERVES)}")
        if self.observes == "code" and not (self.texels and self.dim_code and self.hidden):
            raise ConfigError("observes=code needs texels, hidden and the numbers of components above 0")
        if not isinstance(self.linear, bool):
            raise ConfigError(f"linear={self.linear!r}; give true or false")
        if self.image_size % self.patch or self.sides[-1] < 2:
            raise ConfigError(
                f"image_size={self.image_size} with patch={self.patch} does not halve evenly down to 3..6 pixels; "
                "use a size such as 32, 48, 64, 96 or 128 times the patch"
            )
        if self.image_size % self.drawn_patch:
            raise ConfigError(f"linear_patch={self.linear_patch} does not divide image_size={self.image_size}")

    @property
    def basis(self) -> BasisSize:
        """Size of the basis of a model that observes codes."""
        return BasisSize(self.texels, self.texture_even, self.texture_odd, self.shape_even, self.shape_odd)

    @property
    def dim_code(self) -> int:
        """K, the length of a code."""
        return self.basis.code

    @property
    def observation(self) -> tuple[int, ...]:
        """Shape of one x: (K,) or (channels, image_size, image_size)."""
        return (self.dim_code,) if self.observes == "code" else (self.channels, self.image_size, self.image_size)

    @property
    def drawn_patch(self) -> int:
        """Side of the square of pixels that shares one value of the linear path."""
        return self.linear_patch or self.patch

    @property
    def sides(self) -> list[int]:
        """Sides of the grids from finest to coarsest, halved until 6 or less: 96 -> [96, 48, 24, 12, 6]."""
        sides = [self.image_size // self.patch]
        while sides[-1] > 6:
            if sides[-1] % 2:
                return [0]
            sides.append(sides[-1] // 2)
        return sides

    @property
    def widths(self) -> list[int]:
        """Channels of the grids, finest first."""
        return [min(self.width * 2**level, self.max_width) for level in range(len(self.sides))]

    def to_dict(self) -> dict[str, int | bool | str]:
        """Return the fields as a dict of plain values."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Return the fields as a JSON object, in field order."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ModelConfig:
        """Build a config from the output of `to_dict`; raises ConfigError for unknown keys or invalid values."""
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(fields, dict) or set(fields) - known:
            wrong = sorted(set(fields) - known) if isinstance(fields, dict) else type(fields).__name__
            raise ConfigError(f"unknown model settings {wrong}; the settings are {', '.join(sorted(known))}")
        return cls(**fields)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """Build a config from the output of `to_json`; raises ConfigError if it is invalid."""
        try:
            fields = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"the model config is not JSON ({error})") from error
        return cls.from_dict(fields)

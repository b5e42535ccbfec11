"""The shape of a model, as a frozen record that travels as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from rbvae.errors import ConfigError


@dataclass(frozen=True)
class ModelConfig:
    """Width and depth of every network follow from these numbers.

    `width` is the channel count at the finest grid; it doubles at every halving, up to `max_width`.
    `patch` folds p x p pixels into channels before the first convolution (and unfolds them after the
    last), so that the finest grid is image_size / patch: the cheap way to more pixels. The paper's text
    gives none of these numbers, so the defaults are ours. `linear` adds a linear path from pixels to the
    latents' means and one from latents to pixels, beside the convolutions; not in the paper. It sees and
    draws one value for `linear_patch` x `linear_patch` pixels, 0 for `patch` x `patch`.
    """

    image_size: int = 96
    channels: int = 3
    width: int = 32
    max_width: int = 256
    dim_z: int = 64
    dim_e: int = 8
    patch: int = 1
    linear: bool = False
    linear_patch: int = 0

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
    def drawn_patch(self) -> int:
        """Side of the square of pixels for which the linear path has one value."""
        return self.linear_patch or self.patch

    @property
    def sides(self) -> list[int]:
        """Sides of the grids from finest to coarsest, halving until 6 or fewer: 96 -> [96, 48, 24, 12, 6]."""
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

    def to_dict(self) -> dict[str, int | bool]:
        """Plain numbers, by field name."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """One JSON object, keys in field order."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ModelConfig:
        """The inverse of `to_dict`; raises ConfigError for unknown keys, wrong types or values out of range."""
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(fields, dict) or set(fields) - known:
            wrong = sorted(set(fields) - known) if isinstance(fields, dict) else type(fields).__name__
            raise ConfigError(f"unknown model settings {wrong}; the settings are {', '.join(sorted(known))}")
        return cls(**fields)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The inverse of `to_json`."""
        try:
            fields = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"the model config is not JSON ({error})") from error
        return cls.from_dict(fields)

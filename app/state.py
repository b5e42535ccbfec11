"""What visitors have opened, kept for a while; and how sliders and e translate into each other."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rbvae import ConfigError, Direction, Inference, RbvaeError
from rbvae.editing import Editor

WIDEST = 4.0  # sigmas
STEP = 0.05
KEPT_FOR = 3600  # seconds a picture outlives its last use
CAPACITY = 2_000_000_000  # bytes of all opened photos together; beyond it the least recently used go first


class ForgottenError(RbvaeError):
    """A picture that is no longer, or never was, here."""


@dataclass(frozen=True)
class Opened:
    """A picture on the bench: what was inferred from it, if anything yet, and where its faces are."""

    inference: Inference | None
    faces: Any = None
    face: int = 0

    @property
    def picture(self) -> Inference:
        """What was inferred; raises ConfigError before a face was pointed out."""
        if self.inference is None:
            raise ConfigError("no face is chosen yet; click the two eyes in the photo")
        return self.inference

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        photo = self.faces if self.faces is not None else self.inference
        return int(getattr(getattr(photo, "source", None), "nbytes", 0)) + 100_000


class Visits:
    """Opened pictures under keys that cannot be guessed: whoever has the key has the picture, nobody else.

    Each is forgotten `kept_for` seconds after its last use, or earlier when `capacity` bytes are exceeded.
    Published ones (the examples) are everybody's and stay.
    """

    def __init__(
        self, kept_for: float = KEPT_FOR, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.kept_for, self.capacity, self.clock = kept_for, capacity, clock
        self._kept: OrderedDict[str, tuple[float, Opened]] = OrderedDict()
        self._published: dict[str, Opened] = {}
        self._lock = threading.Lock()

    def keep(self, opened: Opened) -> str:
        """Keeps a picture; its key."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._kept[key] = (self.clock(), opened)
            self._forget()
        return key

    def publish(self, name: str, opened: Opened) -> str:
        """Keeps an example for everybody, for good."""
        self._published[name] = opened
        return name

    def get(self, key: Any) -> Opened:
        """The picture of a key; raises ForgottenError for one that is unknown or was put away."""
        if isinstance(key, str) and key in self._published:
            return self._published[key]
        with self._lock:
            self._forget()
            if not isinstance(key, str) or key not in self._kept:
                raise ForgottenError("this picture was put away; open it again")
            opened = self._kept.pop(key)[1]
            self._kept[key] = (self.clock(), opened)
            return opened

    def forget(self, key: Any) -> None:
        """Puts a picture away at once."""
        with self._lock:
            self._kept.pop(key, None)

    def _forget(self) -> None:
        held = sum(opened.size for _, opened in self._kept.values())
        while self._kept:
            key, (used, opened) = next(iter(self._kept.items()))
            alone = len(self._kept) == 1
            if self.clock() - used < self.kept_for and (held <= self.capacity or alone):
                return
            held -= opened.size
            del self._kept[key]


def slider_range(direction: Direction) -> tuple[float, float]:
    """Where the data lies along a direction, in sigmas, at least -2..2 and rounded outwards to halves."""
    low = math.floor(min(direction.low, -2.0) * 2) / 2
    high = math.ceil(max(direction.high, 2.0) * 2) / 2
    return max(low, -WIDEST), min(high, WIDEST)


def steps(editor: Editor) -> np.ndarray:
    """One sigma along each direction, float32 [K, D_e]."""
    rows = [direction.sigma * direction.vector for direction in editor.directions]
    return np.stack(rows) if rows else np.zeros((0, editor.config.dim_e), np.float32)


def changed(editor: Editor, inference: Inference, change: Any) -> np.ndarray:
    """The e of a picture after a change: {"values": sigmas along each direction, "rest": what they can't express}."""
    if not isinstance(change, dict):
        raise ConfigError(f"change={change!r}; give its values")
    values = numbers(change.get("values", []), len(editor.directions), "values")
    rest = numbers(change.get("rest") or [0.0] * editor.config.dim_e, editor.config.dim_e, "rest")
    return (inference.e + values @ steps(editor) + rest).astype(np.float32)


def change_to(editor: Editor, inference: Inference, e: np.ndarray) -> dict[str, list[float]]:
    """The change that takes a picture's own e to `e`; with as many directions as e is long, `rest` is empty."""
    away, along = e - inference.e, steps(editor)
    values = np.linalg.lstsq(along.T, away, rcond=None)[0].round(3) if len(along) else np.zeros(0)
    rest = away - values @ along
    return {"values": values.tolist(), "rest": [] if np.abs(rest).max() < 0.01 else rest.tolist()}


def numbers(values: Any, count: int, name: str, limit: float = 1000) -> np.ndarray:
    """`count` finite numbers as float32; raises ConfigError for anything else."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
        raise ConfigError(f"{name}={values!r}; give {count} numbers")
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < limit for v in values):
        raise ConfigError(f"{name}={values!r}; give {count} numbers")
    return np.asarray(values, np.float32)

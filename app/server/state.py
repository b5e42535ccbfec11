"""What visitors have opened, kept for a while; and how sliders and e translate into each other."""

from __future__ import annotations

import functools
import math
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rbvae import ConfigError, Direction, Inference, Portrait, RbvaeError
from rbvae.editing import Editor
from rbvae.editing.smaller import close_up
from rbvae.errors import quoted
from rbvae.faces.finding import Faces

WIDEST = 4.0  # sigmas
STEP = 0.05
KEPT_FOR = 3600  # seconds a picture outlives its last use
TILE = 160  # pixels of a small picture of an edit, where the model does not say
CAPACITY = 200_000_000  # bytes of all opened photos together


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
    def photo(self) -> Any:
        """The faces and the photo they lie in; raises ConfigError for a face that lies in none."""
        if self.faces is None:
            raise ConfigError("this face was made up and lies in no photo; choose a photo")
        return self.faces

    @property
    def kind(self) -> str:
        """Of which editor it is."""
        return "faces" if self.faces is not None or isinstance(self.inference, Portrait) else "digits"

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        photo = self.faces if self.faces is not None else self.inference
        crop = self.inference.crop if isinstance(self.inference, Inference) else None
        pictures = 4 * 3 * crop.width * crop.height if crop else 0  # the crop and the reconstruction, and room for both
        return int(getattr(getattr(photo, "source", None), "nbytes", 0)) + pictures + 100_000

    @functools.cached_property
    def close_up(self) -> Inference:
        """The picture with little round its face, for what is drawn while a slider moves."""
        return close_up(self.picture)

    @functools.cached_property
    def tile(self) -> Inference:
        """The same at the size of a tile."""
        return close_up(self.picture, TILE)


@dataclass
class Kept:
    """A picture, whose it is, and when it was last used."""

    opened: Opened
    visitor: str
    used: float


class Visits:
    """Opened pictures: whoever has the key, and is the visitor who opened the picture, has it, and nobody else.

    Keys, like the names by which pages call their visitor, cannot be guessed. A picture is forgotten `kept_for`
    seconds after its last use (`expire` has to be called now and then), or earlier when `capacity` bytes are exceeded:
    then the visitor who holds the most loses the least recently used one. Published ones (the examples) stay.
    """

    def __init__(
        self, kept_for: float = KEPT_FOR, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.kept_for, self.capacity, self.clock = kept_for, capacity, clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()  # the least recently used first
        self._published: dict[str, Opened] = {}
        self._lock = threading.Lock()

    def of(self, visitor: str) -> Visit:
        """What one visitor may see and do."""
        return Visit(self, visitor)

    def keep(self, opened: Opened, visitor: str = "") -> str:
        """Keeps a picture; its key."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._kept[key] = Kept(opened, visitor, self.clock())
            self._expire()
            self._make_room()
        return key

    def publish(self, name: str, opened: Opened) -> str:
        """Keeps an example for everybody, for good."""
        self._published[name] = opened
        return name

    def example_faces(self) -> list[Inference]:
        """The published faces that lie in photos."""
        return [one.picture for one in self._published.values() if isinstance(one.faces, Faces)]

    def get(self, key: Any, visitor: str = "") -> Opened:
        """The picture of a key; raises ForgottenError for one that is unknown, put away or somebody else's."""
        if isinstance(key, str) and key in self._published:
            return self._published[key]
        with self._lock:
            self._expire()
            kept = self._kept.get(key) if isinstance(key, str) else None
            if kept is None or kept.visitor != visitor:
                raise ForgottenError("this picture was put away; open it again")
            kept.used = self.clock()
            self._kept.move_to_end(key)
            return kept.opened

    def forget(self, key: Any, visitor: str = "") -> None:
        """Puts a picture of this visitor away at once."""
        with self._lock:
            if isinstance(key, str) and key in self._kept and self._kept[key].visitor == visitor:
                del self._kept[key]

    def forget_all(self, visitor: str) -> int:
        """Puts all pictures of a visitor away at once; how many they were."""
        with self._lock:
            mine = [key for key, kept in self._kept.items() if kept.visitor == visitor]
            for key in mine:
                del self._kept[key]
            return len(mine)

    def expire(self) -> None:
        """Forgets what was not used for long."""
        with self._lock:
            self._expire()

    def clear(self) -> None:
        """Forgets all but the published ones."""
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)

    def _expire(self) -> None:
        now = self.clock()
        while self._kept and now - next(iter(self._kept.values())).used >= self.kept_for:
            self._kept.popitem(last=False)

    def _make_room(self) -> None:
        held = Counter[str]()
        for kept in self._kept.values():
            held[kept.visitor] += kept.opened.size
        while held.total() > self.capacity and len(self._kept) > 1:
            *older, _ = self._kept  # the newest was asked for just now
            key = max(older, key=lambda key: held[self._kept[key].visitor])  # of equals the first, the longest unused
            kept = self._kept.pop(key)
            held[kept.visitor] -= kept.opened.size


@dataclass(frozen=True)
class Visit:
    """One visitor's share of the pictures."""

    visits: Visits
    visitor: str

    def keep(self, opened: Opened) -> str:
        """As in Visits."""
        return self.visits.keep(opened, self.visitor)

    def get(self, key: Any) -> Opened:
        """As in Visits."""
        return self.visits.get(key, self.visitor)

    def forget(self, key: Any) -> None:
        """As in Visits."""
        self.visits.forget(key, self.visitor)


def slider_range(direction: Direction) -> tuple[float, float]:
    """Where the data lies along a direction, in sigmas, at least -2..2 and rounded outwards to halves."""
    low = math.floor(min(direction.low, -2.0) * 2) / 2
    high = math.ceil(max(direction.high, 2.0) * 2) / 2
    return max(low, -WIDEST), min(high, WIDEST)


def reaches(editor: Editor, e: np.ndarray | None = None) -> list[tuple[float, float]]:
    """How far each slider's value may go: its range, and on to where the data ends for a picture whose own e is `e`."""
    found = []
    for direction in editor.directions:
        low, high = slider_range(direction)
        own = (
            0.0 if e is None else float(e @ direction.vector) / direction.sigma
        )  # about 0, where the prior has its mean
        further = np.array([math.floor((direction.low - own) / STEP), math.ceil((direction.high - own) / STEP)]) * STEP
        found.append((min(low, round(float(further[0]), 2)), max(high, round(float(further[1]), 2))))
    return found


def within_reach(
    editor: Editor, named: Mapping[str, float], e: np.ndarray | None = None
) -> tuple[dict[str, float], str]:
    """Named changes, none beyond its slider's reach, and a sentence on those that went further; raises ConfigError."""
    reach = {direction.name: ends for direction, ends in zip(editor.directions, reaches(editor, e), strict=True)}
    kept, cut = {}, []
    for name, value in named.items():
        low, high = reach[editor.direction(name).name]
        kept[name] = min(high, max(low, value))
        if kept[name] != value:
            cut.append(f"{name} {value:g} became {kept[name]:g}")
    return kept, f"limited to what the model has seen: {', '.join(cut)}" if cut else ""


def steps(editor: Editor) -> np.ndarray:
    """One sigma along each direction, float32 [K, D_e]."""
    rows = [direction.sigma * direction.vector for direction in editor.directions]
    return np.stack(rows) if rows else np.zeros((0, editor.config.dim_e), np.float32)


def changed(editor: Editor, inference: Inference, change: Any) -> np.ndarray:
    """The e of a picture after a change: {"values": sigmas along each direction, "rest": what they can't express}."""
    if not isinstance(change, dict):
        raise ConfigError(f"change={quoted(change)}; give its values")
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
        raise ConfigError(f"{name}={quoted(values)}; give {count} numbers")
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < limit for v in values):
        raise ConfigError(f"{name}={quoted(values)}; give {count} numbers")
    return np.asarray(values, np.float32)

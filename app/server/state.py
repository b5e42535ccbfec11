"""Temporary storage of opened images, and the range of sliders."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.server.originals import Original
from rbvae import ConfigError, Direction, Inference, Portrait, RbvaeError
from rbvae.editing import Editor
from rbvae.editing.face_model import MARGIN
from rbvae.editing.smaller import close_up, for_film
from rbvae.errors import quoted
from rbvae.faces.finding import Faces

LEAST_SIGMAS = 1.0  # sigmas
STEP = 0.05
KEPT_FOR = 3600  # seconds an image is kept after its last use
SIDES = (192, 360, 720, 1280)  # of the pictures that are drawn for display, in pixels
TILE = 160  # side of a small image of an edit, in pixels, unless the model defines one
CAPACITY = 200_000_000  # bytes of all opened photos


class ForgottenError(RbvaeError):
    """An image is unknown or no longer stored."""


@dataclass(frozen=True)
class Opened:
    """An opened image: the inference, if a face is selected, and the detected faces."""

    inference: Inference | None
    faces: Any = None
    face: int = 0
    original: Original = field(default_factory=Original)

    @property
    def picture(self) -> Inference:
        """The inference. Raises ConfigError if no face is selected."""
        if self.inference is None:
            raise ConfigError("no face is selected; click the two eyes in the photo")
        return self.inference

    @property
    def photo(self) -> Any:
        """The photo and its faces. Raises ConfigError for a synthetic face, which has no photo."""
        if self.faces is None:
            raise ConfigError("this face is synthetic and not part of a photo; choose a photo")
        return self.faces

    @property
    def kind(self) -> str:
        """The kind of editor it belongs to: "faces" or "digits"."""
        return "faces" if self.faces is not None or isinstance(self.inference, Portrait) else "digits"

    @property
    def size(self) -> int:
        """The approximate memory it holds, in bytes."""
        photo = self.faces if self.faces is not None else self.inference
        crop = self.inference.crop if isinstance(self.inference, Inference) else None
        pictures = 4 * 3 * crop.width * crop.height if crop else 0  # crop and reconstruction, counted twice
        return int(getattr(getattr(photo, "source", None), "nbytes", 0)) + pictures + 100_000

    def at(self, side: int, whole: bool = False) -> Inference:
        """Return the picture reduced so that the surroundings of its face have about `side` pixels, for display.

        With `whole` it keeps all of the photo, which a turn of the head needs. One of SIDES is taken, at least `side`;
        a `side` of 0, and one larger than all of them, gives the picture itself.
        """
        portrait = self.picture
        chosen = next((each for each in SIDES if side <= each), 0) if side > 0 else 0
        if not chosen or not isinstance(portrait, Portrait) or portrait.observed is None:
            return portrait
        return self._reduced(chosen, whole)

    def _reduced(self, side: int, whole: bool) -> Inference:
        known = self.__dict__.setdefault("_views", {})
        if (side, whole) not in known:
            left, top, right, bottom = self.picture.box  # type: ignore[attr-defined]
            extent = MARGIN * max(right - left, bottom - top)
            if whole:
                longest = max(self.picture.source.shape[:2])  # type: ignore[attr-defined]
                known[side, whole] = for_film(self.picture, max(32, round(longest * min(1.0, side / extent))))
            else:
                known[side, whole] = close_up(self.picture, side)
        return known[side, whole]

    def in_photo(self, shown: Inference, box: Sequence[float]) -> list[float]:
        """Convert a box (left, top, right, bottom) from the pixels of a reduced picture to those of the photo."""
        if shown is self.inference or not isinstance(shown, Portrait) or not isinstance(self.inference, Portrait):
            return [float(edge) for edge in box]
        (left, top, right, bottom), (x, y, x_end, y_end) = self.inference.box, shown.box
        across, down = (right - left) / (x_end - x), (bottom - top) / (y_end - y)
        x0, y0, x1, y1 = box
        placed = (left + (x0 - x) * across, top + (y0 - y) * down, left + (x1 - x) * across, top + (y1 - y) * down)
        return [round(float(edge), 2) for edge in placed]


@dataclass
class StoredImage:
    """A stored image with its owner and the time of its last use."""

    opened: Opened
    visitor: str
    used: float


class Visits:
    """Storage of opened images. Access requires both the key and the ID of the visitor who opened the image.

    Keys and visitor IDs cannot be guessed. An image is removed `kept_for` seconds after its last use; call `expire`
    regularly. If the images exceed `capacity` bytes, the least recently used one is removed, and first those of a
    visitor who holds more than half of them. Published images (the examples) are never removed.
    """

    def __init__(
        self, kept_for: float = KEPT_FOR, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.kept_for, self.capacity, self.clock = kept_for, capacity, clock
        self._stored: OrderedDict[str, StoredImage] = OrderedDict()  # least recently used first
        self._published: dict[str, Opened] = {}
        self._lock = threading.Lock()

    def of(self, visitor: str) -> Visit:
        """Return the view of one visitor."""
        return Visit(self, visitor)

    def keep(self, opened: Opened, visitor: str = "") -> str:
        """Store an image. Returns its key."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._stored[key] = StoredImage(opened, visitor, self.clock())
            self._expire()
            self._remove_excess()
        return key

    def publish(self, name: str, opened: Opened) -> str:
        """Store an example for all visitors, permanently. Returns its key."""
        self._published[name] = opened
        return name

    def example_faces(self) -> list[Inference]:
        """Return the published faces that are part of a photo."""
        return [one.picture for one in self._published.values() if isinstance(one.faces, Faces)]

    def get(self, key: Any, visitor: str = "") -> Opened:
        """Return the image with this key.

        Raises ForgottenError if the key is unknown, expired, or belongs to another visitor.
        """
        if isinstance(key, str) and key in self._published:
            return self._published[key]
        with self._lock:
            self._expire()
            stored = self._stored.get(key) if isinstance(key, str) else None
            if stored is None or stored.visitor != visitor:
                raise ForgottenError("this picture is no longer available; open it again")
            stored.used = self.clock()
            self._stored.move_to_end(key)
            return stored.opened

    def forget(self, key: Any, visitor: str = "") -> None:
        """Delete an image of this visitor."""
        with self._lock:
            if isinstance(key, str) and key in self._stored and self._stored[key].visitor == visitor:
                del self._stored[key]

    def forget_all(self, visitor: str) -> int:
        """Delete all images of a visitor. Returns the number of photos; several faces of one photo count once."""
        with self._lock:
            keys = [key for key, stored in self._stored.items() if stored.visitor == visitor]
            deleted = [self._stored.pop(key).opened for key in keys]
            return len({id(opened.faces if opened.faces is not None else opened) for opened in deleted})

    def expire(self) -> None:
        """Delete the images that have expired."""
        with self._lock:
            self._expire()

    def clear(self) -> None:
        """Delete all images except the published ones."""
        with self._lock:
            self._stored.clear()

    def __len__(self) -> int:
        return len(self._stored)

    def _expire(self) -> None:
        now = self.clock()
        while self._stored and now - next(iter(self._stored.values())).used >= self.kept_for:
            self._stored.popitem(last=False)

    def _remove_excess(self) -> None:
        sizes = Counter[str]()
        for stored in self._stored.values():
            sizes[stored.visitor] += stored.opened.size
        while sizes.total() > self.capacity and len(self._stored) > 1:
            *older, _ = self._stored  # the newest is needed for the current request
            most = sizes.total() / 2
            key = next((key for key in older if sizes[self._stored[key].visitor] > most), older[0])
            stored = self._stored.pop(key)
            sizes[stored.visitor] -= stored.opened.size


@dataclass(frozen=True)
class Visit:
    """The view of one visitor on `Visits`."""

    visits: Visits
    visitor: str

    def keep(self, opened: Opened) -> str:
        """See `Visits.keep`."""
        return self.visits.keep(opened, self.visitor)

    def get(self, key: Any) -> Opened:
        """See `Visits.get`."""
        return self.visits.get(key, self.visitor)

    def forget(self, key: Any) -> None:
        """See `Visits.forget`."""
        self.visits.forget(key, self.visitor)


def slider_range(direction: Direction, own: float = 0.0) -> tuple[float, float]:
    """Return the range of the data along a direction relative to a picture with `own` sigmas: at least -1..1."""
    low, high = (round(round((end - own) / STEP) * STEP, 2) for end in (direction.low, direction.high))
    return min(low, -LEAST_SIGMAS), max(high, LEAST_SIGMAS)


def reaches(editor: Editor, e: np.ndarray | None = None) -> list[tuple[float, float]]:
    """Return the allowed (low, high) of each slider, in sigmas, for a picture with `e` [D_e]; see `slider_range`.

    Those of digits are the same for all, so that sliders stay where they are while somebody draws one.
    """
    limits = []
    for direction in editor.directions:
        of_face = e is not None and editor.kind == "faces"
        own = float(e @ direction.vector) / direction.sigma if of_face else 0.0  # the mean of the prior is about 0
        limits.append(slider_range(direction, own))
    return limits


def within_reach(
    editor: Editor, named: Mapping[str, float], e: np.ndarray | None = None
) -> tuple[dict[str, float], str]:
    """Limit named changes, in sigmas, to the ranges of `reaches`.

    Returns the limited changes and a message that lists those that were limited, or "". Raises ConfigError for an
    unknown name.
    """
    reach = {direction.name: ends for direction, ends in zip(editor.directions, reaches(editor, e), strict=True)}
    clamped, limited = {}, []
    for name, value in named.items():
        low, high = reach[editor.direction(name).name]
        clamped[name] = min(high, max(low, value))
        if clamped[name] != value:
            limited.append(f"{name} {value:g} became {clamped[name]:g}")
    return clamped, f"limited to what the model has seen: {', '.join(limited)}" if limited else ""


def steps(editor: Editor) -> np.ndarray:
    """Return one sigma along each of the K directions, as float32 [K, D_e]."""
    rows = [direction.sigma * direction.vector for direction in editor.directions]
    return np.stack(rows) if rows else np.zeros((0, editor.config.dim_e), np.float32)


def numbers(values: Any, count: int, name: str, limit: float = 1000) -> np.ndarray:
    """Convert a list of `count` numbers to float32 [count].

    Raises ConfigError if it is not a list of `count` numbers, or if an absolute value is not below `limit`.
    """
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
        raise ConfigError(f"{name}={quoted(values)}; give {count} numbers")
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < limit for v in values):
        raise ConfigError(f"{name}={quoted(values)}; give {count} numbers")
    return np.asarray(values, np.float32)

"""Films between expressions as MP4, animated WebP or GIF, of the crop or of the whole photo."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rbvae.editing import Editor, Latent
from rbvae.editing.edits import Inference, Portrait
from rbvae.editing.gestures import Expression, Gesture
from rbvae.editing.smaller import close_up, for_film, quick
from rbvae.errors import ConfigError, quoted
from rbvae.images.films import GIF_SHORTEST, as_gif, as_mp4, as_webp

FORMATS = {"mp4": "video/mp4", "webp": "image/webp", "gif": "image/gif"}
VIEWS = ("crop", "photo")
MAX_FRAMES, MAX_SIDE = 600, 1280  # limits: frames in all, and pixels of a side
BATCH = 16  # frames that are decoded at a time
CROP_SIDE, PHOTO_SIDE = 384, 1080  # default longer side in pixels; for a photo, its upper limit


@dataclass(frozen=True)
class Film:
    """Settings of a film: `seconds` from the first expression to the last, `fps`, and `size`, the longer side in px.

    By default, a film of the face has 384 pixels and one of the photo has the photo's size, up to 1080. With `loop` it
    runs forwards and backwards, which takes twice as long. Raises ConfigError if a value is out of range.
    """

    seconds: float = 1.5
    fps: int = 20
    size: int | None = None
    loop: bool = True
    format: str = "mp4"
    view: str = "crop"

    def __post_init__(self) -> None:
        if self.format not in tuple(FORMATS) or self.view not in VIEWS:  # tuples accept unhashable values
            given = f"format={quoted(self.format)}, view={quoted(self.view)}"
            raise ConfigError(f"{given}; give one of {', '.join(FORMATS)} and {' or '.join(VIEWS)}")
        for name, low, high in (("seconds", 0.1, 60.0), ("fps", 1, 60), ("size", 32, MAX_SIDE)):
            value = getattr(self, name)
            if value is None and name == "size":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise ConfigError(f"{name}={quoted(value)}; give a number from {low} to {high}")
        if self.frames > MAX_FRAMES:
            raise ConfigError(f"the film has {self.frames} frames, more than {MAX_FRAMES}; make it shorter")
        if self.format == "gif" and self.fps > (most := 100 // GIF_SHORTEST):
            raise ConfigError(f"fps={self.fps}, but a GIF shows at most {most} frames a second; give fewer, or use mp4")

    @property
    def one_way(self) -> int:
        """Number of frames from the first expression to the last."""
        return max(2, round(self.seconds * self.fps))

    def side(self, inference: Inference) -> int:
        """Return the longer side of a film of this picture, in pixels."""
        if self.size is not None:
            return int(self.size)
        if self.view == "photo" and isinstance(inference, Portrait) and (inference.alignment or inference.observed):
            return min(PHOTO_SIDE, max(inference.source.shape[:2]))
        return CROP_SIDE

    @property
    def frames(self) -> int:
        """Number of frames in all."""
        return 2 * self.one_way - 2 if self.loop else self.one_way


def animate(
    editor: Editor,
    inference: Inference,
    path_of_e: Sequence[Latent],
    film: Film | None = None,
    progress: Callable[[float], None] | None = None,
) -> bytes:
    """Make a film in which one face changes between two or more expressions, pausing at each; returns the file's bytes.

    `path_of_e` are the expressions, e [D_e] or an Expression each. `progress` is called with the share of frames done;
    an exception that it raises ends the work. Raises ConfigError if there are fewer than two expressions.
    """
    film = film or Film()
    es = expressions_between(path_of_e, film)
    return encoded(lambda numbers: frames(editor, inference, [es[n] for n in numbers], film), len(es), film, progress)


def encoded(
    draw: Callable[[Sequence[int]], Iterator[Image.Image]],
    count: int,
    film: Film,
    progress: Callable[[float], None] | None = None,
) -> bytes:
    """Write `count` frames as a file in the film's format; `draw(numbers)` draws those with these numbers."""
    pictures = _with_progress(draw(range(count)), count, progress)
    times = [number / film.fps for number in range(count + 1)]
    if film.format == "mp4":
        return as_mp4(pictures, times)
    if film.format == "webp":
        return as_webp(pictures, times, film.loop)
    return as_gif(pictures, times, list(draw([0, count // 2, count - 1])), film.loop)


def between(path_of_e: Sequence[Latent], film: Film) -> np.ndarray:
    """Interpolate e for every frame, float32 [N, D_e], with cosine easing; in a loop, also back to the first e."""
    stops = np.stack([np.asarray(e, dtype=np.float32) for e in path_of_e])
    if len(stops) < 2:
        raise ConfigError("a film needs two expressions or more; give another")
    positions = np.linspace(0.0, len(stops) - 1, film.one_way)
    first = np.minimum(positions.astype(int), len(stops) - 2)
    eased = ((1.0 - np.cos(math.pi * (positions - first))) / 2)[:, None].astype(np.float32)
    forward = stops[first] * (1 - eased) + stops[first + 1] * eased
    return np.concatenate([forward, forward[-2:0:-1]]) if film.loop else forward


def expressions_between(path_of_e: Sequence[Latent], film: Film) -> list[Latent]:
    """Interpolate e and, if there are any, gestures and limits for every frame, as `between` does."""
    path = [one if isinstance(one, Expression) else Expression(np.asarray(one, np.float32)) for one in path_of_e]
    es = between([one.e for one in path], film)
    if all(one.gesture.still and one.limited is None for one in path):
        return list(es)
    gestures = between([one.gesture.values for one in path], film)
    limited = between([one.e if one.limited is None else one.limited for one in path], film)
    return [Expression(e, Gesture.of(values), held) for e, values, held in zip(es, gestures, limited, strict=True)]


def frames(editor: Editor, inference: Inference, es: Sequence[Latent], film: Film) -> Iterator[Image.Image]:
    """Draw one picture per e at the film's size; its sides are even, as codecs require."""
    side = film.side(inference)
    inference = for_film(inference, side) if film.view == "photo" else quick(close_up(inference, side))
    for start in range(0, len(es), BATCH):
        edits = editor.edits(inference, list(es[start : start + BATCH]))[::-1]
        while edits:
            edit = edits.pop()  # frees the edit after use, because it caches its picture
            picture = edit.photo if film.view == "photo" else edit.crop
            yield even(picture, side)


def even(picture: Image.Image, side: int) -> Image.Image:
    """Resize a picture to a longer side of about `side` pixels; both sides become even, as codecs require."""
    scale = side / max(picture.size)
    width, height = (max(2, 2 * round(length * scale / 2)) for length in picture.size)
    return picture if picture.size == (width, height) else picture.resize((width, height), Image.Resampling.BICUBIC)


def _with_progress(
    pictures: Iterator[Image.Image], count: int, progress: Callable[[float], None] | None
) -> Iterator[Image.Image]:
    for number, picture in enumerate(pictures, start=1):
        if progress:
            progress(number / count)
        yield picture

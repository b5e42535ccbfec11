"""A film in which the face of a photo follows the face of a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rbvae.editing.animation import BATCH, MAX_SIDE, even
from rbvae.editing.edits import Edit, MeshEdit, Portrait, placed
from rbvae.editing.parts import PARTS
from rbvae.editing.performance import Performance, in_threads, perform
from rbvae.editing.portraits import PortraitEditor
from rbvae.editing.smaller import for_film
from rbvae.errors import ConfigError, quoted
from rbvae.images.clips import Clip, ClipSource
from rbvae.images.decoding import Photo
from rbvae.images.films import as_mp4

LONGEST = 300.0  # limit: seconds of a clip
STRENGTHS = (0.0, 1.5)
READING = 0.5  # share of the work that reading the clip is, for progress


@dataclass(frozen=True)
class Drive:
    """Settings of a driven film.

    `strength` 0 keeps the photo's expression, 1 adds the clip's whole change. `seconds` is the longest clip that is
    accepted, `parts` the parts of the face that may change, `size` the longer side in pixels (by default the photo's,
    up to 1280). `teeth_from` is a second photo of the person that shows their teeth; by default they are those of the
    clip. Raises ConfigError if a value is out of range.
    """

    strength: float = 1.0
    seconds: float = 20.0
    parts: tuple[str, ...] = PARTS
    size: int | None = None
    teeth_from: Photo | Portrait | None = None

    def __post_init__(self) -> None:
        ranges = (("strength", *STRENGTHS), ("seconds", 0.1, LONGEST), ("size", 32, MAX_SIDE))
        for name, low, high in ranges:
            value = getattr(self, name)
            if value is None and name == "size":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise ConfigError(f"{name}={quoted(value)}; give a number from {low:g} to {high:g}")


def drive(
    editor: PortraitEditor,
    clip: ClipSource | Clip,
    photo: Photo | Portrait,
    settings: Drive | None = None,
    progress: Callable[[float], None] | None = None,
) -> bytes:
    """Make a film in which the face of a photo follows the face of a clip, with the clip's sound; returns an MP4.

    Frame t has e_photo + strength * (e_t - e_neutral), where e_neutral is the clip's most neutral expression. The
    head does not move. The film has the clip's times, at most 30 frames a second.

    `progress` is called with the share of work done, in [0, 1]; an exception that it raises ends the work. Raises
    ImageError if the clip or the photo cannot be used, and FaceNotFoundError if either shows no face.
    """
    settings, report = settings or Drive(), progress or (lambda share: None)
    film = clip if isinstance(clip, Clip) else Clip(clip, settings.seconds)
    portrait = photo if isinstance(photo, Portrait) else editor.infer(photo)
    acted = perform(editor, film, lambda share: report(READING * share))
    es = portrait.e + np.float32(settings.strength) * (acted.es - acted.neutral)
    pictures = _pictures(editor, portrait, es, settings, acted)
    sound = film.sound(acted.times[0], acted.times[-1] - acted.times[0])

    def reported() -> Iterator[np.ndarray]:
        for number, picture in enumerate(pictures, start=1):
            report(READING + (1 - READING) * number / len(es))
            yield picture

    return as_mp4(reported(), acted.times.tolist(), sound)


def _pictures(
    editor: PortraitEditor, portrait: Portrait, es: np.ndarray, settings: Drive, acted: Performance
) -> Iterator[np.ndarray]:
    """Draw the photo with each e of `es` [N, D_e], at the film's size and with even sides: uint8 [H, W, 3] each."""
    side = settings.size or min(MAX_SIDE, max(portrait.source.shape[:2]))
    reduced = for_film(portrait, side)
    teeth = acted.mouth if settings.teeth_from is None else settings.teeth_from
    teeth = teeth if teeth is None or isinstance(teeth, Portrait) else editor.infer(teeth)

    def edits() -> Iterator[Edit]:
        for start in range(0, len(es), BATCH):
            yield from editor.edits(reduced, list(es[start : start + BATCH]), settings.parts, teeth)

    def picture(edit: Edit) -> np.ndarray:
        """Return the pixels of the edited photo; Pillow would copy them three times."""
        if not isinstance(edit, MeshEdit) or side > max(edit.inference.source.shape[:2]):
            return np.asarray(even(edit.photo, side))
        return placed(edit.inference.source, *edit.region)

    return in_threads(picture, edits())

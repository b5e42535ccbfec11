"""Films in which one or more faces of a photo change their expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rbvae.editing.animation import Film, between, encoded, even, expressions_between
from rbvae.editing.editor import Latent
from rbvae.editing.edits import Edit, Portrait, together
from rbvae.editing.gestures import Expression
from rbvae.editing.parts import PARTS
from rbvae.editing.performance import in_threads
from rbvae.editing.portraits import PortraitEditor
from rbvae.editing.smaller import close_up, for_film, quick
from rbvae.errors import ConfigError


@dataclass(frozen=True)
class Role:
    """A face of a film: the two or more expressions that it goes through.

    `parts` and `teeth_from` are as in `PortraitEditor.edits`; `closing`, in [0, 1] at each expression, too: without it,
    the editor decides.
    """

    portrait: Portrait
    path: Sequence[Latent]
    parts: tuple[str, ...] = PARTS
    teeth_from: Portrait | None = None
    closing: Sequence[float] | None = None

    @property
    def moves(self) -> bool:
        """Whether the face changes at all."""
        first, *others = (one if isinstance(one, Expression) else Expression(np.asarray(one)) for one in self.path)
        return any(not np.array_equal(first.e, one.e) or first.gesture != one.gesture for one in others)


def animate_faces(
    editor: PortraitEditor, roles: Sequence[Role], film: Film, progress: Callable[[float], None] | None = None
) -> bytes:
    """Make a film in which the faces of one photo change together, as `animate` does for one; returns the file's bytes.

    With the view "crop" it shows the first of them alone. Raises ConfigError if no face changes.
    """
    cast = [role for role in (roles if film.view == "photo" else roles[:1]) if role.moves]
    if not cast:
        raise ConfigError("nothing changes in this film; choose an expression that differs from its start")
    side = film.side(cast[0].portrait)
    portraits = _prepared([role.portrait for role in cast], film, side)
    paths = [expressions_between(role.path, film) for role in cast]
    closings = [None if role.closing is None else between([[one] for one in role.closing], film)[:, 0] for role in cast]

    def edits(number: int) -> list[Edit]:
        drawn = []
        for role, portrait, path, closing in zip(cast, portraits, paths, closings, strict=True):
            shut = None if closing is None else float(closing[number])
            drawn += editor.edits(portrait, [path[number]], role.parts, role.teeth_from, shut)
        return drawn

    def picture(number: int) -> Image.Image:
        drawn = edits(number)
        if film.view == "crop":
            return even(drawn[0].crop, side)
        return even(Image.fromarray(together(portraits[0].source, drawn)), side)

    def pictures(numbers: Sequence[int]) -> Iterator[Image.Image]:
        return in_threads(picture, numbers)

    return encoded(pictures, film.frames, film, progress)


def _prepared(portraits: Sequence[Portrait], film: Film, side: int) -> list[Portrait]:
    """Return the portraits at the film's size; all have the same photo."""
    if film.view == "crop":
        return [quick(close_up(portraits[0], side))]  # type: ignore[list-item]
    first = for_film(portraits[0], side)
    return [first, *(for_film(one, side, first.source) for one in portraits[1:])]  # type: ignore[attr-defined, list-item]

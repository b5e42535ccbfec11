"""Films between two edits of one face."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.server.edit_record import EditRecord
from rbvae import Edit, Inference, Portrait, PortraitEditor, StyleEditor
from rbvae.editing.animation import Film, animate
from rbvae.editing.editor import Wanted


class Limited(PortraitEditor):
    """An editor of faces whose edits change some parts of the face, and take their teeth from one photo."""

    def __init__(self, editor: PortraitEditor, parts: Sequence[str], teeth_from: Portrait | None) -> None:
        self.__dict__.update(editor.__dict__)
        self._parts, self._teeth_from = tuple(parts), teeth_from

    def edits(self, inference: Inference, es: Sequence[Wanted], *_: object, **__: object) -> list[Edit]:
        """As in PortraitEditor, with the parts and the teeth given at the start."""
        return super().edits(inference, es, self._parts, self._teeth_from)


def film_of(
    editor: PortraitEditor | StyleEditor,
    inference: Inference,
    edits: Sequence[EditRecord],
    film: Film,
    teeth_from: Portrait | None,
    progress: Callable[[float], None],
) -> bytes:
    """Render a film through several edits; the last one says which parts of the face may change."""
    path = [edit.latent(editor, inference) for edit in edits]
    if isinstance(editor, PortraitEditor):
        editor = Limited(editor, edits[-1].parts, teeth_from)
    return animate(editor, inference, path, film, progress)

"""The films of the page: faces that change to their edits and back."""

from __future__ import annotations

from app.server.edit_record import EditRecord
from app.server.tiles import NEUTRAL
from rbvae import Portrait, PortraitEditor
from rbvae.editing.group_films import Role


def role_of(
    editor: PortraitEditor, portrait: Portrait, record: EditRecord, start: str, teeth_from: Portrait | None
) -> Role:
    """Return the role of a face that begins as it is, or "neutral", and changes to its edit."""
    first = EditRecord(tile=NEUTRAL if start == NEUTRAL else "")
    begins, ends = first.closing(editor), record.closing(editor)
    decided = ends is None and begins is None  # by the editor, on the way to the neutral face
    return Role(
        portrait,
        [one.latent(editor, portrait) for one in (first, record)],
        record.parts,
        teeth_from,
        None if decided else (begins or 0.0, ends or 0.0),
    )

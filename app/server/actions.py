"""Actions the page can request. They take the key of an opened image and return JSON records or files.

Only `open` and `face` run inference; all other actions only decode. Edits are records, see `app.server.edit_record`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from app.server.decoder import decoded
from app.server.edit_record import EditRecord
from app.server.originals import Original, transparency
from app.server.rendering import data_url
from app.server.state import ForgottenError, Opened, Visit, Visits, numbers, reaches
from rbvae import ConfigError, Edit, Inference, Portrait, PortraitEditor, StyleEditor
from rbvae.digits.reading import over_contrast
from rbvae.errors import quoted
from rbvae.faces.detectors import map_in_threads
from rbvae.images.decoding import MAX_SIDE

MAX_TILES = 32  # small pictures in one answer
TILE_SIDE = 192  # of a small picture, in pixels
SAVED_SIDE = 512  # of a saved picture that is smaller, in pixels


@dataclass(frozen=True)
class File:
    """A file to download."""

    content: bytes
    media_type: str


class Actions:
    """The page's actions for one editor.

    `allowed` lists the actions that a request may call. The fields of its JSON body are passed as keyword arguments.

    Actions raise ForgottenError for an unknown or expired key, and ConfigError for invalid arguments.
    """

    allowed: tuple[str, ...] = ("pick", "draw", "tiles", "latents", "seen", "save", "forget")

    editor: PortraitEditor | StyleEditor

    def __init__(self, editor: PortraitEditor | StyleEditor, visits: Visits) -> None:
        self.editor = editor
        self.visits: Visits | Visit = visits  # of one visitor in `app.server.routes`
        self.cancelled = threading.Event()  # set when the visitor of a request has gone, see `app.server.routes`

    def open(self, content: bytes) -> dict[str, Any]:
        """Open an uploaded digit. Raises ImageError if it cannot be decoded or shows no digit."""
        pixels = decoded(content, max_side=MAX_SIDE)
        alpha = transparency(content)
        return self.store(Opened(self.editor.infer(pixels if alpha is None else over_contrast(pixels, alpha))))

    def store(self, opened: Opened) -> dict[str, Any]:
        """Store an opened image for this visitor. Returns its record, with the key."""
        return {"key": self.visits.keep(opened), **self.record(opened)}

    def opened(self, key: Any) -> Opened:
        """Return the image with this key.

        Raises ForgottenError if the key is unknown, expired, or belongs to another visitor or editor.
        """
        opened = self.visits.get(key)
        if opened.kind != self.editor.kind:
            raise ForgottenError("this picture is no longer available; open it again")
        return opened

    def pick(self, key: str) -> dict[str, Any]:
        """Return the record of an example image."""
        return {"key": key, **self.record(self.opened(key))}

    def forget(self, key: str) -> dict[str, Any]:
        """Delete an image now."""
        self.visits.forget(key)
        return {}

    def record(self, opened: Opened) -> dict[str, Any]:
        """Return what the page needs to edit an opened image: its e, the neutral e, and the reach of the sliders."""
        inference = opened.picture
        return {
            "e": rounded(inference.e),
            "neutral": rounded(self.editor.neutral_e(inference)),
            "reach": reaches(self.editor, inference.e),
            "size": list(inference.crop.size),
            "notes": list(getattr(inference, "notes", ())),
            "warnings": list(inference.warnings),
        }

    def draw(self, key: str, edit: Any, side: int = 0) -> dict[str, Any]:
        """Return the part of the picture that an edit changes, its box in pixels of the photo, and warnings.

        With `side` it is drawn so that the face has about that many pixels, for display.
        """
        opened, record = self.opened(key), EditRecord.of(self.editor, edit)
        (wanted,) = numbers([side], 1, "side", 10_000)
        inference = opened.at(int(wanted), whole=record.gesture.turns)
        drawn = self.apply(inference, record)
        box, picture = drawn.patch()
        return {
            "picture": data_url(picture),
            "box": opened.in_photo(inference, box),
            "warnings": list(drawn.warnings) if np.any(drawn.e != inference.e) or not record.gesture.still else [],
        }

    def tiles(self, key: str, edits: Any) -> dict[str, Any]:
        """Return a small picture of each of several edits."""
        if not isinstance(edits, list) or not 1 <= len(edits) <= MAX_TILES:
            raise ConfigError(f"edits={quoted(edits)}; give a list of 1 to {MAX_TILES} edits")
        tile = self.opened(key).at(TILE_SIDE)
        records = [EditRecord.of(self.editor, edit) for edit in edits]
        return {"pictures": map_in_threads(lambda record: data_url(self.tile(tile, record)), records)}

    def tile(self, inference: Inference, record: EditRecord) -> Image.Image:
        """Draw an edit at the size of a tile."""
        picture = self.apply(inference, record).crop
        picture.thumbnail((TILE_SIDE, TILE_SIDE))
        return picture

    def latents(self, key: str, edits: Any) -> dict[str, Any]:
        """Return the e [D_e] to which each of several edits leads."""
        if not isinstance(edits, list) or not 1 <= len(edits) <= MAX_TILES:
            raise ConfigError(f"edits={quoted(edits)}; give a list of 1 to {MAX_TILES} edits")
        inference = self.opened(key).picture
        return {"es": [rounded(EditRecord.of(self.editor, edit).e_of(self.editor, inference)) for edit in edits]}

    def seen(self, key: str) -> dict[str, Any]:
        """Return what the model sees: the crop, its reconstruction of it, and z and e."""
        inference = self.opened(key).picture
        pictures = {
            "crop": data_url(inference.crop, edited=False),
            "reconstruction": data_url(inference.reconstruction),
        }
        return {**pictures, "z": rounded(inference.z), "e": rounded(inference.e)}

    def save(self, edits: Any, format: str = "") -> File:
        """Return the edited picture as a file, a PNG by default; `edits` is one object with a `key` and an `edit`.

        Small pictures, such as digits, are enlarged to about SAVED_SIDE pixels.
        """
        ((opened, record),) = self.given(edits, 1)
        crop = self.apply(opened.picture, record).crop
        times = max(1, SAVED_SIDE // max(crop.size))
        enlarged = crop.resize((times * crop.width, times * crop.height), Image.Resampling.LANCZOS)
        return File(*Original("PNG").file(enlarged, format))

    def given(self, edits: Any, most: int) -> list[tuple[Opened, EditRecord]]:
        """Return the opened pictures and records of a list of objects with `key` and `edit`."""
        if not isinstance(edits, list) or not 1 <= len(edits) <= most:
            raise ConfigError(f"edits={quoted(edits)}; give a list of 1 to {most} objects with key and edit")
        if not all(isinstance(one, dict) and set(one) == {"key", "edit"} for one in edits):
            raise ConfigError(f"edits={quoted(edits)}; give objects with key and edit")
        return [(self.opened(one["key"]), EditRecord.of(self.editor, one["edit"])) for one in edits]

    def teeth(self, record: EditRecord) -> Portrait | None:
        """Return the portrait whose teeth an edit takes. Raises ForgottenError if it is no longer there."""
        key = record.teeth or record.donor
        found = self.opened(key).picture if key else None
        return found if isinstance(found, Portrait) else None

    def apply(self, inference: Inference, record: EditRecord) -> Edit:
        """Draw an edit of an inference."""
        return record.drawn(self.editor, inference, self.teeth(record))


def rounded(values: np.ndarray) -> list[float]:
    """Return numbers with the digits that a picture can show."""
    return values.astype(float).round(5).tolist()

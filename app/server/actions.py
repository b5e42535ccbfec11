"""Actions the page can request. They take the key of an opened image and return JSON records or files.

Only `open` and `face` run inference; all other actions only decode.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from app.server.decoder import decoded
from app.server.live import TYPE, live_file
from app.server.rendering import data_url, jpeg
from app.server.state import ForgottenError, Opened, Visit, Visits, change_to, changed, numbers, reaches
from rbvae import ConfigError, Edit, FaceNotFoundError, Inference, Portrait, PortraitEditor, StyleEditor
from rbvae.editing.animation import FORMATS, Film, animate
from rbvae.editing.batch import Result
from rbvae.editing.warnings import identity_shift_words
from rbvae.errors import quoted, shown
from rbvae.faces.finding import Faces
from rbvae.images.ai_metadata import encode
from rbvae.images.decoding import MAX_SIDE, Photo, load_photo

RANDOM_COUNT = 8
STRIP, STRIP_SIDE = 5, 96  # images above a slider, and their side length in pixels
PREVIEW_SIDE = 240  # longer side of a preview, in pixels
MAX_GRID = 12
STRENGTHS = (0.0, 1.5)
LARGE_BYTES, LARGE_LOCK = 3 * 16_000_000, threading.Lock()  # photos above this many bytes are searched one at a time
NO_FACE = "no face was found; click the two eyes in the photo, one after the other, or choose another photo"


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

    allowed: tuple[str, ...] = (
        "pick",
        "draw",
        "strips",
        "random",
        "neutral",
        "transfer",
        "grid",
        "animate",
        "progress",
        "forget",
    )

    editor: PortraitEditor | StyleEditor

    def __init__(self, editor: PortraitEditor | StyleEditor, visits: Visits) -> None:
        self.editor = editor
        self.visits: Visits | Visit = visits  # of one visitor in `app.server.routes`
        self.films: dict[str, float] = {}  # progress from 0 to 1, by job name

    def open(self, content: bytes) -> dict[str, Any]:
        """Open an uploaded image. Raises ImageError if it cannot be decoded."""
        return self.store(Opened(self.editor.infer(decoded(content, max_side=MAX_SIDE))))

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
        """Return what the page shows of an opened image."""
        inference = opened.picture
        return {
            "original": data_url(inference.crop, edited=False),
            "copy": data_url(inference.reconstruction),
            "warnings": list(inference.warnings),
            "reach": reaches(self.editor, inference.e),
            **{name: getattr(inference, name).astype(float).round(5).tolist() for name in ("z", "e")},
        }

    def draw(self, key: str, change: Any) -> dict[str, Any]:
        """Return the edited crop. The page requests this while a slider moves."""
        opened = self.opened(key)
        e = changed(self.editor, opened.picture, change)
        return {"picture": data_url(self.editor.edit(opened.close_up, e).crop)}

    def strips(self, key: str) -> dict[str, Any]:
        """Return five images per slider, from -2 to +2 sigma relative to the e of this image."""
        tile = self.opened(key).tile
        return {
            "strips": [
                [data_url(picture) for picture in self.editor.strip(tile, number, STRIP, STRIP_SIDE)]
                for number in range(len(self.editor.directions))
            ]
        }

    def random(self, key: str, seed: int = 0) -> dict[str, Any]:
        """Sample expressions or styles. Each sample is an image and the change that produces it."""
        tile = self.opened(key).tile
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise ConfigError(f"seed={quoted(seed)}; give a whole number from 0")
        edits = self.editor.edits(tile, list(self.editor.sample_e(RANDOM_COUNT, seed, tile)))
        return {"samples": [self._sample(tile, edit) for edit in edits]}

    def neutral(self, key: str) -> dict[str, Any]:
        """Return the change to the reference: a neutral face or a plain digit."""
        inference = self.opened(key).picture
        return {"change": change_to(self.editor, inference, self.editor.neutral_e(inference))}

    def transfer(self, key: str, donor: str, strength: float = 1.0, change: Any = None) -> dict[str, Any]:
        """Return the change to the expression or style of another image.

        `strength` is clipped to 0..1.5. `change`, if given, is applied to the donor first.
        """
        inference, donor_image = self.opened(key).picture, self.opened(donor).picture
        (amount,) = numbers([strength], 1, "strength").clip(*STRENGTHS)
        target = donor_image.e if change is None else changed(self.editor, donor_image, change)
        return {"change": change_to(self.editor, inference, self.editor.transferred_e(inference, target, amount))}

    def grid(self, key: str, others: list[str], expressions: list[str] | None = None) -> dict[str, Any]:
        """Return a grid of edits with a row for this image and each of `others`.

        The columns are the reference, this image's e, and the e of each image in `expressions` (default: `others`).
        """
        columns = others if expressions is None else expressions
        for chosen in (others, columns):
            if not isinstance(chosen, list) or len(chosen) >= MAX_GRID:
                raise ConfigError(f"a grid has at most {MAX_GRID} rows and {MAX_GRID + 1} columns; choose fewer")
        faces = [self.opened(one).tile for one in (key, *others)]
        shown = [self.opened(one).picture for one in (key, *columns)]

        def row(face: Inference) -> list[np.ndarray]:
            return [self.editor.neutral_e(face), *(self.editor.transferred_e(face, one.e) for one in shown)]

        return {"cells": [[self._sample(face, edit) for edit in self.editor.edits(face, row(face))] for face in faces]}

    def animate(self, key: str, start: Any, end: Any, format: str = "mp4", view: str = "crop", job: str = "") -> File:
        """Render an animation from the change `start` to `end` and back.

        `view` is "crop" or "photo". `job` is the name under which `progress` reports.
        """
        inference = self.opened(key).picture
        path = [changed(self.editor, inference, change) for change in (start, end)]
        film, name = Film(format=format, view=view), str(job)
        try:
            content = animate(self.editor, inference, path, film, lambda share: self.films.update({name: share}))
        finally:
            self.films.pop(name, None)
        return File(content, FORMATS[format])

    def progress(self, key: str, job: str) -> dict[str, Any]:
        """Return the fraction of an animation's frames that are rendered, from 0 to 1."""
        return {"share": self.films.get(str(job), 0.0)}

    def _edit(self, key: str, change: Any) -> Edit:
        inference = self.opened(key).picture
        return self.editor.edit(inference, changed(self.editor, inference, change))

    def _sample(self, inference: Inference, edit: Any) -> dict[str, Any]:
        return {"picture": data_url(edit.crop), "change": change_to(self.editor, inference, np.asarray(edit.e))}


class FaceActions(Actions):
    """Actions for faces, which are detected in a photo and pasted back into it."""

    editor: PortraitEditor
    allowed = (*Actions.allowed, "face", "source", "paste", "previews", "download", "identity_shift", "entry", "live")

    def __init__(self, editor: PortraitEditor, visits: Visits) -> None:
        super().__init__(editor, visits)

    def open(self, content: bytes) -> dict[str, Any]:
        """Open a photo. Returns its record, with the box of every face.

        If no face is found, the record asks the visitor to click the eyes. Raises ImageError if the photo cannot be
        decoded.
        """
        pixels = decoded(content)
        with LARGE_LOCK if pixels.size > LARGE_BYTES else contextlib.nullcontext():
            return self.store(open_faces(self.editor, pixels))

    def face(self, key: str, face: int | None = None, eyes: Any = None) -> dict[str, Any]:
        """Select another face of the same photo.

        `face` is its index. Alternatively, `eyes` gives the positions of both eyes, [[x, y], [x, y]] in pixels.
        """
        faces = self.opened(key).photo
        if eyes is not None:
            if not isinstance(eyes, list) or len(eyes) != 2:
                raise ConfigError("two eyes are needed; click one after the other")
            left, right = (tuple(numbers(point, 2, "eyes", 100_000).tolist()) for point in eyes)
            return self.store(Opened(self.editor.infer(faces, eyes=(left, right)), faces, -1))
        if isinstance(face, bool) or not isinstance(face or 0, int):
            raise ConfigError(f"face={quoted(face)}; give a whole number from 0")
        return self.store(Opened(self.editor.infer(faces, face=face or 0), faces, face or 0))

    def record(self, opened: Opened) -> dict[str, Any]:
        """Add the positions of the faces. If there is no face, return advice instead of images."""
        height, width = opened.photo.source.shape[:2]
        boxes = [[round(float(edge), 1) for edge in box] for box in opened.photo.boxes]
        record = {"size": [width, height], "boxes": boxes, "face": opened.face}
        if isinstance(opened.inference, Portrait) and opened.inference.alignment is not None:
            record["aligned"] = opened.inference.alignment.matrix.round(6).tolist()
        return {**record, **(super().record(opened) if opened.inference is not None else {"advice": NO_FACE})}

    def source(self, key: str) -> File:
        """Return the decoded photo, with its orientation applied."""
        return File(jpeg(Image.fromarray(self.opened(key).photo.source), edited=False), "image/jpeg")

    def live(self, key: str, donor: str | None = None) -> File:
        """Return what the browser needs to draw edits of this face, or the mouth that a donor lends it."""
        lender = None if donor is None else self.opened(donor).picture
        return File(live_file(self.editor, self.opened(key).picture, lender), TYPE)

    def paste(self, key: str, change: Any, keep: bool = True) -> dict[str, Any]:
        """Return the edited part of the photo and its box."""
        box, picture = self._edit(key, change).patch(keep)
        return {"picture": data_url(picture), "box": list(box)}

    def previews(self, key: str, change: Any) -> dict[str, Any]:
        """Return two small versions of that part: with the photo's detail, and with the model's face pasted over it."""
        edit = self._edit(key, change)
        pictures = [edit.patch(keep)[1] for keep in (True, False)]
        for picture in pictures:
            picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        return {"previews": [data_url(picture) for picture in pictures]}

    def download(self, key: str, change: Any, keep: bool = True) -> File:
        """Return the whole edited photo."""
        edit = self._edit(key, change)
        return File(encode(edit.photo if keep else edit.replaced), "image/jpeg")

    def identity_shift(self, key: str, change: Any) -> dict[str, Any]:
        """Return how much the edit changes the identity: 0 is no change, 1 is the maximum."""
        identity_shift = self.editor.identity_shift(self._edit(key, change))
        return {"identity_shift": round(identity_shift, 3), "words": identity_shift_words(identity_shift)}

    def entry(self, key: str, change: Any, photo: str, file: str) -> dict[str, Any]:
        """Return the manifest entry of an edit, in the format of `rbvae.editing.batch`."""
        edit = self._edit(key, change)
        return Result(shown(str(photo)), 1.0, edit, self.editor.identity_shift(edit)).entry(shown(str(file)))


def open_faces(editor: PortraitEditor, photo: Photo) -> Opened:
    """Detect the faces of a photo and infer the largest one, if any. Raises ImageError if it cannot be decoded."""
    try:
        faces = editor.find(photo)
    except FaceNotFoundError:
        return Opened(None, Faces(load_photo(photo, max_side=None), ()))
    return Opened(editor.infer(faces), faces)

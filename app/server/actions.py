"""What the page asks for: keys of pictures in, JSON records out. Only `open` and `face` infer; the rest decodes."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from app.server.decoder import decoded
from app.server.rendering import data_url, jpeg
from app.server.state import ForgottenError, Opened, Visits, change_to, changed, numbers, reaches
from rbvae import ConfigError, Edit, FaceNotFoundError, Inference, Portrait, PortraitEditor
from rbvae.editing import Editor
from rbvae.editing.animation import FORMATS, Film, animate
from rbvae.editing.batch import Result
from rbvae.editing.warnings import drift_words
from rbvae.errors import quoted, shown
from rbvae.faces.finding import Faces
from rbvae.images.ai_metadata import encode
from rbvae.images.decoding import MAX_SIDE, Photo, load_photo

RANDOM = 8
STRIP, STRIP_SIDE = 5, 96  # pictures above a slider, and pixels of their sides
PREVIEW = 240  # pixels of a small picture's longer side
WIDEST_GRID = 12
STRENGTHS = (0.0, 1.5)
LARGE, ONE_LARGE = 3 * 16_000_000, threading.Lock()  # bytes of a photo beyond which one at a time is searched for faces
NO_FACE = "no face was found; click the two eyes in the photo, one after the other, or choose another photo"


@dataclass(frozen=True)
class File:
    """A finished file to download."""

    content: bytes
    media_type: str


class Actions:
    """The page's actions for one editor; `asked` names those that a request may call, with its JSON as arguments."""

    asked: tuple[str, ...] = (
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

    def __init__(self, editor: Editor, visits: Visits) -> None:
        self.editor, self.visits = editor, visits
        self.films: dict[str, float] = {}  # how far those are that are being drawn, by the name of the job

    def open(self, content: bytes) -> dict[str, Any]:
        """An uploaded picture -> its record."""
        return self.kept(Opened(self.editor.infer(decoded(content, max_side=MAX_SIDE))))

    def kept(self, opened: Opened) -> dict[str, Any]:
        """Keeps an opened picture for this visitor; its record."""
        return {"key": self.visits.keep(opened), **self.record(opened)}

    def opened(self, key: Any) -> Opened:
        """The picture of a key; raises ForgottenError, also for one of another editor's."""
        opened = self.visits.get(key)
        if opened.kind != self.editor.kind:
            raise ForgottenError("this picture was put away; open it again")
        return opened

    def pick(self, key: str) -> dict[str, Any]:
        """One of the pictures on offer -> its record."""
        return {"key": key, **self.record(self.opened(key))}

    def forget(self, key: str) -> dict[str, Any]:
        """Puts a picture away at once."""
        self.visits.forget(key)
        return {}

    def record(self, opened: Opened) -> dict[str, Any]:
        """What the page shows of an opened picture."""
        inference = opened.picture
        return {
            "original": data_url(inference.crop, edited=False),
            "copy": data_url(inference.reconstruction),
            "warnings": list(inference.warnings),
            "reach": reaches(self.editor, inference.e),
            **{name: getattr(inference, name).astype(float).round(5).tolist() for name in ("z", "e")},
        }

    def draw(self, key: str, change: Any) -> dict[str, Any]:
        """The edit, drawn by the model; what a moving slider asks for."""
        opened = self.opened(key)
        e = changed(self.editor, opened.picture, change)
        return {"picture": data_url(self.editor.edit(opened.close_up, e).crop)}

    def strips(self, key: str) -> dict[str, Any]:
        """Five pictures a slider, from -2 to +2 sigma of this picture's own e."""
        tile = self.opened(key).tile
        return {
            "strips": [
                [data_url(picture) for picture in self.editor.strip(tile, number, STRIP, STRIP_SIDE)]
                for number in range(len(self.editor.directions))
            ]
        }

    def random(self, key: str, seed: int = 0) -> dict[str, Any]:
        """Random expressions or styles, each with the change that leads to it."""
        tile = self.opened(key).tile
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise ConfigError(f"seed={quoted(seed)}; give a whole number from 0")
        edits = self.editor.sample(tile, RANDOM, seed)
        return {"samples": [self._sample(tile, edit) for edit in edits]}

    def neutral(self, key: str) -> dict[str, Any]:
        """The change to the reference: a neutral face, a plain digit."""
        inference = self.opened(key).picture
        return {"change": change_to(self.editor, inference, self.editor.e_ref)}

    def transfer(self, key: str, donor: str, strength: float = 1.0, change: Any = None) -> dict[str, Any]:
        """The change to another picture's expression or style, or to the one it has after a change of its own."""
        inference, other = self.opened(key).picture, self.opened(donor).picture
        (amount,) = numbers([strength], 1, "strength").clip(*STRENGTHS)
        aim = other.e if change is None else changed(self.editor, other, change)
        return {"change": change_to(self.editor, inference, inference.e + amount * (aim - inference.e))}

    def grid(self, key: str, others: list[str], expressions: list[str] | None = None) -> dict[str, Any]:
        """This picture and others, a row each; at rest, as this picture, and as others (or the same ones)."""
        columns = others if expressions is None else expressions
        for chosen in (others, columns):
            if not isinstance(chosen, list) or len(chosen) >= WIDEST_GRID:
                raise ConfigError(f"a grid has at most {WIDEST_GRID} rows and {WIDEST_GRID + 1} columns; choose fewer")
        faces = [self.opened(one).tile for one in (key, *others)]
        es = [self.editor.e_ref, *(self.opened(one).picture.e for one in (key, *columns))]
        return {"cells": [[self._sample(face, edit) for edit in self.editor.edits(face, es)] for face in faces]}

    def animate(self, key: str, start: Any, end: Any, format: str = "mp4", view: str = "crop", job: str = "") -> File:
        """A film there and back between two changes, of the drawn face or of the whole photo; `job` names it."""
        inference = self.opened(key).picture
        path = [changed(self.editor, inference, change) for change in (start, end)]
        film, name = Film(format=format, view=view), str(job)
        try:
            drawn = animate(self.editor, inference, path, film, lambda share: self.films.update({name: share}))
        finally:
            self.films.pop(name, None)
        return File(drawn, FORMATS[format])

    def progress(self, key: str, job: str) -> dict[str, Any]:
        """The share of a film's frames that are drawn, from 0 to 1."""
        return {"share": self.films.get(str(job), 0.0)}

    def _edit(self, key: str, change: Any) -> Edit:
        inference = self.opened(key).picture
        return self.editor.edit(inference, changed(self.editor, inference, change))

    def _sample(self, inference: Inference, edit: Any) -> dict[str, Any]:
        return {"picture": data_url(edit.crop), "change": change_to(self.editor, inference, np.asarray(edit.e))}


class FaceActions(Actions):
    """Faces, which lie in photos: found, chosen, and put back."""

    asked = (*Actions.asked, "face", "source", "paste", "previews", "download", "drift", "entry")

    def open(self, content: bytes) -> dict[str, Any]:
        """A photo -> its record, with the box of every face; without a face, the visitor is asked for the eyes."""
        pixels = decoded(content)
        with ONE_LARGE if pixels.size > LARGE else contextlib.nullcontext():
            return self.kept(found(self.editor, pixels))

    def face(self, key: str, face: int | None = None, eyes: Any = None) -> dict[str, Any]:
        """Another face of the same photo: by its number from 0, or by its two eyes [[x, y], [x, y]] in pixels."""
        faces = self.opened(key).photo
        if eyes is not None:
            if not isinstance(eyes, list) or len(eyes) != 2:
                raise ConfigError("two eyes are needed; click one after the other")
            left, right = (tuple(numbers(point, 2, "eyes", 100_000).tolist()) for point in eyes)
            return self.kept(Opened(self.editor.infer(faces, eyes=(left, right)), faces, -1))
        if isinstance(face, bool) or not isinstance(face or 0, int):
            raise ConfigError(f"face={quoted(face)}; give a whole number from 0")
        return self.kept(Opened(self.editor.infer(faces, face=face or 0), faces, face or 0))

    def record(self, opened: Opened) -> dict[str, Any]:
        """With where the faces are; without a face, advice instead of pictures."""
        height, width = opened.photo.source.shape[:2]
        boxes = [[round(float(edge), 1) for edge in box] for box in opened.photo.boxes]
        where = {"size": [width, height], "boxes": boxes, "face": opened.face}
        if isinstance(opened.inference, Portrait) and opened.inference.alignment is not None:
            where["aligned"] = opened.inference.alignment.matrix.round(6).tolist()
        return {**where, **(super().record(opened) if opened.inference is not None else {"advice": NO_FACE})}

    def source(self, key: str) -> File:
        """The photo as it was understood: upright."""
        return File(jpeg(Image.fromarray(self.opened(key).photo.source), edited=False), "image/jpeg")

    def paste(self, key: str, change: Any, keep: bool = True) -> dict[str, Any]:
        """The part of the photo that the edit covers, edited, and where it lies."""
        box, picture = self._edit(key, change).patch(keep)
        return {"picture": data_url(picture), "box": list(box)}

    def previews(self, key: str, change: Any) -> dict[str, Any]:
        """The same part, small, with the photo's detail kept and with the model's face laid over it."""
        edit = self._edit(key, change)
        pictures = [edit.patch(keep)[1] for keep in (True, False)]
        for picture in pictures:
            picture.thumbnail((PREVIEW, PREVIEW))
        return {"previews": [data_url(picture) for picture in pictures]}

    def download(self, key: str, change: Any, keep: bool = True) -> File:
        """The whole photo, edited."""
        edit = self._edit(key, change)
        return File(encode(edit.photo if keep else edit.replaced), "image/jpeg")

    def drift(self, key: str, change: Any) -> dict[str, Any]:
        """How far the edit is from who it was: 0, the same, to 1."""
        drift = self.editor.drift(self._edit(key, change))
        return {"drift": round(drift, 3), "words": drift_words(drift)}

    def entry(self, key: str, change: Any, photo: str, file: str) -> dict[str, Any]:
        """What a ZIP's manifest says of an edit, in the words of rbvae.editing.batch."""
        edit = self._edit(key, change)
        return Result(shown(str(photo)), 1.0, edit, self.editor.drift(edit)).entry(shown(str(file)))


def found(editor: PortraitEditor, photo: Photo) -> Opened:
    """A photo opened at its largest face, or without one."""
    try:
        faces = editor.find(photo)
    except FaceNotFoundError:
        return Opened(None, Faces(load_photo(photo, max_side=None), ()))
    return Opened(editor.infer(faces), faces)

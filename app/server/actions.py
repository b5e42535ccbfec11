"""Actions the page can request. They take the key of an opened image and return JSON records or files.

Only `open` and `face` run inference; all other actions only decode. Edits are records, see `app.server.edit_record`.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from app.server.clips import CLIP_SECONDS, read_clip
from app.server.decoder import decoded, decoder
from app.server.edit_record import EditRecord
from app.server.films import role_of
from app.server.jobs import Jobs
from app.server.live import TYPE, live_file
from app.server.originals import SUFFIXES, Original, read_original, transparency
from app.server.rendering import data_url, jpeg
from app.server.state import ForgottenError, Opened, Visit, Visits, numbers, reaches
from app.server.tiles import NEUTRAL
from rbvae import ConfigError, Edit, FaceNotFoundError, Inference, Portrait, PortraitEditor, StyleEditor
from rbvae.digits.reading import over_contrast
from rbvae.editing.animation import FORMATS, Film
from rbvae.editing.batch import Result
from rbvae.editing.driving import Drive, drive
from rbvae.editing.edits import together
from rbvae.editing.group_films import animate_faces
from rbvae.errors import quoted, shown
from rbvae.faces.detectors import map_in_threads
from rbvae.faces.finding import Faces
from rbvae.images.decoding import MAX_SIDE, Photo, load_photo

MAX_TILES = 32  # small pictures in one answer
MAX_FACES = 64  # edits in one saved photo
TILE_SIDE = 192  # of a small picture, in pixels
LARGE_BYTES, LARGE_LOCK = 3 * 16_000_000, threading.Lock()  # photos above this many bytes are searched one at a time
DIFFERENT_PHOTOS = "these faces are of different photos; save each photo by itself"
OWN = "own"  # the start of a film: the photo as it is
NO_FACE = "no face was found; click the two eyes in the photo, one after the other, or open another photo"


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
        """Return the edited picture as a file, a PNG by default; `edits` is one object with a `key` and an `edit`."""
        ((opened, record),) = self.given(edits, 1)
        return File(*Original("PNG").file(self.apply(opened.picture, record).crop, format))

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


class FaceActions(Actions):
    """Actions for faces, which are found in a photo and edited in it."""

    editor: PortraitEditor
    allowed = (*Actions.allowed, "face", "source", "entry", "live", "film", "drive", "progress")

    def __init__(self, editor: PortraitEditor, visits: Visits) -> None:
        super().__init__(editor, visits)
        self.jobs = Jobs()

    def open(self, content: bytes) -> dict[str, Any]:
        """Open a photo. Returns its record, with the box of every face.

        If no face is found, the record asks the visitor to click the eyes. Raises ImageError if the photo cannot be
        decoded.
        """
        pixels, note = decoder().decode_with_note(content)
        original = read_original(content, pixels, transparency(content))
        with LARGE_LOCK if pixels.size > LARGE_BYTES else contextlib.nullcontext():
            opened = open_faces(self.editor, pixels, original)
        return self.store(replace(opened, faces=replace(opened.faces, notes=(note,) if note else ())))

    def face(self, key: str, face: int | None = None, eyes: Any = None) -> dict[str, Any]:
        """Select another face of the same photo.

        `face` is its index. Alternatively, `eyes` gives the positions of both eyes, [[x, y], [x, y]] in pixels.
        """
        opened = self.opened(key)
        faces = opened.photo
        if eyes is not None:
            if not isinstance(eyes, list) or len(eyes) != 2:
                raise ConfigError("two eyes are needed; click one after the other")
            left, right = (tuple(numbers(point, 2, "eyes", 100_000).tolist()) for point in eyes)
            return self.store(Opened(self.editor.infer(faces, eyes=(left, right)), faces, -1, opened.original))
        if isinstance(face, bool) or not isinstance(face or 0, int):
            raise ConfigError(f"face={quoted(face)}; give a whole number from 0")
        return self.store(Opened(self.editor.infer(faces, face=face or 0), faces, face or 0, opened.original))

    def record(self, opened: Opened) -> dict[str, Any]:
        """Add where the faces are, and how the photo will be saved. If there is no face, return advice."""
        height, width = opened.photo.source.shape[:2]
        boxes = [[round(float(edge), 1) for edge in box] for box in opened.photo.boxes]
        original = opened.original
        common = {
            "size": [width, height],
            "boxes": boxes,
            "face": opened.face,
            "format": original.format,
            "suffix": SUFFIXES[original.format],
            "notes": [note for note in (*opened.photo.notes, original.note) if note],
        }
        if opened.inference is None:
            return {**common, "advice": NO_FACE}
        box = [round(float(edge), 1) for edge in opened.picture.box]  # type: ignore[attr-defined]
        return {**super().record(opened), **common, "box": box}

    def source(self, key: str) -> File:
        """Return the decoded photo, with its orientation applied."""
        return File(jpeg(Image.fromarray(self.opened(key).photo.source), edited=False), "image/jpeg")

    def live(self, key: str, donor: str | None = None) -> File:
        """Return what the browser needs to draw edits of this face, or the mouth that a donor lends it."""
        lender = None if donor is None else self.opened(donor).picture
        return File(live_file(self.editor, self.opened(key).picture, lender), TYPE)

    def save(self, edits: Any, format: str = "") -> File:
        """Return the whole photo with the edits of one or more of its faces, as the kind of file that it came in.

        `edits` are objects with the `key` of a face and an `edit`. Where they change the same pixel, the last one wins.
        """
        given = self.given(edits, MAX_FACES)
        source = given[0][0].photo.source
        if any(opened.photo.source is not source for opened, _ in given):
            raise ConfigError(DIFFERENT_PHOTOS)
        pixels = together(source, [self.apply(opened.picture, record) for opened, record in given])
        return File(*given[0][0].original.file(Image.fromarray(pixels), format))

    def film(self, edits: Any, start: str = "own", format: str = "mp4", view: str = "photo", job: str = "") -> File:
        """Render a film in which the faces of a photo change to their edits and back.

        `edits` are as for `save`; `start` is "own" or "neutral", `view` is "photo", or "crop" for the first face alone.
        `job` is the name under which `progress` reports.
        """
        if start not in (OWN, NEUTRAL):
            raise ConfigError(f"start={quoted(start)}; give {OWN} or {NEUTRAL}")
        film = Film(format=format, view=view)
        roles = [
            role_of(self.editor, opened.picture, record, start, self.teeth(record))  # type: ignore[arg-type]
            for opened, record in self.given(edits, MAX_FACES)
        ]
        if view == "photo" and any(role.portrait.source is not roles[0].portrait.source for role in roles):
            raise ConfigError(DIFFERENT_PHOTOS)
        with self.jobs.running(job, self.cancelled) as report:
            return File(animate_faces(self.editor, roles, film, report), FORMATS[format])

    def drive(self, clip: bytes, key: str, edit: Any, job: str = "") -> File:
        """Render a film in which a face follows the face of a clip, with the clip's sound.

        Of the `edit`, its `parts` and its teeth count. `job` is the name under which `progress` reports.
        """
        opened, record = self.opened(key), EditRecord.of(self.editor, edit)
        settings = Drive(seconds=CLIP_SECONDS, parts=record.parts, teeth_from=self.teeth(record))
        with self.jobs.running(job, self.cancelled) as report, read_clip(clip) as film:
            return File(drive(self.editor, film, opened.picture, settings, report), FORMATS["mp4"])  # type: ignore

    def progress(self, job: str) -> dict[str, Any]:
        """Return the share of a film that is rendered, from 0 to 1; 0 while it waits for another one."""
        return {"share": self.jobs.share(str(job))}

    def entry(self, key: str, edit: Any, photo: str, file: str) -> dict[str, Any]:
        """Return the manifest entry of an edit, in the format of `rbvae.editing.batch`."""
        drawn = self.apply(self.opened(key).picture, EditRecord.of(self.editor, edit))
        return Result(shown(str(photo)), 1.0, drawn, self.editor.identity_shift(drawn)).entry(shown(str(file)))


def open_faces(editor: PortraitEditor, photo: Photo, original: Original | None = None) -> Opened:
    """Detect the faces of a photo and infer the largest one, if any. Raises ImageError if it cannot be decoded."""
    original = original or Original()
    try:
        faces = editor.find(photo)
    except FaceNotFoundError:
        return Opened(None, Faces(load_photo(photo, max_side=None), ()), original=original)
    return Opened(editor.infer(faces), faces, original=original)


def rounded(values: np.ndarray) -> list[float]:
    """Return numbers with the digits that a picture can show."""
    return values.astype(float).round(5).tolist()

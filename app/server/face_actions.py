"""The page's actions for faces: a photo is opened, its faces are chosen among, edited, saved and filmed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PIL import Image

from app.server.actions import Actions, File
from app.server.clips import CLIP_SECONDS, read_clip
from app.server.decoder import decoder, in_turns
from app.server.edit_record import EditRecord
from app.server.films import role_of
from app.server.jobs import Jobs
from app.server.live import TYPE, live_file
from app.server.originals import SUFFIXES, Original, read_original, transparency
from app.server.rendering import jpeg
from app.server.state import Opened, Visits, numbers
from app.server.tiles import NEUTRAL
from rbvae import ConfigError, FaceNotFoundError, PortraitEditor
from rbvae.editing.animation import FORMATS, Film
from rbvae.editing.batch import Result
from rbvae.editing.driving import Drive, drive
from rbvae.editing.edits import together
from rbvae.editing.group_films import animate_faces
from rbvae.errors import quoted, shown
from rbvae.faces.finding import Faces
from rbvae.images.decoding import Photo, load_photo

DIFFERENT_PHOTOS = "these faces are of different photos; save each photo by itself"
OWN = "own"  # the start of a film: the photo as it is
NO_FACE = "no face was found; click the two eyes in the photo, one after the other, or open another photo"
MAX_FACES = 64  # edits in one saved photo


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
        with in_turns():
            pixels, note = decoder().decode_with_note(content)
            opened = open_faces(self.editor, pixels, read_original(content, pixels, transparency(content)))
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

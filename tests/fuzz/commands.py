"""Odd use of the terminal commands: every command on odd photos, with odd and with wrong options."""

from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from pathlib import Path

import av
from PIL import Image

from rbvae.__main__ import main as command
from rbvae.images.ai_metadata import AI_NOTE
from tests.fuzz.outcomes import Outcome, fault, judged, picture_fault, refused
from tests.fuzz.photos import NAMES, photo, plain_photo

CHANGES = ("smile=1.5", "smile=-1", "brows up=2", "frown=1", "smile=0", "smile=1e-3", "frown=2.5")
WARNED = ("Traceback", "Warning:", "warnings.warn")


def wrong_options(folder: Path, photo: Path) -> list[list[str]]:
    """Command lines that must be refused with one sentence."""
    good, out = str(photo), ["-o", str(folder / "out.png")]
    text = folder / "text.jpg"
    text.write_text("no picture")
    (folder / "empty").mkdir()
    return [
        ["edit", str(folder / "nowhere.jpg"), "--set", "smile=1", *out],
        ["edit", str(folder), "--set", "smile=1", *out],
        ["edit", str(text), "--set", "smile=1", *out],
        ["edit", good, *out],
        ["edit", good, "--set", "nose=1", *out],
        ["edit", good, "--set", "smile=nan", *out],
        ["edit", good, "--set", "smile=inf", *out],
        ["edit", good, "--set", "=1", *out],
        ["edit", good, "--set", "smile", *out],
        ["edit", good, "--set", "smile=1", "--face", "99", *out],
        ["edit", good, "--set", "smile=1", "--face", "-1", *out],
        ["edit", good, "--set", "smile=1", "--parts", "nose", *out],
        ["edit", good, "--set", "smile=1", "--teeth-from", str(text), *out],
        ["edit", good, "--set", "smile=1", "-o", str(folder / "out.xyz")],
        ["edit", good, "--set", "smile=1", "-o", str(folder / "no" / "such" / "out.png")],
        ["edit", good, "--set", "smile=1", "-o", str(folder)],
        ["transfer", str(text), good, *out],
        ["transfer", good, good, "--strength", "9", *out],
        ["transfer", good, good, "--strength", "nan", *out],
        ["random", good, "-n", "0", *out],
        ["random", good, "--seed", "-1", *out],
        ["animate", good, "--fps", "0", "-o", str(folder / "f.mp4")],
        ["animate", good, "--seconds", "nan", "-o", str(folder / "f.mp4")],
        ["animate", good, "--seconds", "-1", "-o", str(folder / "f.gif")],
        ["animate", good, "--size", "1", "-o", str(folder / "f.gif")],
        ["animate", good, "-o", str(folder / "f.avi")],
        ["drive", str(text), good, "-o", str(folder / "f.mp4")],
        ["drive", good, good, "-o", str(folder / "f.webm")],
        ["batch", str(folder / "empty"), "-o", str(folder / "z.zip")],
        ["batch", str(folder / "nowhere"), "-o", str(folder / "z.zip")],
        ["batch", good, "-o", str(folder / "z.zip")],
        ["batch", str(folder), "--like", str(text), "-o", str(folder / "z.zip")],
        ["digit-transfer", str(text), good, *out],
        ["info", "--checkpoint", str(folder)],
        ["edit", good, "--checkpoint", str(folder / "nowhere"), "--set", "smile=1", *out],
    ]


class Commands:
    """Cases for one checkpoint of faces, in the process itself."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.folder, self.checkpoint = folder, checkpoint

    def case(self, rng: random.Random, number: int) -> tuple[str, Outcome]:
        """Runs one command; returns what it was and what came of it."""
        folder = self.folder / f"commands-{number}"
        folder.mkdir()
        case = rng.choice(
            (self.edit, self.edit, self.edit, self.transfer, self.sheet, self.film, self.batch, self.wrong)
        )
        return case(rng, folder)

    def edit(self, rng: random.Random, folder: Path) -> tuple[str, Outcome]:
        """`edit` and `neutral` of one face, in all kinds of files."""
        made = photo(rng)
        out = folder / f"{rng.choice(NAMES[:20])} out.{rng.choice(('png', 'jpg', 'webp', 'PNG', 'jpeg'))}"
        line = ["neutral"] if rng.random() < 0.2 else ["edit", "--set", rng.choice(CHANGES)]
        line += [str(made.written(folder)), "--face", str(rng.randrange(made.people)), "-o", str(out)]
        line += rng.choice(([], [], ["--parts", rng.choice(("mouth", "eyes", "brows", "eyes, brows"))]))
        said, code = self.run(line)
        about = f"{line}: {made.about}"
        if code != 0:
            return about, refused(said, made)
        return about, judged(_odd(said) or picture_fault(out.read_bytes(), made))

    def transfer(self, rng: random.Random, folder: Path) -> tuple[str, Outcome]:
        """`transfer` between two odd photos."""
        donor, onto, out = photo(rng), photo(rng), folder / "out.png"
        line = ["transfer", str(donor.written(folder / "a")), str(onto.written(folder / "b")), "-o", str(out)]
        said, code = self.run([*line, "--strength", str(rng.choice((0, 0.5, 1, 1.5)))])
        about = f"transfer of {donor.name!r} ({donor.about}) to {onto.name!r} ({onto.about})"
        if code != 0:
            return about, refused(said, donor if onto.clear else onto)
        return about, judged(_odd(said) or picture_fault(out.read_bytes(), onto))

    def sheet(self, rng: random.Random, folder: Path) -> tuple[str, Outcome]:
        """`random`: a sheet of a few."""
        made, out, count = photo(rng), folder / "out.png", rng.choice((1, 2, 3, 5))
        said, code = self.run(["random", str(made.written(folder)), "-n", str(count), "-o", str(out)])
        about = f"random, {count} of {made.name!r}: {made.about}"
        if code != 0:
            return about, refused(said, made)
        with Image.open(out) as sheet:
            whole = min(sheet.size) >= 96 and AI_NOTE.encode() in out.read_bytes()
        return about, judged(_odd(said) or ("" if whole else f"a sheet of {sheet.size}, or without a mark"))

    def film(self, rng: random.Random, folder: Path) -> tuple[str, Outcome]:
        """`animate`, short and small, in every kind and view."""
        made, kind, view = photo(rng), rng.choice(("mp4", "gif", "webp")), rng.choice(("crop", "photo"))
        out, fps, size = folder / f"film.{kind}", rng.choice((5, 12, 25)), rng.choice((64, 97, 128))
        line = ["animate", str(made.written(folder)), "--seconds", "0.4", "--fps", str(fps), "--size", str(size)]
        said, code = self.run([*line, "--view", view, "-o", str(out)])
        about = f"animate {view}, {kind} at {fps} fps, {size} px, of {made.name!r}: {made.about}"
        if code != 0:
            return about, refused(said, made)
        return about, judged(_odd(said) or film_fault(out.read_bytes()))

    def batch(self, rng: random.Random, folder: Path) -> tuple[str, Outcome]:
        """`batch` of a folder of one to five photos, and some other files."""
        photos, out = folder / "photos", folder / "out.zip"
        made = [photo(rng) for _ in range(rng.randint(1, 5))]
        paths = {one.written(photos / rng.choice(("", "", "sub folder"))): one for one in made}
        (photos / "notes.txt").write_text("notes")
        said, code = self.run(["batch", str(photos), "--set", "smile=1", "-o", str(out)])
        about = f"batch of {[path.name for path in paths]}: {[one.about for one in made]}"
        if code != 0:
            return about, fault(f"refused: {said!r}")
        return about, judged(
            _odd(said) or self._zip_fault(out, said, {str(p.relative_to(photos)): paths[p] for p in paths})
        )

    def wrong(self, rng: random.Random, folder: Path) -> tuple[str, Outcome]:
        """A command that cannot be, which must be said."""
        line = rng.choice(wrong_options(folder, plain_photo().written(folder)))
        said, code = self.run(line)
        left = [path.name for path in folder.rglob("*.partial")]
        if code == 0 or left:
            return f"{line}", fault(f"ended with {code}, left {left}, said {said!r}")
        return f"{line}", refused(said)

    def run(self, line: list[str]) -> tuple[str, int]:
        """Runs a command; returns what it said on standard error, and its code. Of usage, only the error."""
        told, shown = io.StringIO(), io.StringIO()
        checkpoint = (
            [] if "--checkpoint" in line or line[0] == "digit-transfer" else ["--checkpoint", str(self.checkpoint)]
        )
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(shown):
            try:
                code = command([line[0], *checkpoint, *line[1:]])
            except SystemExit as error:
                code = int(error.code or 0)
        said = told.getvalue()
        if code == 0:
            return said if shown.getvalue().strip() else f"Traceback: nothing was said {said}", code
        lines = said.strip().splitlines()
        return (lines[-1] if said.startswith("usage:") else said.strip()).removeprefix("rbvae: "), code

    def _zip_fault(self, path: Path, said: str, photos: dict) -> str:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return "the ZIP is damaged"
            entries = {entry["photo"]: entry for entry in json.loads(archive.read("manifest.json"))["photos"]}
            for name, made in photos.items():
                if name.startswith(".") or name not in entries:
                    return f"{name!r} is left out without a word"
                entry = entries[name]
                if not entry["ok"] and refused(entry["error"], made).kind == "FAULT":
                    return f"{name!r}: {entry['error']!r}"
                if entry["ok"] and (wrong := picture_fault(archive.read(entry["file"]), made)):
                    return f"{name!r}: {wrong}"
        return "" if "left out: 1 .txt" in said else f"notes.txt was left out without a word: {said!r}"


def film_fault(content: bytes, still: bool = False) -> str:
    """What is wrong with a film, or ""; one in which nothing moves may have one frame."""
    if AI_NOTE.encode() not in content:
        return "the film is not marked as made by AI"
    if content[4:8] == b"ftyp":
        with av.open(io.BytesIO(content)) as file:
            count, size = sum(1 for _ in file.decode(video=0)), file.streams.video[0].codec_context.width
    else:
        with Image.open(io.BytesIO(content)) as film:
            count, size = getattr(film, "n_frames", 1), film.width
    return "" if count > 1 - still and size > 1 else f"a film of {count} frames, {size} px wide"


def _odd(said: str) -> str:
    return said if any(sign in said for sign in WARNED) else ""

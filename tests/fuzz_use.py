"""Uses the library, the terminal commands and the app as odd but honest users do, for as long as asked.

    python tests/fuzz_use.py --minutes 60          # tests/test_fuzz_use.py has a short form

Photos of one to nine people in all shapes, formats, colour modes, orientations, profiles and file names; albums of one
to eight photos with labels of all kinds; and environments without a home, a place for caches, or UTF-8. What must hold:
an intact photo is edited, at its size and upright, grey stays grey, the file is marked as AI-made; anything else is
told in one plain sentence; no photo of an album is lost without a word. Ends with 1 if something did not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from skimage import data

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rbvae.__main__ import main as command  # noqa: E402
from rbvae.images.ai_metadata import AI_NOTE  # noqa: E402
from rbvae.images.decoding import load_photo  # noqa: E402
from tests.hostile_run import plain  # noqa: E402

FACE = Image.fromarray(data.astronaut()).crop((100, 0, 356, 256))
MODES = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("RGB", "L", "CMYK", "RGBA"),
    "BMP": ("RGB", "L"),
    "GIF": ("P", "L"),
    "AVIF": ("RGB",),
}
SUFFIXES = {"JPEG": ("jpg", "JPG", "jpeg", "jfif", "jpe"), "TIFF": ("tif", "tiff", "TIF"), "WEBP": ("webp", "jpg")}
NAMES = (
    "me", "Ich und Du", "naïve",
    "nai\u0308ve", "日本", "😀", "-o", "a.b.c", ".hidden", "#1", "100%", "it's", "[x]", "a&b",
    "x" * 120, " lead", "trail ", "\udce9t\udce9", "new\nline", "tab\t", "$HOME", "~", "*", "?",
)  # fmt: skip
WORDS = ("neutral", "Neutral ", "happiness", "HAPPY", "surprise", "smirk", "", "0")


@dataclass(frozen=True)
class Photo:
    """An intact photo: its file's name and bytes, what it is made of, and how many people it shows, how large."""

    name: str
    content: bytes
    about: str
    people: int
    face: int
    size: tuple[int, int]
    grey: bool


def photo(rng: random.Random) -> Photo:
    """One photo, of people in a row or a column."""
    people, face = rng.choice((1, 1, 1, 2, 3, 5, 9)), rng.choice((70, 110, 180, 256))
    gap = rng.choice((1.0, 1.4, 3.0))
    width, height = round(people * gap * face), round(rng.choice((1.0, 1.3, 2.0)) * face)
    picture = Image.new("RGB", (width, height), tuple(rng.randrange(60, 200) for _ in range(3)))
    one = FACE.resize((face, face), Image.Resampling.LANCZOS)
    for k in range(people):
        picture.paste(one, (round((k + 0.5) * gap * face - face / 2), (height - face) // 2))
    kind = rng.choice(list(MODES))
    mode, turn, options, about = rng.choice(MODES[kind]), 1, {}, []
    if kind in ("JPEG", "WEBP", "PNG", "TIFF") and rng.random() < 0.4:
        turn = rng.choice((3, 6, 8))
        exif = Image.Exif()
        exif[0x0112] = turn
        options["exif"] = exif.tobytes()
    stored = picture.rotate({1: 0, 3: 180, 6: 90, 8: 270}[turn], expand=True)
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(stored.convert("L")).astype(np.uint16) * 257)
    elif mode in ("RGBA", "LA"):
        stored = stored.convert(mode)
        stored.putalpha(rng.choice((255, 255, 128)))
    else:
        stored = stored.convert(mode)
    if mode == "RGB" and rng.random() < 0.3:
        options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        options["icc_profile"] += bytes(rng.choice((0, 0, 2 << 20))) if kind == "PNG" else b""
    if kind == "PNG" and rng.random() < 0.3:
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Comment", "a" * rng.choice((10, 2 << 20)), zip=rng.random() < 0.5)
    stream = io.BytesIO()
    stored.save(stream, kind, **options)
    name = f"{rng.choice(NAMES)}.{rng.choice(SUFFIXES.get(kind, (kind.lower(),)))}"
    about = f"{people} people of {face} px, gap {gap}, {kind} {mode}, orientation {turn}, {sorted(options)}"
    grey = mode in ("L", "LA", "I;16")
    return Photo(name, stream.getvalue(), about, people, face, (width, height), grey)


class Fuzz:
    """Rounds of use with one checkpoint; `wrong` says what did not hold, `count` what was done."""

    def __init__(self, folder: Path, checkpoint: Path, seed: int = 0) -> None:
        self.folder, self.checkpoint, self.rng = folder, checkpoint, random.Random(seed)
        self.count: Counter[str] = Counter()
        self.wrong: list[str] = []

    def round(self, number: int) -> None:
        """One photo for a command, and now and then an album or an environment."""
        made = photo(self.rng)
        self._guarded(f"command, {made.name!r}: {made.about}", lambda: self._command(made, number))
        if number % 4 == 0:
            self._guarded(f"album {number}", lambda: self._album(number))
        if number % 4 == 2:
            self._guarded(f"environment {number}", lambda: self._environment(number))

    def _guarded(self, what: str, step: Any) -> None:
        try:
            said = step()
        except BaseException as error:  # SystemExit too
            said = "".join(traceback.format_exception_only(error)) + traceback.format_exc()[-600:]
        if said:
            self.wrong.append(f"{what}: {said}")

    def _written(self, made: Photo, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / made.name
        try:
            path.write_bytes(made.content)
        except OSError:  # a name that this file system does not take
            path = folder / f"plain.{made.name.rpartition('.')[2]}"
            path.write_bytes(made.content)
        return path

    def _command(self, made: Photo, number: int) -> str:
        path = self._written(made, self.folder / f"c{number}")
        out = path.parent / f"out.{self.rng.choice(('png', 'jpg', 'webp'))}"
        face = self.rng.randrange(made.people)
        line = ["edit", str(path), "--set", "smile=1.5", "--face", str(face), "-o", str(out)]
        said, code = self._run(["--checkpoint", str(self.checkpoint)], line)
        self.count[f"command {'edited' if code == 0 else 'refused'}"] += 1
        if code != 0:
            words = said.strip().removeprefix("rbvae: ")
            small = made.face < 100  # the faces of a large group may be too small to be found
            return "" if small and plain(words) else f"refused with {words[:300]!r}"
        if "Traceback" in said:
            return said[-400:]
        result = load_photo(out, None)
        if result.shape[1::-1] != made.size:
            return f"{result.shape[1::-1]} came back for {made.size}"
        if AI_NOTE.encode() not in out.read_bytes():
            return "not marked"
        if made.grey and np.ptp(result.astype(int), axis=2).max() > 12:
            return "a grey photo came back in colour"
        return ""

    def _run(self, checkpoint: list[str], line: list[str]) -> tuple[str, int]:
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream), contextlib.redirect_stdout(io.StringIO()):
            code = command([line[0], *checkpoint, *line[1:]])
        return stream.getvalue(), code

    def _album(self, number: int) -> str:
        from training.prepare_faces import main as prepare

        root, rows = self.folder / f"a{number}", []
        people = self.rng.randrange(1, 9)
        for k in range(people):
            made = photo(self.rng)
            path = self._written(made, root / self.rng.choice((f"person {k}", f"{k}", "flat")))
            shown = str(path.relative_to(root))
            rows.append(
                (self.rng.choice((shown, shown.replace("/", "\\"), path.stem, path.name)), self.rng.choice(WORDS))
            )
        found = sum(1 for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
        labels = self.folder / f"labels{number}.csv"
        with labels.open("w", newline="", encoding="utf-8", errors="replace") as lines:
            csv.writer(lines).writerows([("image", "expression"), *rows])
        out = self.folder / f"prepared{number}"
        line = ["--photos", str(root), "--labels", str(labels), "--out", str(out), "--size", "32", "--workers", "1"]
        stream = io.StringIO()
        with contextlib.redirect_stderr(stream), contextlib.redirect_stdout(stream):
            code = _code(lambda: prepare(line))
        self.count[f"album {'prepared' if code == 0 else 'refused'}"] += 1
        if code != 0 or not (out / "dataset.json").exists():
            last = stream.getvalue().strip().splitlines()[-1] if stream.getvalue().strip() else ""
            return "" if last.startswith("error: no face found") else f"ended with {code} {last[:300]!r}"
        known = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
        counted = known["faces"] + known["skipped"]
        if counted < found and not known["left_out"]:
            return f"{found} photos, of which {counted} are accounted for"
        if known["identities"] > 1 and len(known["splits"]) < 2:
            return f"an empty side: {known['splits']}"
        return ""

    def _environment(self, number: int) -> str:
        nowhere = self.folder / "nowhere"
        changes = {
            "HOME": self.rng.choice((None, "/nonexistent", str(nowhere))),
            "XDG_CACHE_HOME": self.rng.choice((None, "/proc")),
            "PYTHONIOENCODING": self.rng.choice((None, "cp1252", "ascii")),
            "LC_ALL": self.rng.choice((None, "C", "POSIX")),
            "HTTP_PROXY": self.rng.choice((None, "http://127.0.0.1:9")),
            "ALL_PROXY": self.rng.choice((None, "socks5://127.0.0.1:9")),
            "COLUMNS": self.rng.choice((None, "1", "x")),
        }
        environment = {name: value for name, value in os.environ.items() if name not in changes}
        environment |= {name: value for name, value in changes.items() if value is not None}
        made = photo(random.Random(3))  # one whose face is found
        path = self._written(made, self.folder / f"e{number}")
        out = path.parent / f"{self.rng.choice(NAMES[:5])}.png"
        line = [sys.executable, "-m", "rbvae", "edit", str(path), "--checkpoint", str(self.checkpoint)]
        line += ["--set", "smile=1", "-o", str(out)]
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, timeout=300)
        self.count["environment"] += 1
        words = done.stderr.decode(errors="replace")
        if done.returncode != 0 or "Traceback" in words or not out.exists():
            given = {name: value for name, value in changes.items() if value}
            return f"{given}, {out.name!r}: ended with {done.returncode} {words[-400:]!r}"
        return ""


def _code(call: Any) -> int:
    try:
        return int(call() or 0)
    except SystemExit as error:
        return int(error.code or 0) if not isinstance(error.code, str) else 2
    except Exception as error:  # what run_command would print
        print(f"error: {error}")
        return 2


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints" / "faces")
    options = parser.parse_args()
    end, number = time.monotonic() + 60 * options.minutes, 0
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Fuzz(Path(folder), options.checkpoint, options.seed)
        while time.monotonic() < end:
            fuzz.round(number)
            number += 1
            for said in fuzz.wrong[-1:] if number % 10 == 0 else []:
                print(f"after {number} rounds, {len(fuzz.wrong)} wrong, the last: {said}", flush=True)
    print("\n".join(fuzz.wrong))
    print(f"{number} rounds: {dict(fuzz.count)}, {len(fuzz.wrong)} wrong")
    return 1 if fuzz.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

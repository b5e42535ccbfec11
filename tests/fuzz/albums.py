"""Odd albums: one to twelve photos with labels of all kinds, prepared and evaluated."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path

from rbvae.images.folders import SUFFIXES
from tests.fuzz.outcomes import Outcome, fault, judged, refused
from tests.fuzz.photos import photo, plain_photo
from training.engine.cli import run_command
from training.evaluate import main as evaluate
from training.prepare_faces import main as prepare

WORDS = ("neutral", "Neutral ", "happiness", "HAPPY", "surprise", "smirk", "", "0", "naïve")
FOLDERS = ("", "flat", "Ana", "Bo Li", "日本", "train", "test", "person.1", "a/b", "0", "it's")
WARNED = ("Traceback", "Warning")


class Albums:
    """Cases for one checkpoint of faces, in the process itself."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        self.folder, self.checkpoint = folder, checkpoint

    def case(self, rng: random.Random, number: int) -> tuple[str, Outcome]:
        """Prepares one album, and evaluates the checkpoint on it."""
        folder = self.folder / f"album-{number}"
        root, rows, paths = folder / "photos", [("image", "expression")], {}
        for k in range(rng.randint(1, 12)):
            made = photo(rng) if rng.random() < 0.7 else plain_photo()
            path = made.written(root / rng.choice((*FOLDERS, f"person {k}", f"person {k}")))
            paths[path] = made
            given = rng.choice((str(path.relative_to(root)), str(path.relative_to(root)).replace("/", "\\"), path.name))
            rows.append((given, rng.choice(WORDS)))
        listed = [path for path in paths if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
        about = f"album of {[str(path.relative_to(root)) for path in paths]}: {[made.about for made in paths.values()]}"
        out = folder / "prepared"
        line = ["--photos", str(root), "--out", str(out), "--size", "96", "--workers", "1"]
        if rng.random() < 0.7:
            line += ["--labels", str(_labels(folder, rows))]
        said, code = _run(prepare, line)
        if code != 0:
            large = any(paths[path].clear for path in listed)
            sentence = said.removeprefix("error: ")
            return about, fault(f"prepare_faces ended with {code}: {said!r}") if large else refused(sentence)
        if wrong := album_fault(out, len(paths), len(listed)):
            return about, fault(wrong)
        if any(sign in said for sign in WARNED):
            return about, fault(f"prepare_faces said {said!r}")
        return about, self._evaluated(rng, out, folder)

    def _evaluated(self, rng: random.Random, data: Path, folder: Path) -> Outcome:
        scores = folder / "scores.json"
        line = ["--checkpoint", str(self.checkpoint), "--data", str(data), "--json", str(scores)]
        said, code = _run(evaluate, [*line, *rng.choice(([], ["--quick"]))])
        if code != 0:
            return refused(said.removeprefix("error: "))
        shown = json.loads(scores.read_text(), parse_constant=lambda name: fault(f"{name} among the scores"))
        if "test_images" not in shown or any(sign in said for sign in WARNED):
            return fault(f"evaluate gave {sorted(shown)} and said {said!r}")
        return judged("")


def _run(main: Callable[[list[str]], int], line: list[str]) -> tuple[str, int]:
    """Runs a command; returns what it said on standard error, or only its end if it failed, and its code."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("always")
        try:
            code = run_command(main, line)
        except SystemExit as error:
            code = int(error.code or 0)
    return (said.getvalue() if code == 0 else (said.getvalue().strip().splitlines() or [""])[-1]), code


def _labels(folder: Path, rows: list[tuple[str, str]]) -> Path:
    path = folder / "labels.csv"
    with path.open("w", newline="", encoding="utf-8", errors="replace") as lines:
        csv.writer(lines).writerows(rows)
    return path


def album_fault(prepared: Path, photos: int, listed: int) -> str:
    """What is wrong with a prepared album of so many photos, of which so many have a picture's suffix; or ""."""
    known = json.loads((prepared / "dataset.json").read_text(encoding="utf-8"))
    counted = known["faces"] + known["skipped"]
    if counted != listed or (photos > listed and not known["left_out"]):
        return f"{photos} photos, of which {counted} are accounted for, and left out: {known['left_out']}"
    with (prepared / "skipped.csv").open(newline="", encoding="utf-8") as lines:
        if len(list(csv.DictReader(lines))) != known["skipped"]:
            return "skipped.csv does not name every photo that is skipped"
    if known["identities"] > 1 and len(known["splits"]) < 2:
        return f"an empty side: {known['splits']}"
    return "" if known["references"] else "no reference"

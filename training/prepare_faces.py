"""Folder of photos -> aligned, described, packed faces, and a list of what was skipped and why.

    python training/prepare_faces.py --photos photos/lfw --out data/lfw96 --size 96

Any folder of photos will do. In the layouts that LFW (NAME/NAME_0001.jpg), FER-2013 (train/CLASS/ID.jpg) and AffectNet
(annotations/ID_exp.npy beside images/, or its CSV as --labels) are published in, people, labels and splits are read
from the paths.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import io
import json
import math
import multiprocessing
import os
import re
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rbvae.alignment import align, crop
from rbvae.errors import ConfigError, DatasetError, RbvaeError
from rbvae.images import load_photo
from rbvae.landmarks import Face, FaceLandmarker, expression_energy, landmarker_bundle

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"}
SPLITS = {"train": "train", "training": "train", "train_set": "train"} | dict.fromkeys(
    ("test", "testing", "val", "valid", "validation", "val_set", "publictest", "privatetest"), "test"
)
AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")  # its codes 0 to 7
EXPRESSIONS = {*AFFECTNET, "angry", "happy", "sad", "surprised", "fearful", "disgusted", "contemptuous"}
TEST_SHARE = 0.1
PERSON_MAX = 1000  # a folder with more photos than this does not stand for one person
CHUNK = 32
ROWS = 2000  # a row group
SHARD_BYTES = 250_000_000
FORMAT = "rbvae-faces"

SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("source", pa.string()),
        ("label", pa.string()),
        ("blendshapes", pa.list_(pa.float32(), 52)),
        ("energy", pa.float32()),
        ("yaw", pa.float32()),
        ("pitch", pa.float32()),
        ("roll", pa.float32()),
        ("face_size", pa.float32()),
        ("faces", pa.int32()),
        ("identity", pa.string()),
        ("split", pa.string()),
        ("reference", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Settings:
    """What to prepare, and how; `reference` is "mined", "labels" or a folder inside `photos`."""

    photos: Path
    target: Path
    labels: Path | None = None
    size: int = 96
    workers: int | None = None
    reference: str = "mined"
    reference_energy: float = 0.6
    limit: int | None = None
    seed: int = 0

    def validate(self) -> None:
        """Raises ConfigError or DatasetError for the first thing that cannot work."""
        if not 32 <= self.size <= 256 or self.size % 8:
            raise ConfigError(f"--size is {self.size}; use a multiple of 8 from 32 to 256")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"--workers is {self.workers}; use 1 or more")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit is {self.limit}; use 1 or more")
        if not self.reference_energy > 0:
            raise ConfigError(f"--reference-energy is {self.reference_energy}; use a number above 0, such as 0.6")
        if not self.photos.is_dir():
            raise DatasetError(f"no folder at {self.photos}; --photos takes a folder of pictures")
        if self.target.exists() and not _may_replace(self.target):
            raise DatasetError(f"{self.target} exists and is not a dataset this script made; choose another --out")
        if self.reference not in ("mined", "labels"):
            folder = self.reference_folder()
            if not folder.is_dir():
                raise DatasetError(f"no folder at {self.reference}; --reference takes mined, labels or a folder")
            if not folder.resolve().is_relative_to(self.photos.resolve()):
                raise DatasetError(f"--reference {self.reference} is not inside --photos {self.photos}; move it there")

    def reference_folder(self) -> Path:
        """The folder of reference photos, given whole or relative to `photos`."""
        inside = self.photos / self.reference
        return inside if inside.is_dir() else Path(self.reference)


@dataclass(frozen=True)
class Photo:
    """One picture file and what its place and the labels say about it."""

    path: Path
    source: str
    label: str
    identity: str
    split: str
    listed_reference: bool


def prepare_faces(settings: Settings, console: Console | None = None) -> dict[str, Any]:
    """Align and describe every face of a folder into Parquet shards; returns what dataset.json holds.

    The result appears at `settings.target` in one piece or not at all. Raises ConfigError, DatasetError or
    LandmarkerError.
    """
    settings.validate()
    started = time.monotonic()
    photos = list_photos(settings)
    if settings.reference == "labels" and not any(photo.listed_reference for photo in photos):
        raise DatasetError("no photo is labelled neutral; give --labels with such photos, or --reference mined")
    bundle = landmarker_bundle()  # before any worker needs it: fetched once, refused once
    settings.target.resolve().parent.mkdir(parents=True, exist_ok=True)
    partial_folder = settings.target.resolve().with_name(f".{settings.target.resolve().name}.{os.getpid()}.partial")
    shutil.rmtree(partial_folder, ignore_errors=True)
    partial_folder.mkdir()
    try:
        tally = _Tally()
        with _Shards(partial_folder) as shards, contextlib.closing(_outcomes(photos, settings, bundle)) as outcomes:
            for outcome in _progress(outcomes, len(photos), console):
                tally.add(outcome)
                if outcome.row is not None:
                    shards.add(outcome.row)
        if not tally.rows:
            raise DatasetError(f"no face found in any of the {len(photos)} pictures in {settings.photos}")
        description = tally.describe(settings, time.monotonic() - started)
        description["megabytes"] = round(sum(f.stat().st_size for f in partial_folder.iterdir()) / 1e6, 2)
        (partial_folder / "dataset.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        tally.write_skipped(partial_folder / "skipped.csv")
        _put_in_place(partial_folder, settings.target.resolve())
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
    return description


def list_photos(settings: Settings) -> list[Photo]:
    """Every picture file under `settings.photos`, sorted, with its label, identity, split and reference folder."""
    root = settings.photos
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in EXTENSIONS and p.name[0] != "." and p.is_file())
    if not paths:
        raise DatasetError(f"no pictures in {root}; it needs files such as .jpg or .png")
    labels = read_labels(settings.labels) if settings.labels else {}
    sources = [path.relative_to(root).as_posix() for path in paths]
    identities = identify(sources)
    splits = _splits(sources, identities, settings.seed)
    folder = None if settings.reference in ("mined", "labels") else settings.reference_folder().resolve()
    photos = []
    for path, source, identity, split in zip(paths, sources, identities, splits, strict=True):
        label = labels.get(source) or labels.get(path.name) or _label_from_place(path)
        listed = path.resolve().is_relative_to(folder) if folder else label.lower() == "neutral"
        photos.append(Photo(path, source, label, identity, split, listed))
    if settings.limit is not None and settings.limit < len(photos):
        chosen = np.random.default_rng(settings.seed).choice(len(photos), settings.limit, replace=False)
        photos = [photos[i] for i in sorted(chosen)]
    return photos


def read_labels(path: Path) -> dict[str, str]:
    """A CSV with the columns image, expression (or AffectNet's subDirectory_filePath) -> label by name or path."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            columns = rows.fieldnames or []
            image = next((name for name in ("image", "subDirectory_filePath") if name in columns), None)
            if image is None or "expression" not in columns:
                raise DatasetError(f"{path} has the columns {', '.join(columns) or 'none'}; it needs image,expression")
            return {row[image]: _label(row["expression"] or "", image != "image") for row in rows if row[image]}
    except FileNotFoundError as error:
        raise DatasetError(f"no file at {path}; --labels takes a CSV with the columns image,expression") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{path} cannot be read as a CSV ({error}); it needs the columns image,expression"
        ) from error


def identify(sources: list[str]) -> list[str]:
    """Relative paths -> who each photo shows: its folder's name, else its own name without a number such as _0001.

    A folder named after an expression, or a name that over PERSON_MAX or over half of the photos share, is no person:
    there every photo stands for itself.
    """

    def person(source: str) -> str:
        path = PurePosixPath(source)
        if path.parent.name.lower() in EXPRESSIONS | SPLITS.keys():
            return str(path.with_suffix(""))
        return path.parent.name or re.sub(r"_\d+$", "", path.stem)

    people = [person(source) for source in sources]
    most = min(PERSON_MAX, len(sources) / 2)
    crowds = {name for name, count in Counter(people).items() if count > most}
    return [
        str(PurePosixPath(source).with_suffix("")) if name in crowds else name
        for name, source in zip(people, sources, strict=True)
    ]


def split_of(identity: str, seed: int) -> str:
    """The same person always falls on the same side, on every machine: 'train', or 'test' one time in ten."""
    digest = hashlib.sha256(f"{seed}/{identity}".encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") < TEST_SHARE * 2**64 else "train"


def central_face(faces: list[Face], height: int, width: int) -> Face:
    """The face a photo is of: the largest, where one at the edge counts for less than one at the centre."""

    def weight(face: Face) -> float:
        left, top, right, bottom = face.box
        distance = math.hypot((left + right - width) / 2, (top + bottom - height) / 2)
        return face.size * math.exp(-((distance / (0.3 * math.hypot(width, height))) ** 2))

    return max(faces, key=weight)


def encode(pixels: np.ndarray) -> bytes:
    """uint8 [S, S, 3] -> WebP. On 400 LFW crops at 96 px: 2.3 kB and 40 dB; JPEG needs 3.0 kB for the same, AVIF
    saves a tenth but takes five times as long. Smaller crops afford a higher quality."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=90 if len(pixels) > 80 else 96, method=6)
    return stream.getvalue()


@dataclass(frozen=True)
class Outcome:
    """What became of one photo: a row of the dataset, or the reason it was skipped."""

    photo: Photo
    row: dict[str, Any] | None
    reason: str = ""


def _prepare(photo: Photo, landmarker: FaceLandmarker, settings: Settings) -> Outcome:
    try:
        pixels = load_photo(photo.path.read_bytes())
        faces = landmarker.detect(pixels)
        if not faces:
            return Outcome(photo, None, "no face found")
        face = central_face(faces, *pixels.shape[:2])
        image = encode(crop(pixels, align(face.points, settings.size)))
    except (RbvaeError, OSError, ValueError, MemoryError) as error:
        return Outcome(photo, None, " ".join(str(error).split()) or type(error).__name__)
    energy = float(expression_energy(face.blendshapes))
    row = {
        "image": {"bytes": image, "path": str(PurePosixPath(photo.source).with_suffix(".webp"))},
        "source": photo.source,
        "label": photo.label,
        "blendshapes": face.blendshapes,
        "energy": energy,
        "yaw": face.yaw,
        "pitch": face.pitch,
        "roll": face.roll,
        "face_size": face.size,
        "faces": len(faces),
        "identity": photo.identity,
        "split": photo.split,
        "reference": energy < settings.reference_energy if settings.reference == "mined" else photo.listed_reference,
    }
    return Outcome(photo, row)


def _outcomes(photos: list[Photo], settings: Settings, bundle: bytes) -> Iterator[Outcome]:
    """Outcomes in the order of `photos`, from as many processes as there are workers."""
    chunks = [photos[start : start + CHUNK] for start in range(0, len(photos), CHUNK)]
    workers = min(settings.workers or _cores(), len(chunks))
    if workers == 1:
        with FaceLandmarker(bundle) as landmarker:
            for photo in photos:
                yield _prepare(photo, landmarker, settings)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context)
    try:
        with _interrupts_deferred():
            prepared = pool.map(partial(_prepare_chunk, settings=settings), chunks)
        for outcomes in prepared:
            yield from outcomes
    except BrokenProcessPool as error:
        raise DatasetError("a worker process died, perhaps for want of memory; use fewer --workers") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Ctrl-C waits until the end; processes started in here never get it: the parent does, and stops them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_worker: list[FaceLandmarker] = []  # this process's landmarker, once it is needed


def _prepare_chunk(photos: list[Photo], settings: Settings) -> list[Outcome]:
    if not _worker:
        cv2.setNumThreads(1)
        _worker.append(FaceLandmarker())
    return [_prepare(photo, _worker[0], settings) for photo in photos]


class _Shards:
    """Parquet files, one series a split, numbered when their count is known."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
        self._written = {"train": 0, "test": 0}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._paths: dict[str, list[Path]] = {"train": [], "test": []}
        self._schema = SCHEMA.with_metadata({"huggingface": json.dumps({"info": {"features": _features()}})})

    def __enter__(self) -> _Shards:
        return self

    def add(self, row: dict[str, Any]) -> None:
        """Queue one row for its split; a full row group is written at once."""
        self._rows[row["split"]].append(row)
        if len(self._rows[row["split"]]) >= ROWS:
            self._flush(row["split"])

    def __exit__(self, failure: object, *_: object) -> None:
        for split in self._rows:
            if failure is None:
                self._flush(split)
        for writer in self._writers.values():
            writer.close()
        for split, paths in self._paths.items():
            for number, path in enumerate(paths):
                path.rename(self._folder / f"{split}-{number:05d}-of-{len(paths):05d}.parquet")

    def _flush(self, split: str) -> None:
        rows, self._rows[split] = self._rows[split], []
        if not rows:
            return
        if split not in self._writers:
            self._paths[split].append(self._folder / f"{split}-{len(self._paths[split])}.unnumbered")
            self._writers[split] = pq.ParquetWriter(self._paths[split][-1], self._schema, compression="zstd")
            self._written[split] = 0
        self._writers[split].write_table(pa.Table.from_pylist(rows, schema=self._schema), row_group_size=ROWS)
        self._written[split] += sum(len(row["image"]["bytes"]) for row in rows)
        if self._written[split] > SHARD_BYTES:
            self._writers.pop(split).close()


class _Tally:
    """What happened to every photo, counted."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.skipped: list[tuple[str, str]] = []

    def add(self, outcome: Outcome) -> None:
        if outcome.row is None:
            self.skipped.append((outcome.photo.source, outcome.reason))
        else:
            kept = ("label", "energy", "identity", "split", "reference")
            self.rows.append({name: outcome.row[name] for name in kept})

    def describe(self, settings: Settings, seconds: float) -> dict[str, Any]:
        references = [row for row in self.rows if row["reference"]]
        labelled = [row["label"].lower() == "neutral" for row in references if row["label"]]
        packages = ("mediapipe", "numpy", "opencv-python", "pillow", "pyarrow")
        return {
            "format": FORMAT,
            "faces": len(self.rows),
            "skipped": len(self.skipped),
            "skipped_by_reason": dict(Counter(_kind(reason) for _, reason in self.skipped).most_common()),
            "splits": dict(Counter(row["split"] for row in self.rows)),
            "identities": len({row["identity"] for row in self.rows}),
            "labels": dict(Counter(row["label"] for row in self.rows if row["label"]).most_common()),
            "references": len(references),
            "references_by_split": dict(Counter(row["split"] for row in references)),
            "references_labelled": len(labelled),
            "references_labelled_neutral": round(sum(labelled) / len(labelled), 4) if labelled else None,
            "mean_energy": round(float(np.mean([row["energy"] for row in self.rows])), 4),
            "settings": {key: str(v) if isinstance(v, Path) else v for key, v in asdict(settings).items()},
            "versions": {name: _version(name) for name in packages} | {"python": sys.version.split()[0]},
            "seconds": round(seconds, 1),
        }

    def write_skipped(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([("path", "reason"), *self.skipped])


def _kind(reason: str) -> str:
    """A skip reason without the file's own details, so that like is counted with like."""
    for phrase in ("no face found", "not a picture that can be read", "damaged and cannot be decoded", "megapixels"):
        if phrase in reason:
            return "too many megapixels" if phrase == "megapixels" else phrase
    return "other"


def _features() -> dict[str, Any]:
    """The columns as the Hub's `datasets` library names them, so that it shows pictures."""
    names = {"string": "string", "float": "float32", "int32": "int32", "bool": "bool"}
    features: dict[str, Any] = {
        field.name: {"dtype": names[str(field.type)], "_type": "Value"} for field in SCHEMA if str(field.type) in names
    }
    features["image"] = {"_type": "Image"}
    features["blendshapes"] = {"feature": {"dtype": "float32", "_type": "Value"}, "length": 52, "_type": "Sequence"}
    return {field.name: features[field.name] for field in SCHEMA}


def _splits(sources: list[str], identities: list[str], seed: int) -> list[str]:
    """The published split where the top folders name both sides, else one by identity."""
    published = [SPLITS.get(source.split("/")[0].lower()) if "/" in source else None for source in sources]
    if {"train", "test"} == set(published):
        return [str(split) for split in published]
    return [split_of(identity, seed) for identity in identities]


def _label_from_place(path: Path) -> str:
    """The label that the folder (FER-2013) or a file beside it (AffectNet) gives a photo, or ''."""
    if path.parent.name.lower() in EXPRESSIONS:
        return path.parent.name.lower()
    beside = path.parent.parent / "annotations" / f"{path.stem}_exp.npy"
    if path.parent.name == "images" and beside.is_file():
        with contextlib.suppress(ValueError, OSError):
            return _label(str(np.load(beside, allow_pickle=False)), coded=True)
    return ""


def _label(text: str, coded: bool) -> str:
    text = text.strip()
    return AFFECTNET[int(text)] if coded and text.isdigit() and int(text) < len(AFFECTNET) else text


def _may_replace(folder: Path) -> bool:
    """Whether a folder is empty or holds an earlier result of this script."""
    if not folder.is_dir():
        return False
    try:
        return json.loads((folder / "dataset.json").read_text(encoding="utf-8"))["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        return not any(folder.iterdir())


def _put_in_place(made: Path, target: Path) -> None:
    """Rename the finished folder to its name; an earlier result goes only once the new one stands."""
    earlier = made.with_suffix(".earlier")
    if target.exists():
        target.rename(earlier)
    made.rename(target)
    shutil.rmtree(earlier, ignore_errors=True)


def _progress(outcomes: Iterator[Outcome], total: int, console: Console | None) -> Iterator[Outcome]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True)) as progress:
        task = progress.add_task("faces", total=total, speed="")
        started = time.monotonic()
        for done, outcome in enumerate(outcomes, start=1):
            yield outcome
            speed = f"{done / (time.monotonic() - started):.0f} faces/s"
            progress.update(task, advance=1, speed=speed)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(package: str) -> str | None:
    with contextlib.suppress(ImportError):
        return version(package)
    return None


def summary(description: dict[str, Any]) -> str:
    """dataset.json's content -> the line or two a person wants to read."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in description["skipped_by_reason"].items())
    share = description["references_labelled_neutral"]
    lines = [
        f"{description['faces']} faces, {description['skipped']} skipped{f' ({reasons})' if reasons else ''}, "
        f"{description['references']} references, {description['megabytes']:.1f} MB, {description['seconds']:.0f} s"
    ]
    if share is not None:
        lines.append(f"{share:.0%} of the {description['references_labelled']} labelled references are neutral")
    if not description["references"]:
        lines.append("no references: training needs some; raise --reference-energy or name them with --reference")
    return "\n".join(lines)


def parse(argv: list[str] | None) -> Settings:
    """Command line -> Settings."""
    parser = argparse.ArgumentParser(
        description="Find, align, describe and pack every face of a folder of photos.",
        epilog="example: python training/prepare_faces.py --photos photos/lfw --out data/lfw96 --size 96",
    )
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="folder of photos, searched deeply")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="columns image,expression; image: name or path")
    parser.add_argument("--out", dest="target", type=Path, required=True, metavar="DIR", help="where the dataset goes")
    parser.add_argument("--size", type=int, default=96, help="side of the crops, a multiple of 8 (default: 96)")
    parser.add_argument("--workers", type=int, help="processes (default: one a core)")
    parser.add_argument(
        "--reference",
        default="mined",
        metavar="{mined,labels,DIR}",
        help="neutral faces: those of low expression energy, those labelled neutral, or a folder (default: mined)",
    )
    parser.add_argument(
        "--reference-energy", type=float, default=0.6, metavar="E", help="mined: below this energy (default: 0.6)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only N photos, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0, help="of the split into train and test, and of --limit")
    return Settings(**vars(parser.parse_args(argv)))


def main(argv: list[str] | None = None) -> int:
    """Exit code 0, 2 for what the user can mend (one line on stderr), 130 when interrupted."""
    settings = parse(argv)
    try:
        print(summary(prepare_faces(settings)))
    except (RbvaeError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a polite kill cleans up like Ctrl-C
    sys.exit(main())

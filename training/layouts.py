"""Which photos a folder holds, and what their places say: who each shows, its label, train or test.

The layouts that LFW (NAME/NAME_0001.jpg), FER-2013 (train/CLASS/ID.jpg) and AffectNet (annotations/ID_exp.npy beside
images/, or its CSV) are published in are known; any other folder of photos will do.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from rbvae.errors import DatasetError

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"}
SPLITS = {"train": "train", "training": "train", "train_set": "train"} | dict.fromkeys(
    ("test", "testing", "val", "valid", "validation", "val_set", "publictest", "privatetest"), "test"
)
AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")  # its codes 0 to 7
EXPRESSIONS = {*AFFECTNET, "angry", "happy", "sad", "surprised", "fearful", "disgusted", "contemptuous"}
TEST_SHARE = 0.1
PERSON_MAX = 1000  # a folder with more photos than this does not stand for one person


@dataclass(frozen=True)
class Photo:
    """One picture file and what its place and the labels say about it."""

    path: Path
    source: str
    label: str
    identity: str
    split: str
    listed_reference: bool


def list_photos(
    root: Path,
    labels: Path | None = None,
    reference: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> list[Photo]:
    """Every picture file under `root`, sorted, or `limit` of them; `seed` is of that draw and of the split.

    The listed references are the photos in the folder `reference`, or without one those labelled neutral. Raises
    DatasetError for a folder without pictures and for `labels` that are no CSV.
    """
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in EXTENSIONS and p.name[0] != "." and p.is_file())
    if not paths:
        raise DatasetError(f"no pictures in {root}; it needs files such as .jpg or .png")
    label_of = read_labels(labels) if labels else {}
    sources = [path.relative_to(root).as_posix() for path in paths]
    identities = identify(sources)
    splits = _splits(sources, identities, seed)
    folder = reference.resolve() if reference else None
    photos = []
    for path, source, identity, split in zip(paths, sources, identities, splits, strict=True):
        label = label_of.get(source) or label_of.get(path.name) or _label_from_place(path)
        listed = path.resolve().is_relative_to(folder) if folder else label.lower() == "neutral"
        photos.append(Photo(path, source, label, identity, split, listed))
    if limit is not None and limit < len(photos):
        chosen = np.random.default_rng(seed).choice(len(photos), limit, replace=False)
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

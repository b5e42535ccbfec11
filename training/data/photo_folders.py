"""Which photos a folder holds, and what their places say: who each shows, its label, train or test.

The published layouts of LFW (NAME/NAME_0001.jpg), UTKFace (AGE_SEX_ETHNICITY_TIME.jpg), FER-2013 (train/CLASS/ID.jpg)
and AffectNet (annotations/ID_exp.npy beside images/, or its CSV) are known; any other folder of photos will do.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import itertools
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
UTKFACE = re.compile(r"(?P<age>\d{1,3})_(?:(?P<sex>[01])?_)?(?:(?P<ethnicity>[0-4])?_)?(?P<time>\d{12,})\D*")
SEXES = ("male", "female")  # UTKFace's codes 0 and 1
ETHNICITIES = ("white", "black", "asian", "indian", "other")  # its codes 0 to 4


@dataclass(frozen=True)
class Attributes:
    """What is known of a person: `age` in years, `sex` from SEXES, `ethnicity` from ETHNICITIES; None where unknown."""

    age: int | None = None
    sex: str | None = None
    ethnicity: str | None = None


@dataclass(frozen=True)
class Photo:
    """One picture file and what its place and the labels say about it."""

    path: Path
    source: str
    label: str
    identity: str
    split: str
    listed_reference: bool
    attributes: Attributes = Attributes()


def list_datasets(
    roots: Sequence[Path],
    labels: Path | None = None,
    reference: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> list[Photo]:
    """The photos of several folders, as `list_photos` gives those of one, or `limit` of them all.

    With more than one folder, sources and identities start with the folder's name, made unique, so that people of two
    datasets never coincide. Raises DatasetError as `list_photos`.
    """
    if len(roots) == 1:
        return list_photos(roots[0], labels, reference, limit, seed)
    photos = []
    for root, name in zip(roots, unique_names(roots), strict=True):
        for photo in list_photos(root, labels, reference, seed=seed):
            photos.append(replace(photo, source=f"{name}/{photo.source}", identity=f"{name}/{photo.identity}"))
    return _drawn(photos, limit, seed)


def unique_names(roots: Sequence[Path]) -> list[str]:
    """A name for each folder: its own, and a number where an earlier folder has the same."""
    names: list[str] = []
    for root in roots:
        name = root.resolve().name or "photos"
        same = (f"{name}-{number}" for number in itertools.count(2))
        names.append(name if name not in names else next(other for other in same if other not in names))
    return names


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
    sources = [_readable(path.relative_to(root).as_posix()) for path in paths]
    identities = identify(sources)
    splits = _splits(sources, identities, seed)
    folder = reference.resolve() if reference else None
    photos = []
    for path, source, identity, split in zip(paths, sources, identities, splits, strict=True):
        label = label_of.get(source) or label_of.get(path.name) or _label_from_place(path)
        listed = path.resolve().is_relative_to(folder) if folder else label.lower() == "neutral"
        photos.append(Photo(path, source, label, identity, split, listed, attributes_of(path.name)))
    return _drawn(photos, limit, seed)


def attributes_of(name: str) -> Attributes:
    """What a file's name in UTKFace's layout says of the person; a field that is missing is None."""
    if not (fields := UTKFACE.fullmatch(name)):
        return Attributes()
    sex, ethnicity = fields["sex"], fields["ethnicity"]
    return Attributes(
        age=int(fields["age"]),
        sex=SEXES[int(sex)] if sex else None,
        ethnicity=ETHNICITIES[int(ethnicity)] if ethnicity else None,
    )


def _drawn(photos: list[Photo], limit: int | None, seed: int) -> list[Photo]:
    if limit is None or limit >= len(photos):
        return photos
    chosen = np.random.default_rng(seed).choice(len(photos), limit, replace=False)
    return [photos[i] for i in sorted(chosen)]


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

    Of each of UTKFace's people there is one photo. A folder named after an expression, or a name that over PERSON_MAX
    or over half of the photos share, is no person: there every photo stands for itself.
    """

    def person(source: str) -> str:
        path = PurePosixPath(source)
        if UTKFACE.fullmatch(path.name) or path.parent.name.lower() in EXPRESSIONS | SPLITS.keys():
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


def _readable(name: str) -> str:
    """A path as text that any file can hold: bytes that are no UTF-8 are written as \\xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


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

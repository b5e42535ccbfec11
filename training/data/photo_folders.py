"""Lists the photos in a folder and reads person, label and train/test split from their paths.

The published layouts of LFW (NAME/NAME_0001.jpg), UTKFace (AGE_SEX_ETHNICITY_TIME.jpg), FER-2013 (train/CLASS/ID.jpg)
and AffectNet (annotations/ID_exp.npy beside images/, or its CSV) are recognised; any other folder of photos works too.
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
AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")  # codes 0 to 7
EXPRESSIONS = {*AFFECTNET, "angry", "happy", "sad", "surprised", "fearful", "disgusted", "contemptuous"}
TEST_SHARE = 0.1
PERSON_MAX = 1000  # a folder with more photos than this is not taken for one person
UTKFACE = re.compile(r"(?P<age>\d{1,3})_(?:(?P<sex>[01])?_)?(?:(?P<ethnicity>[0-4])?_)?(?P<time>\d{12,})\D*")
SEXES = ("male", "female")  # UTKFace's codes 0 and 1
ETHNICITIES = ("white", "black", "asian", "indian", "other")  # UTKFace's codes 0 to 4


@dataclass(frozen=True)
class Attributes:
    """A person's `age` in years, `sex` from SEXES and `ethnicity` from ETHNICITIES; None where unknown."""

    age: int | None = None
    sex: str | None = None
    ethnicity: str | None = None


@dataclass(frozen=True)
class Photo:
    """An image file with the information from its path and the label file."""

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
    """Lists the photos of several folders as `list_photos` does, or a random `limit` of them.

    With more than one folder, sources and identities start with the folder's unique name, so that people in different
    datasets stay distinct. Raises DatasetError under the same conditions as `list_photos`.
    """
    photos = []
    for root, name in zip(roots, unique_names(roots), strict=True):
        start = f"{name}/" if len(roots) > 1 else ""
        for photo in list_photos(root, labels, reference, seed):
            photos.append(replace(photo, source=start + photo.source, identity=start + photo.identity))
    if limit is None or limit >= len(photos):
        return photos
    chosen = np.random.default_rng(seed).choice(len(photos), limit, replace=False)
    return [photos[i] for i in sorted(chosen)]


def unique_names(roots: Sequence[Path]) -> list[str]:
    """Returns each folder's name, with a number appended if an earlier folder has the same name."""
    names: list[str] = []
    for root in roots:
        name = root.resolve().name or "photos"
        same = (f"{name}-{number}" for number in itertools.count(2))
        names.append(name if name not in names else next(other for other in same if other not in names))
    return names


def list_photos(root: Path, labels: Path | None = None, reference: Path | None = None, seed: int = 0) -> list[Photo]:
    """Lists every image file under `root`, sorted by path.

    `seed` determines the train/test split. Photos in the folder `reference`, or without one photos
    labelled neutral, are marked as listed references. Raises DatasetError if there are no images or `labels` is not a
    valid CSV file.
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
    return photos


def attributes_of(name: str) -> Attributes:
    """Reads age, sex and ethnicity from a file name in UTKFace's layout; missing fields are None."""
    if not (fields := UTKFACE.fullmatch(name)):
        return Attributes()
    sex, ethnicity = fields["sex"], fields["ethnicity"]
    return Attributes(
        age=int(fields["age"]),
        sex=SEXES[int(sex)] if sex else None,
        ethnicity=ETHNICITIES[int(ethnicity)] if ethnicity else None,
    )


def read_labels(path: Path) -> dict[str, str]:
    """Reads a CSV with the columns image (or AffectNet's subDirectory_filePath) and expression.

    Returns a dictionary from file name or path to label. Raises DatasetError if the file is missing or invalid.
    """
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
    """Returns the person each photo shows: its folder's name, or its file name without a number such as _0001.

    UTKFace has one photo of each person. A folder is not taken for a person if it is named after an expression or a
    split, or holds more than PERSON_MAX or more than half of the photos; each of its photos is then a person of its
    own.
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
    """Assigns a person to 'train', or with probability 0.1 to 'test'; the result is the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{identity}".encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") < TEST_SHARE * 2**64 else "train"


def _readable(name: str) -> str:
    """Returns a path as valid UTF-8 text, with invalid bytes written as \\xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _splits(sources: list[str], identities: list[str], seed: int) -> list[str]:
    """Returns the published split if the top-level folders name train and test, otherwise a split by identity."""
    published = [SPLITS.get(source.split("/")[0].lower()) if "/" in source else None for source in sources]
    if {"train", "test"} == set(published):
        return [str(split) for split in published]
    return [split_of(identity, seed) for identity in identities]


def _label_from_place(path: Path) -> str:
    """Returns a photo's label from its folder (FER-2013) or annotation file (AffectNet), or ''."""
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

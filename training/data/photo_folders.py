"""Lists the photos in a folder and reads person, label and train/test split from their paths.

The published layouts of LFW (NAME/NAME_0001.jpg), UTKFace (AGE_SEX_ETHNICITY_TIME.jpg), FER-2013 (train/CLASS/ID.jpg)
and AffectNet (annotations/ID_exp.npy beside images/, or its CSV) are recognised; any other folder of photos works too.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np

from rbvae.errors import DatasetError
from rbvae.images.folders import pictures_in
from training.data.labels import AFFECTNET, Labels, label_text, match_labels, read_labels
from training.data.splits import lone_side, split_of

SPLITS = {"train": "train", "training": "train", "train_set": "train"} | dict.fromkeys(
    ("test", "testing", "val", "valid", "validation", "val_set", "publictest", "privatetest"), "test"
)
EXPRESSIONS = {*AFFECTNET, "angry", "happy", "sad", "surprised", "fearful", "disgusted", "contemptuous"}
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


@dataclass(frozen=True)
class Listing:
    """The photos of some folders, the labels assigned to them, and a sentence on each folder's files left out."""

    photos: list[Photo]
    labels: Labels = field(default_factory=Labels)
    left_out: tuple[str, ...] = ()


def list_datasets(
    roots: Sequence[Path],
    labels: Path | None = None,
    reference: Path | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> list[Photo]:
    """Lists the photos of several folders, or a random `limit` of them; see `survey_folders`."""
    return some_of(survey_folders(roots, labels, reference, seed).photos, limit, seed)


def some_of(photos: list[Photo], limit: int | None, seed: int) -> list[Photo]:
    """Returns a random `limit` of the photos, in their order, or all of them."""
    if limit is None or limit >= len(photos):
        return photos
    chosen = np.random.default_rng(seed).choice(len(photos), limit, replace=False)
    return [photos[i] for i in sorted(chosen)]


def survey_folders(
    roots: Sequence[Path], labels: Path | None = None, reference: Path | None = None, seed: int = 0
) -> Listing:
    """Lists every image file under some folders, sorted by folder and path, and assigns the labels of a CSV file.

    `seed` determines the train/test split. Photos in the folder `reference`, or without one photos labelled neutral,
    are marked as listed references. With more than one folder, sources and identities start with the folder's unique
    name, so that people in different datasets stay distinct. Raises DatasetError if a folder has no images or `labels`
    is not a valid CSV file.
    """
    rows = read_labels(labels) if labels else []
    photos: list[Photo] = []
    left_out: list[str] = []
    for root, name in zip(roots, unique_names(roots), strict=True):
        found, others = _photos_of(root, seed)
        start = f"{name}/" if len(roots) > 1 else ""
        photos += [replace(photo, source=start + photo.source, identity=start + photo.identity) for photo in found]
        left_out += [f"{_readable(str(root))}: {others}"] if others else []
    matched = match_labels(rows, [photo.source for photo in photos])
    folder = reference.resolve() if reference else None

    def complete(photo: Photo) -> Photo:
        label = matched.of.get(photo.source) or photo.label
        listed = photo.path.resolve().is_relative_to(folder) if folder else label.lower() == "neutral"
        return replace(photo, label=label, listed_reference=listed)

    return Listing([complete(photo) for photo in photos], matched, tuple(left_out))


def unique_names(roots: Sequence[Path]) -> list[str]:
    """Returns each folder's name, with a number appended if an earlier folder has the same name."""
    names: list[str] = []
    for root in roots:
        name = _readable(root.resolve().name) or "photos"
        same = (f"{name}-{number}" for number in itertools.count(2))
        names.append(name if name not in names else next(other for other in same if other not in names))
    return names


def list_photos(root: Path, labels: Path | None = None, reference: Path | None = None, seed: int = 0) -> list[Photo]:
    """Lists every image file under `root`, sorted by path; see `survey_folders`."""
    return survey_folders([root], labels, reference, seed).photos


def _photos_of(root: Path, seed: int) -> tuple[list[Photo], str]:
    """Returns the photos of one folder, with the labels of their places, and a sentence on files left out."""
    pictures = pictures_in(root)
    if not pictures.paths:
        others = f" ({pictures.left_out()})" if pictures.others else ""
        raise DatasetError(f"no pictures in {_readable(str(root))}{others}; it needs files such as .jpg or .png")
    sources = [_readable(path.relative_to(root).as_posix()) for path in pictures.paths]
    identities = identify(sources)
    splits = _splits(sources, identities, seed)
    return [
        Photo(path, source, _label_from_place(path), identity, split, False, attributes_of(path.name))
        for path, source, identity, split in zip(pictures.paths, sources, identities, splits, strict=True)
    ], pictures.left_out()


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


def identify(sources: list[str]) -> list[str]:
    """Returns the person each photo shows: its folder's name, or its file name without a number such as _0001.

    UTKFace has one photo of each person. A folder is not taken for a person if it is named after an expression or a
    split, or holds more than PERSON_MAX or more than half of the photos; each of its photos is then a person of its
    own.
    """

    def person(source: str) -> str:
        path = PurePosixPath(unicodedata.normalize("NFC", source))
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


def _readable(name: str) -> str:
    """Returns a path as valid UTF-8 text, with invalid bytes written as \\xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _splits(sources: list[str], identities: list[str], seed: int) -> list[str]:
    """Returns the published split if the top-level folders name train and test, otherwise a split by identity.

    If all people fall on one side, as happens with few of them, the one nearest to the other side is moved there.
    """
    published = [SPLITS.get(source.split("/")[0].lower()) if "/" in source else None for source in sources]
    if {"train", "test"} == set(published):
        return [str(split) for split in published]
    moved = lone_side(identities, [split_of(identity, seed) for identity in identities], seed)
    return [moved.get(identity) or split_of(identity, seed) for identity in identities]


def _label_from_place(path: Path) -> str:
    """Returns a photo's label from its folder (FER-2013) or annotation file (AffectNet), or ''."""
    if path.parent.name.lower() in EXPRESSIONS:
        return path.parent.name.lower()
    beside = path.parent.parent / "annotations" / f"{path.stem}_exp.npy"
    if path.parent.name == "images" and beside.is_file():
        with contextlib.suppress(ValueError, OSError):
            return label_text(str(np.load(beside, allow_pickle=False)), coded=True)
    return ""

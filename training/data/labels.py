"""Reads a file of labels, and finds the photo that each of them means."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rbvae.errors import DatasetError, shown

AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")  # codes 0 to 7
NO_PHOTO, SEVERAL, CONTRADICTS = "match no photo", "match several photos", "contradict another label"


@dataclass
class Labels:
    """The labels of photos by source, and why others are not used: their number and an example for each reason."""

    of: dict[str, str] = field(default_factory=dict)
    unused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def leave(self, name: str, reason: str) -> None:
        """Records a label that is not used."""
        self.unused[reason] += 1
        self.examples.setdefault(reason, name)

    def unused_text(self) -> str:
        """Describes the labels that are not used in a line; "" if all are."""
        reasons = (
            f"{count} {reason} (such as {shown(self.examples[reason])})" for reason, count in self.unused.items()
        )
        return f"labels not used: {', '.join(reasons)}" if self.unused else ""


def match_labels(rows: Iterable[tuple[str, str]], sources: Sequence[str]) -> Labels:
    """Assigns labels, pairs of a photo's name and its label, to the photos `sources`, paths from their folder.

    A name may have other slashes, cases or forms of Unicode than the photo, lack its suffix, or begin at another
    folder, if that leaves one photo. A name that fits several photos labels none of them.
    """
    labels, finder = Labels(), _Finder(sources)
    exact: dict[str, bool] = {}
    for name, label in rows:
        photos, is_exact = finder.find(name)
        if len(photos) != 1:
            labels.leave(name, SEVERAL if photos else NO_PHOTO)
            continue
        (source,) = photos
        if source in labels.of and labels.of[source] != label and exact[source] == is_exact:
            labels.leave(name, CONTRADICTS)
        elif source not in labels.of or is_exact:
            labels.of[source], exact[source] = label, is_exact
    return labels


class _Finder:
    """Finds photos by names that are written differently, the most similar spelling first."""

    def __init__(self, sources: Sequence[str]) -> None:
        self._sources = sources
        self._by_name: dict[Callable[[str], str], dict[str, list[str]]] = {}

    def find(self, name: str) -> tuple[list[str], bool]:
        """Returns the photos that a name fits, and whether it is the photo's path from its folder."""
        for spelling in (_plain, _folded, _bare):
            wanted = spelling(name).split("/")
            fitting = [
                (source, parts)
                for source in self._index(spelling).get(wanted[-1], [])
                if _agree(parts := spelling(source).split("/"), wanted)
            ]
            if same := [source for source, parts in fitting if parts == wanted]:
                return same, True
            if fitting:
                longest = max(min(len(parts), len(wanted)) for _, parts in fitting)
                return [source for source, parts in fitting if min(len(parts), len(wanted)) == longest], False
        return [], False

    def _index(self, spelling: Callable[[str], str]) -> dict[str, list[str]]:
        if spelling not in self._by_name:
            index = self._by_name[spelling] = defaultdict(list)
            for source in self._sources:
                index[spelling(source).rsplit("/", 1)[-1]].append(source)
        return self._by_name[spelling]


def _agree(one: list[str], other: list[str]) -> bool:
    """Returns whether one path is the end of the other."""
    count = min(len(one), len(other))
    return one[-count:] == other[-count:]


def _plain(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./").lstrip("/")


def _folded(name: str) -> str:
    """Without differences of case and of Unicode's forms."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", _plain(name)).casefold())


def _bare(name: str) -> str:
    """As `_folded`, without the suffix."""
    path = PurePosixPath(_folded(name))
    return str(path.with_suffix("")) if path.suffix[1:].isalnum() and len(path.suffix) <= 5 else str(path)


def read_labels(path: Path) -> list[tuple[str, str]]:
    """Reads a CSV with the columns image (or AffectNet's subDirectory_filePath) and expression.

    Returns pairs of a file name or path and its label. Raises DatasetError if the file is missing or invalid.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            columns = rows.fieldnames = [name.strip() for name in rows.fieldnames or []]
            image = next((name for name in ("image", "subDirectory_filePath") if name in columns), None)
            if image is None or "expression" not in columns:
                raise DatasetError(f"{path} has the columns {', '.join(columns) or 'none'}; it needs image,expression")
            coded = image != "image"
            return [(row[image], label_text(row["expression"] or "", coded)) for row in rows if row[image]]
    except FileNotFoundError as error:
        raise DatasetError(f"no file at {path}; --labels takes a CSV with the columns image,expression") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{path} cannot be read as a CSV ({error}); it needs the columns image,expression"
        ) from error


def label_text(text: str, coded: bool) -> str:
    """Returns a label without blanks at its ends, and AffectNet's codes, if it is `coded`, as words."""
    text = text.strip()
    return AFFECTNET[int(text)] if coded and text.isdecimal() and int(text) < len(AFFECTNET) else text

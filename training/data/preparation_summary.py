"""Summarises a preparation run: statistics for dataset.json, the list of skipped photos, and a short text."""

from __future__ import annotations

import contextlib
import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from training.data.shards import FORMAT

KEPT = ("source", "label", "energy", "identity", "split", "reference", "age", "ethnicity")
AGES = (0, 3, 13, 20, 40, 60, 80)  # the lowest age of each group
GROUP_MIN = 50  # faces; in smaller groups, the fifth with the lowest energy is too few faces to be meaningful


class PreparationSummary:
    """Collects the outcome of every photo."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.skipped: list[tuple[str, str]] = []

    def keep(self, row: dict[str, Any]) -> None:
        """Records a row of the dataset."""
        self.rows.append({name: row[name] for name in KEPT})

    def skip(self, source: str, reason: str) -> None:
        """Records a photo that cannot be used."""
        self.skipped.append((source, reason))

    def move(self, sides: Mapping[str, str]) -> None:
        """Moves people to the side given for each."""
        for row in self.rows:
            row["split"] = sides.get(row["identity"], row["split"])

    def mine(self, share: float) -> set[str]:
        """Marks the `share` of each group with the lowest energy as references; returns their sources."""
        for rows in reference_groups(self.rows).values():
            ranked = sorted(rows, key=lambda row: (row["energy"], row["source"]))
            for rank, row in enumerate(ranked):
                row["reference"] = rank < max(1, round(share * len(rows)))
        trained = [row for row in self.rows if row["split"] == "train"]
        if trained and not any(row["reference"] for row in trained):  # in a small album, all may be in the test side
            min(trained, key=lambda row: (row["energy"], row["source"]))["reference"] = True
        return {row["source"] for row in self.rows if row["reference"]}

    def describe(self, settings: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Returns the content of dataset.json except the size on disk."""
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
            "references_by_group": {
                name: {"faces": len(rows), "share": round(float(np.mean([row["reference"] for row in rows])), 4)}
                for name, rows in reference_groups(self.rows).items()
            },
            "references_by_split": dict(Counter(row["split"] for row in references)),
            "references_labelled": len(labelled),
            "references_labelled_neutral": round(sum(labelled) / len(labelled), 4) if labelled else None,
            "mean_energy": round(float(np.mean([row["energy"] for row in self.rows])), 4),
            "settings": {key: _plain(value) for key, value in settings.items()},
            "versions": {name: _version(name) for name in packages} | {"python": sys.version.split()[0]},
            "seconds": round(seconds, 1),
        }

    def write_skipped(self, path: Path) -> None:
        """Writes skipped.csv with the path of each skipped photo and the reason."""
        with path.open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([("path", "reason"), *self.skipped])


def reference_groups(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Groups rows by age group and ethnicity, such as "20-39, asian"; "unknown" if either is missing.

    Groups of fewer than GROUP_MIN faces are merged, first within an age group, then across age groups.
    """
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    finest, by_age = "{age}, {ethnicity}", "{age}, smaller groups"
    waiting: list[dict[str, Any]] = []
    for row in rows:
        known = row["age"] is not None and row["ethnicity"] is not None
        (waiting if known else groups["unknown"]).append(row)
    for pattern in (finest, by_age):
        names = [pattern.format(age=age_group(row["age"]), ethnicity=row["ethnicity"]) for row in waiting]
        counts = Counter(names)
        for name, row in zip(names, waiting, strict=True):
            if counts[name] >= GROUP_MIN:
                groups[name].append(row)
        waiting = [row for name, row in zip(names, waiting, strict=True) if counts[name] < GROUP_MIN]
    groups["smaller groups"] = waiting
    return {name: groups[name] for name in sorted(groups, key=_age_first) if groups[name]}


def _age_first(name: str) -> tuple[bool, int, str]:
    """Sort key that orders group names by age, names without an age last."""
    first = re.match(r"\d+", name)
    return first is None, int(first[0]) if first else 0, name


def age_group(age: int) -> str:
    """Returns the age group of an age in years, such as "20-39"."""
    oldest = max(first for first in AGES if first <= age)
    after = AGES[AGES.index(oldest) + 1 :]
    return f"{oldest}-{after[0] - 1}" if after else f"{oldest}+"


KINDS = {
    "no face found": "no face found",
    "not a picture that can be read": "not a picture that can be read",
    "damaged and cannot be decoded": "damaged and cannot be decoded",
    "megapixels": "too many megapixels",
    "outside the frame": "too far outside the frame",
}


def _kind(reason: str) -> str:
    """Returns the category of a skip reason, without the details of the file."""
    return next((kind for phrase, kind in KINDS.items() if phrase in reason), "other")


def _plain(value: Any) -> Any:
    """Converts a setting to a JSON value."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _version(package: str) -> str | None:
    with contextlib.suppress(ImportError):
        return version(package)
    return None


def summary(description: dict[str, Any]) -> str:
    """Formats the content of dataset.json as a short text."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in description["skipped_by_reason"].items())
    share = description["references_labelled_neutral"]
    lines = [
        f"{description['faces']} faces, {description['skipped']} skipped{f' ({reasons})' if reasons else ''}, "
        f"{description['references']} references, {description['megabytes']:.1f} MB, {description['seconds']:.0f} s"
    ]
    if share is not None:
        lines.append(f"{share:.0%} of the {description['references_labelled']} labelled references are neutral")
    lines += _shares(description["references_by_group"])
    lines += [*description.get("left_out", ()), *filter(None, [description.get("labels_not_used", "")])]
    if not description["references"]:
        lines.append("no references: training needs some; raise --reference-share or name them with --reference")
    return "\n".join(lines)


def _shares(groups: dict[str, Any]) -> list[str]:
    """Formats the share of references in each group, one line per age group; empty if there is only one group."""
    lines: dict[str, list[str]] = defaultdict(list)
    for name, group in groups.items():
        age, _, ethnicity = name.partition(", ")
        lines[age].append(f"{ethnicity} {group['share']:.0%} of {group['faces']}".strip())
    return [f"references, {age}: {', '.join(shares)}" for age, shares in lines.items()] if len(groups) > 1 else []

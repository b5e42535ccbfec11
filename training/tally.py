"""What became of every photo of a folder: counted for dataset.json, listed for skipped.csv, told in a line or two."""

from __future__ import annotations

import contextlib
import csv
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from training.shards import FORMAT


class Tally:
    """What happened to every photo, counted."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.skipped: list[tuple[str, str]] = []

    def keep(self, row: dict[str, Any]) -> None:
        """Counts a row of the dataset."""
        self.rows.append({name: row[name] for name in ("label", "energy", "identity", "split", "reference")})

    def skip(self, source: str, reason: str) -> None:
        """Counts a photo that cannot be used."""
        self.skipped.append((source, reason))

    def describe(self, settings: dict[str, Any], seconds: float) -> dict[str, Any]:
        """What dataset.json holds, but for the size on disk."""
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
            "settings": {key: str(v) if isinstance(v, Path) else v for key, v in settings.items()},
            "versions": {name: _version(name) for name in packages} | {"python": sys.version.split()[0]},
            "seconds": round(seconds, 1),
        }

    def write_skipped(self, path: Path) -> None:
        """skipped.csv: path and reason of every photo that cannot be used."""
        with path.open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([("path", "reason"), *self.skipped])


def _kind(reason: str) -> str:
    """A skip reason without the file's own details, so that like is counted with like."""
    for phrase in ("no face found", "not a picture that can be read", "damaged and cannot be decoded", "megapixels"):
        if phrase in reason:
            return "too many megapixels" if phrase == "megapixels" else phrase
    return "other"


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

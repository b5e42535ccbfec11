"""Summarises the measurements of training/evaluation/truth.py over people, and compares them with earlier ones."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rbvae.errors import DatasetError
from training.evaluation.judges import PARTS

SHARES = ("own", "own_with_donor", "neutral")  # rows hold the errors of the four PARTS, then the unedited photo's
COLUMNS = dict.fromkeys(SHARES, PARTS) | {"identity": ("edit", "real_smile"), "happy": ("edit", "real")}
DRAWS = 1000  # bootstrap resamples for the standard errors of a median and a percentile
FEWEST = 5  # minimum number of people for a mean paired difference

Rows = dict[str, dict[str, list[float]]]  # by score and person


def per_person(name: str, row: dict[str, list[float]], people: list[str]) -> np.ndarray:
    """Returns a score for each person [N, K]; errors are relative to the mean error of the unedited photos."""
    table = np.array([row[person] for person in people])
    return table[:, :4] / table[:, 4:].mean(axis=0).clip(1e-9) if name in SHARES else table


def standard_error(values: np.ndarray) -> np.ndarray:
    """Returns the standard error [K] of the mean of [N, K] over N; 0 for one person."""
    return values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(values.shape[1:])


def bootstrapped(values: np.ndarray, figure: Callable[..., Any]) -> np.ndarray:
    """Returns the bootstrap standard error [K] of the statistic `figure` of values [N, K] over N."""
    drawn = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    return figure(values[drawn], axis=1).std(axis=0, ddof=1)


def summary(rows: Rows) -> dict[str, Any]:
    """Returns the scores averaged over people, with their `standard_errors`."""
    figures: dict[str, Any] = {}
    spread: dict[str, Any] = {}
    for name, row in rows.items():
        values = per_person(name, row, list(row))
        median = name == "mouth"
        figures[name] = _named(name, np.median(values, axis=0) if median else values.mean(axis=0))
        spread[name] = _named(name, bootstrapped(values, np.median) if median else standard_error(values))
    if "sharp" in rows:
        fifth, values = functools.partial(np.percentile, q=5), np.array(list(rows["sharp"].values()))
        figures["sharp_5"], spread["sharp_5"] = (
            _named("", fifth(values, axis=0)),
            _named("", bootstrapped(values, fifth)),
        )
    return figures | {"standard_errors": spread}


def _named(name: str, values: np.ndarray) -> Any:
    numbers = [round(float(value), 4) for value in values]
    return dict(zip(COLUMNS[name], numbers, strict=True)) if name in COLUMNS else numbers[0]


def read_rows(path: Path) -> Rows:
    """Reads the rows of an earlier --json file. Raises DatasetError if it has none."""
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
        return scores.get("truth", scores)["rows"]
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} holds no measurement of pairs. Give a file that evaluate.py wrote with --pairs and --json."
        ) from error


def compare(rows: Rows, before: Rows) -> dict[str, dict[str, float | bool]]:
    """Returns paired differences from earlier rows, over the people in both.

    Each has the mean `difference`, its `standard_error`, and `clear`, which is true above two standard errors.
    """
    found: dict[str, dict[str, float | bool]] = {}
    for name, row in rows.items():
        both = [person for person in row if person in before.get(name, {})]
        if len(both) < FEWEST:
            continue
        change = per_person(name, row, both) - per_person(name, before[name], both)
        for column, mean, error in zip(
            COLUMNS.get(name, ("",)), change.mean(axis=0), standard_error(change), strict=True
        ):
            label = f"{name} {column}".strip()
            found[label] = {"difference": round(float(mean), 4), "standard_error": round(float(error), 4)}
            found[label]["clear"] = bool(abs(mean) > 2 * error)
    return found


def compared(differences: dict[str, dict[str, float | bool]]) -> str:
    """Formats the differences as lines of text, with a star where they are clear."""
    return "\n".join(
        f"{name}: {d['difference']:+.3f} (standard error {d['standard_error']:.3f}){' *' if d['clear'] else ''}"
        for name, d in differences.items()
    )

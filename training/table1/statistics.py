"""The tests of Table 1: paired t tests over seeds with Holm's correction, and confidence intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

LEVEL = 0.95
LEAST_ERROR = 1e-12  # of a mean difference, where all seeds agree
CHAMPION = "srb"  # the row that all others are compared with
PLAIN_CHAMPION = "srb-3"  # the same without reference pretraining, which only these rows have:
PRETRAINED = ("srb", "rb", "mathieu")
Averages = dict[str, list[float | None]]


def interval(values: Sequence[float]) -> float | None:
    """Returns half the width of the 95% confidence interval of the mean (Student's t); None below two values."""
    from scipy.stats import t

    if len(values) < 2:
        return None
    return float(t.ppf((1 + LEVEL) / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values)))


def compared(averages: Averages, ladder: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Returns three families of tests, each corrected by itself: every row against CHAMPION, every row without
    reference pretraining against PLAIN_CHAMPION, and every rung of the ladder against the one below."""
    others = [name for name in averages if name not in ladder]
    plain = [name for name in others if name not in PRETRAINED]
    return {
        "rows": holm(averages, [(name, CHAMPION) for name in others]),
        "plain": holm(averages, [(name, PLAIN_CHAMPION) for name in plain]),
        "ladder": holm(averages, list(zip(ladder[:-1], ladder[1:], strict=True))),
    }


def holm(averages: Averages, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Tests each pair (other, row), and corrects the p values of all pairs (Holm 1979)."""
    tests = [test for other, row in pairs if (test := paired(averages, other, row))]
    largest = 0.0
    for rank, test in enumerate(sorted(tests, key=lambda test: test["p"])):
        largest = max(largest, min(1.0, (len(tests) - rank) * test["p"]))
        test["p_holm"] = largest
    return tests


def paired(averages: Averages, other: str, row: str) -> dict[str, Any] | None:
    """Returns the mean difference row - other over the seeds of both, its interval, and p of the paired t test.

    None below two seeds. Seeds pair the batches that two rows train on.
    """
    from scipy.stats import t

    both = zip(averages.get(row, []), averages.get(other, []), strict=False)
    differences = [a - b for a, b in both if a is not None and b is not None]
    if len(differences) < 2:
        return None
    mean, error = statistics.fmean(differences), statistics.stdev(differences) / math.sqrt(len(differences))
    return {
        "row": row,
        "other": other,
        "seeds": len(differences),
        "difference": mean,
        "interval": interval(differences),
        "p": float(2 * t.sf(abs(mean) / max(error, LEAST_ERROR), len(differences) - 1)),
    }

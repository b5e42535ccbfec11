"""Pairs of test images for transfer, and how far an edit follows the image it takes its e from.

In a pair, B gets the target factors of another image A: edit = G(z_B, e_A).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class Pairs:
    """P test photos paired for transfer: photo i is B, photo `a[i]` is A, and photo `c[i]` is a third person.

    `rows` int64 [P] are the photos' rows in the test set; `a` and `c` int64 [P] are positions in `rows`.
    """

    rows: np.ndarray
    a: np.ndarray
    c: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def choose_pairs(shows: tuple[str, ...], total: int, count: int, seed: int) -> Pairs:
    """Draws `count` of `total` photos and assigns each an A and a C among them, different people if possible.

    `shows` names the person or digit in each photo; if it is (), only different photos are guaranteed.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(total)[:count]
    who = np.array(shows)[rows] if shows else rows
    a = np.array([_other(rng, who, [i]) for i in range(len(rows))], dtype=np.int64)
    c = np.array([_other(rng, who, [i, own]) for i, own in enumerate(a.tolist())], dtype=np.int64)
    return Pairs(rows, a, c)


def _other(rng: np.random.Generator, who: np.ndarray, taken: list[int]) -> int:
    """Draws a photo of a person not in `taken`; if there is none, a different photo; otherwise any photo."""
    free = np.flatnonzero(~np.isin(who, who[taken]))
    if not len(free):
        free = np.setdiff1d(np.arange(len(who)), taken)
    return int(rng.choice(free if len(free) else np.arange(len(who))))


def transfer_progress(edit: np.ndarray, b: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Returns how far each edit went from B (0) to A (1), [P], from scores [P, K].

    Computed as (edit - B).(A - B) / |A - B|^2. An average face scores about 0.5.
    """
    towards = a - b
    return ((edit - b) * towards).sum(axis=1) / np.square(towards).sum(axis=1).clip(1e-9)


def transfer_slope(edit: np.ndarray, goal: np.ndarray) -> float:
    """Returns the pooled least-squares slope of edits on goals, both [P] or [P, K].

    The slope is sum over k of cov(edit_k, goal_k) / sum over k of var(goal_k): 1 if edits differ as much as their
    goals, 0 if they are unrelated. Unlike `transfer_progress`, an average face scores 0.
    """
    edit, goal = edit - edit.mean(axis=0), goal - goal.mean(axis=0)
    return float((edit * goal).sum() / max(np.square(goal).sum(), 1e-9))


def median_interval(values: np.ndarray, seed: int) -> list[float]:
    """Returns the 95% bootstrap interval [low, high] of the median."""
    rows = np.random.default_rng(seed).integers(0, len(values), (DRAWS, len(values)))
    return np.percentile(np.median(values[rows], axis=1), [2.5, 97.5]).tolist()

"""The linear probes of Table 1: regressors and classifiers on frozen features, scored on held-out images."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from training.table1.task import FOLDS

Score = dict[str, Any]  # average, factors by name (None if a factor cannot be scored), splits


def thirds(targets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns three splits of the held-out images; each third is scored by a probe fitted to the other two.

    Classes are stratified. The splits are the same for every method and seed.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = StratifiedKFold if targets.ndim == 1 else KFold
    return list(kind(FOLDS, shuffle=True, random_state=0).split(targets, targets))


def halves(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns one random split into halves, used to choose weights on training images."""
    rows = np.random.default_rng(0).permutation(n)
    return [(rows[: n // 2], rows[n // 2 :])]


def probe(
    features: np.ndarray, targets: np.ndarray, names: tuple[str, ...], splits: list[tuple[np.ndarray, np.ndarray]]
) -> Score:
    """Scores linear probes of features [N, D], averaged over the splits.

    For factors [N, K], the score is the mean absolute error of each factor. For classes [N], it is the recall of each
    class, with classes weighted equally, so chance is one over their number. Raises ValueError if the features are not
    finite.
    """
    if not np.isfinite(features).all():
        raise ValueError("the features are not finite")
    score = _recalls if targets.ndim == 1 else _errors
    rows = np.stack([score(features[a], targets[a], features[b], targets[b], len(names)) for a, b in splits])  # [F, K]
    factors = [None if np.isnan(column).any() else float(column.mean()) for column in rows.T]
    known = rows[:, [value is not None for value in factors]]
    return {
        "average": float(known.mean()),
        "factors": dict(zip(names, factors, strict=True)),
        "splits": [float(value) for value in known.mean(axis=1)],
    }


def _errors(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, count: int) -> np.ndarray:
    from sklearn.linear_model import LinearRegression

    return np.abs(LinearRegression().fit(x, y).predict(x_test) - y_test).mean(axis=0)


def _recalls(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, count: int) -> np.ndarray:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an almost converged probe scores the same
        right = classifier.fit(x, y).predict(x_test) == y_test
    return np.array([right[y_test == k].mean() if (y_test == k).any() else np.nan for k in range(count)])

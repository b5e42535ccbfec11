"""Disentanglement metrics for known factors: MIG, DCI and SAP, from 0 (none) to 1 (perfect).

A code is [N, D], factors are [N, K]. All metrics measure whether each factor has a dimension of its own. Rotating a
perfect code lowers them, but does not affect a linear probe.
"""

from __future__ import annotations

import numpy as np

BINS = 20
ROWS = 4000  # images to fit the trees of DCI, and as many to score them
TREES, DEPTH = 10, 10


def disentanglement(code: np.ndarray, factors: np.ndarray) -> dict[str, float]:
    """Returns all metrics by name."""
    disentangled, complete, informative = dci(code, factors)
    return {
        "mig": mig(code, factors),
        "dci_disentanglement": disentangled,
        "dci_completeness": complete,
        "dci_informativeness": informative,
        "sap": sap(code, factors),
    }


def mig(code: np.ndarray, factors: np.ndarray) -> float:
    """Returns the mutual information gap (Chen et al. 2018).

    This is the gap between a factor's best and second-best dimension relative to the factor's entropy, averaged over
    factors. Codes and factors are split into BINS bins of equal width, as in Locatello et al. 2019.
    """
    from sklearn.metrics import mutual_info_score

    codes, known = [_binned(column) for column in code.T], [_binned(column) for column in factors.T]
    shared = np.array([[mutual_info_score(v, c) for c in codes] for v in known])  # [K, D]
    entropy = np.array([mutual_info_score(v, v) for v in known]).clip(1e-9)
    return float((_gap(shared) / entropy).mean())


def sap(code: np.ndarray, factors: np.ndarray) -> float:
    """Returns the separated attribute predictability (Kumar et al. 2018).

    This is the gap in R^2 between the best and second-best dimension in linear regression on a single dimension.
    """
    code = _standardised(code)
    return float(_gap((_standardised(factors).T @ code / len(code)) ** 2).mean())


def dci(code: np.ndarray, factors: np.ndarray) -> tuple[float, float, float]:
    """Returns disentanglement, completeness and informativeness (Eastwood and Williams 2018) by random forests.

    Informativeness is R^2 on images not used for fitting, clipped at 0.
    """
    from sklearn.ensemble import RandomForestRegressor

    middle = min(ROWS, len(code) // 2)
    fit, score = slice(0, middle), slice(middle, 2 * middle)
    importance, r2 = [], []
    for target in factors.T:
        forest = RandomForestRegressor(TREES, max_depth=DEPTH, min_samples_leaf=5, random_state=0)
        r2.append(max(0.0, float(forest.fit(code[fit], target[fit]).score(code[score], target[score]))))
        importance.append(forest.feature_importances_ * r2[-1])  # ignores forests without predictive power
    table = np.array(importance)  # [K, D]
    return _purity(table.T), _purity(table), float(np.mean(r2))


def _purity(table: np.ndarray) -> float:
    """Returns 1 minus the normalised entropy of each row, averaged with the row sums as weights."""
    total = table.sum()
    if total <= 1e-9 or table.shape[1] < 2:
        return 0.0
    share = table / table.sum(axis=1, keepdims=True).clip(1e-12)
    entropy = -(share * np.log(share.clip(1e-12))).sum(axis=1) / np.log(table.shape[1])
    return float(((1 - entropy) * table.sum(axis=1)).sum() / total)


def _gap(table: np.ndarray) -> np.ndarray:
    """Returns the largest minus the second-largest entry of each row."""
    if table.shape[1] < 2:
        return table[:, 0]
    second, first = np.sort(table, axis=1)[:, -2:].T
    return first - second


def _binned(column: np.ndarray) -> np.ndarray:
    return np.digitize(column, np.linspace(column.min(), column.max(), BINS + 1)[1:-1])


def _standardised(columns: np.ndarray) -> np.ndarray:
    spread = columns.std(axis=0)
    return np.where(spread > 1e-6, (columns - columns.mean(axis=0)) / spread.clip(1e-6), 0.0)

"""The probes of Table 1: linear and small non-linear ones on frozen features, scored on held-out images."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.table1.task import FOLDS

Score = dict[str, Any]  # average, factors by name (None if a factor cannot be scored), splits
HIDDEN, PASSES, RATE, DECAY = 64, 300, 1e-2, 1e-3  # of the non-linear probe: units, steps on all images, AdamW
KEPT_BACK, LOOK_EVERY = 0.2, 5  # share of the images that choose the step whose weights are used, and how often


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
    return _averaged(features, targets, names, splits, _recalls if targets.ndim == 1 else _errors)


def nonlinear_probe(features: np.ndarray, targets: np.ndarray, names: tuple[str, ...]) -> Score:
    """Scores features [N, D] like `probe`, by networks with one hidden layer, each fitted to two thirds of them."""
    return _averaged(features, targets, names, thirds(targets), _network_scores)


def _averaged(
    features: np.ndarray,
    targets: np.ndarray,
    names: tuple[str, ...],
    splits: list[tuple[np.ndarray, np.ndarray]],
    score: Any,
) -> Score:
    if not np.isfinite(features).all():
        raise ValueError("the features are not finite")
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
        predicted = classifier.fit(x, y).predict(x_test)
    return recalls(predicted, y_test, count)


def _network_scores(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, count: int) -> np.ndarray:
    """Fits a network with one hidden layer: absolute errors of factors, recalls of classes that weigh alike."""
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    known, asked = (torch.from_numpy(((part - middle) / spread).astype(np.float32)) for part in (x, x_test))
    classes = y.ndim == 1
    aim = torch.from_numpy(y if classes else y.astype(np.float32))
    loss: nn.Module = nn.L1Loss()
    if classes:
        loss = nn.CrossEntropyLoss(weight=len(y) / torch.bincount(aim, minlength=count).clamp_min(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, count))
        kept_back = torch.rand(len(known)) < KEPT_BACK
    _fit(network, loss, (known[~kept_back], aim[~kept_back]), (known[kept_back], aim[kept_back]))
    with torch.inference_mode():
        found = network(asked).numpy()
    if not classes:
        return np.abs(found - y_test).mean(axis=0)
    return recalls(found.argmax(axis=1), y_test, count)


def _fit(network: nn.Module, loss: nn.Module, known: tuple[Tensor, Tensor], kept_back: tuple[Tensor, Tensor]) -> None:
    """Trains on `known`, inputs and aims; the weights in the end are those with the least loss on `kept_back`."""
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    least, best = float("inf"), network.state_dict()
    for step in range(PASSES + 1):
        if step % LOOK_EVERY == 0:
            with torch.inference_mode():
                now = float(loss(network(kept_back[0]), kept_back[1]))
            if now < least:
                least, best = now, {name: value.clone() for name, value in network.state_dict().items()}
        optimizer.zero_grad()
        loss(network(known[0]), known[1]).backward()
        optimizer.step()
    network.load_state_dict(best)


def recalls(predicted: np.ndarray, classes: np.ndarray, count: int) -> np.ndarray:
    """Returns the share of each class that is recognised, NaN if there is none of it: [count]."""
    right = predicted == classes
    return np.array([right[classes == k].mean() if (classes == k).any() else np.nan for k in range(count)])

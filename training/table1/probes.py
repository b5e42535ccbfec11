"""The probes of Table 1: linear and small non-linear ones on frozen features, scored on held-out images."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.table1.task import FOLDS

Score = dict[str, Any]  # average, factors by name (None if a factor cannot be scored), splits
HIDDEN, PASSES, RATE, DECAY = 64, 600, 3e-3, 1e-3  # of the non-linear probe: units, steps on all images, AdamW
ABSENT = -20.0  # logit of a class without images
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


class Bent(nn.Module):
    """A linear probe, whose weight [K, D] and bias [K] are given, plus one hidden layer that adds nothing at first."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        super().__init__()
        count, dim = weight.shape
        self.linear = nn.Linear(dim, count)
        self.hidden, self.out = nn.Linear(dim, HIDDEN), nn.Linear(HIDDEN, count)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(weight))
            self.linear.bias.copy_(torch.from_numpy(bias))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.out(torch.relu(self.hidden(x)))


def _network_scores(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, count: int) -> np.ndarray:
    """Fits a linear probe and then a network from there: absolute errors of factors, recalls of classes."""
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    x, x_test = ((part - middle) / spread for part in (x, x_test))
    kept_back = np.random.default_rng(0).random(len(x)) < KEPT_BACK
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Bent(*_linear_probe(x[~kept_back], y[~kept_back], count))
    classes = y.ndim == 1
    inputs = torch.from_numpy(x.astype(np.float32))
    aims = torch.from_numpy(y if classes else y.astype(np.float32))
    loss: nn.Module = nn.L1Loss()
    if classes:
        loss = nn.CrossEntropyLoss(weight=len(y) / torch.bincount(aims, minlength=count).clamp_min(1))
    _fit(network, loss, (inputs[~kept_back], aims[~kept_back]), (inputs[kept_back], aims[kept_back]))
    with torch.inference_mode():
        found = network(torch.from_numpy(x_test.astype(np.float32))).numpy()
    if not classes:
        return np.abs(found - y_test).mean(axis=0)
    return recalls(found.argmax(axis=1), y_test, count)


def _linear_probe(x: np.ndarray, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns weight [K, D] and bias [K] of the linear probe; a class that is not there gets no chance."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    if y.ndim == 2:
        regressor = LinearRegression().fit(x, y)
        return regressor.coef_, regressor.intercept_
    classifier = LogisticRegression(class_weight="balanced", max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier.fit(x, y)
    weight, bias = np.zeros((count, x.shape[1])), np.full(count, ABSENT)
    if len(classifier.classes_) == 2:  # one row of coefficients stands for both
        coefficients, intercepts = classifier.coef_ * [[-0.5], [0.5]], classifier.intercept_ * [-0.5, 0.5]
    else:
        coefficients, intercepts = classifier.coef_, classifier.intercept_
    weight[classifier.classes_], bias[classifier.classes_] = coefficients, intercepts
    return weight, bias


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

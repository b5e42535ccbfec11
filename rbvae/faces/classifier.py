"""Logistic regressions of what a photo shows, fitted by training/tools/fit_classifiers.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Classifier:
    """The score of features [D] is `weights` [D] times them, plus `bias`.

    `thresholds` are scores that given shares of the faces without what it tells exceed.
    """

    weights: np.ndarray
    bias: float
    thresholds: tuple[float, ...]

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read a classifier from a JSON file."""
        about = json.loads(path.read_text(encoding="utf-8"))
        return cls(np.array(about["weights"]), about["bias"], tuple(about["thresholds"]))

    def save(self, path: Path) -> None:
        """Write a JSON file that `load` reads, with numbers of two digits after the point."""
        numbers = [round(float(value), 2) for value in (*self.weights, self.bias, *self.thresholds)]
        weights, bias, *thresholds = numbers[: len(self.weights)], *numbers[len(self.weights) :]
        about = {"weights": weights, "bias": bias, "thresholds": thresholds}
        path.write_text(json.dumps(about, separators=(",", ":")) + "\n", encoding="utf-8")

    def score(self, features: np.ndarray) -> float:
        """Return the score of features [D]."""
        return float(self.weights @ features + self.bias)

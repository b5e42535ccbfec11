"""Fit the classifiers of glasses and of visible teeth to photos of faces that are labelled by eye.

python -m training.tools.fit_classifiers --photos photos/lfw photos/utkface photos/omi

Writes rbvae/faces/glasses.json and visible_teeth.json, and prints what they tell apart, cross-validated.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from rbvae.errors import DatasetError
from rbvae.faces import glasses, visible_teeth
from rbvae.faces.classifier import Classifier
from rbvae.faces.finding import find_faces
from rbvae.faces.landmarks import FaceLandmarker
from training.data.progress import track
from training.engine.cli import run_command
from training.evaluation.strangers import framed

# What they tell; inverse strength of the regularisation; shares of the other faces that exceed the thresholds.
FITS = {"glasses": (glasses, 3.0, (0.03, 0.007)), "visible_teeth": (visible_teeth, 10.0, (0.12,))}
LEAST = 50  # labelled faces of either kind


def labels_of(name: str) -> dict[str, bool]:
    """Returns the labels by file name, from a CSV of two columns: image, and 1 or 0."""
    with Path(__file__).with_name(f"{name}.csv").open(newline="") as file:
        _, *rows = csv.reader(file)
    return {image: label == "1" for image, label in rows}


def fitted(name: str, labels: np.ndarray, rows: np.ndarray) -> Classifier:
    """Returns the classifier of rows [N, D] with labels bool [N], and prints its quality."""
    _, strength, false = FITS[name]
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=10_000)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, rows, labels, cv=folds, method="decision_function")
    print(f"{name}: {labels.sum()} with, {(~labels).sum()} without; AUC {roc_auc_score(labels, scores):.3f}")
    thresholds = tuple(float(np.quantile(scores[~labels], 1 - share)) for share in false)
    for share, threshold in zip(false, thresholds, strict=True):
        print(f"  where {share:.1%} of those without are taken for one with: {(scores[labels] > threshold).mean():.1%}")
    model.fit(rows, labels)
    return Classifier(model.coef_[0], float(model.intercept_[0]), thresholds)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR", help="searched recursively")
    options = parser.parse_args(argv)
    labels = {name: labels_of(name) for name in FITS}
    named = set().union(*labels.values())
    paths = sorted(path for folder in options.photos for path in folder.rglob("*.jpg") if path.name in named)
    landmarker = FaceLandmarker()
    found: dict[str, list[tuple[bool, np.ndarray]]] = {name: [] for name in FITS}
    for path in track(paths, "photo"):
        photo = framed(path)
        faces, _ = find_faces(landmarker, photo)
        for name in FITS:
            if faces and path.name in labels[name]:
                row = FITS[name][0].features(photo, faces[0].points)
                if row is not None:
                    found[name].append((labels[name][path.name], row))
    for name, rows in found.items():
        known = np.array([label for label, _ in rows], bool)
        if min(known.sum(), (~known).sum()) < LEAST:
            raise DatasetError(f"too few of the photos that {name}.csv names are in the folders given")
        fitted(name, known, np.array([row for _, row in rows])).save(FITS[name][0].FITTED)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

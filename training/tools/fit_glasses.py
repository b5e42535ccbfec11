"""Fit the weights of rbvae/faces/glasses.py to photos of faces with and without glasses.

python -m training.tools.fit_glasses --photos photos/lfw photos/utkface photos/omi

Writes rbvae/faces/glasses.json and prints how many faces with and without glasses are told, cross-validated.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from rbvae.errors import DatasetError
from rbvae.faces import glasses
from rbvae.faces.finding import find_faces
from rbvae.faces.landmarks import FaceLandmarker
from training.data.progress import track
from training.engine.cli import run_command
from training.evaluation.strangers import framed

LABELS = Path(__file__).with_suffix(".csv")  # image,glasses: made by eye
FALSE = (0.03, 0.007)  # shares of faces without glasses that score more than the ends of the ramp


def measured(photos: list[tuple[bool, Path]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns which faces found in photos wear glasses, bool [N], and their features [N, 512]."""
    landmarker = FaceLandmarker()
    worn, rows = [], []
    for one, path in track(photos, "photo"):
        photo = framed(path)
        faces, _ = find_faces(landmarker, photo)
        if faces:
            worn.append(one)
            rows.append(glasses.features(photo, faces[0].points))
    return np.array(worn), np.array(rows)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, nargs="+", required=True, metavar="DIR", help="searched recursively")
    parser.add_argument("--labels", type=Path, default=LABELS, metavar="CSV", help="columns image,glasses (0 or 1)")
    options = parser.parse_args(argv)
    with options.labels.open(newline="") as file:
        labels = {row["image"]: row["glasses"] == "1" for row in csv.DictReader(file)}
    paths = sorted(path for folder in options.photos for path in folder.rglob("*.jpg"))
    photos = [(labels[path.name], path) for path in paths if path.name in labels]
    if min(sum(worn for worn, _ in photos), sum(not worn for worn, _ in photos)) < 50:
        raise DatasetError(f"too few of the photos that {options.labels} names are in the folders given")
    worn, rows = measured(photos)
    model = LogisticRegression(C=3.0, class_weight="balanced", max_iter=5000)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, rows, worn, cv=folds, method="decision_function")
    ends = [float(np.quantile(scores[~worn], 1 - share)) for share in FALSE]
    print(f"{worn.sum()} faces with glasses, {(~worn).sum()} without; AUC {roc_auc_score(worn, scores):.3f}")
    for end in ends:
        print(
            f"score above {end:.2f}: {(scores[worn] > end).mean():.3f} with, {(scores[~worn] > end).mean():.3f} without"
        )
    model.fit(rows, worn)
    weights, bias = np.round(model.coef_[0].astype(float), 2).tolist(), round(float(model.intercept_[0]), 2)
    about = {"weights": weights, "bias": bias, "scores": [round(end, 2) for end in ends]}
    glasses.FITTED.write_text(json.dumps(about, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

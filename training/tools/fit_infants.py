"""Fit the weights of rbvae/faces/infants.py to photos whose file names begin with an age, as those of UTKFace do.

python -m training.tools.fit_infants --photos photos/utkface

Prints weights and threshold, and which share of the faces of each age is taken for an infant, cross-validated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from rbvae.errors import DatasetError
from rbvae.faces.finding import find_faces
from rbvae.faces.infants import proportions
from rbvae.faces.landmarks import FaceLandmarker
from training.data.progress import track
from training.engine.cli import run_command
from training.evaluation.strangers import framed

INFANT, CHILD = 1, 4  # years: the oldest infants, and the youngest of the others; labels between are left out
FOUND = 0.75  # share of the infants that the threshold finds
AGES = ((0, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 9), (10, 19), (20, 120))


def measured(photos: list[tuple[int, Path]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns ages [N] and proportions [N, 10] of the faces that are found in photos."""
    landmarker = FaceLandmarker()
    ages, rows = [], []
    for age, path in track(photos, "photo"):
        faces, _ = find_faces(landmarker, framed(path))
        if faces:
            ages.append(age)
            rows.append(proportions(faces[0].points))
    return np.array(ages), np.array(rows)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="AGE_*.jpg, such as UTKFace")
    parser.add_argument(
        "--count", type=int, default=1000, help="faces up to 3 years, and as many others (default 1000)"
    )
    options = parser.parse_args(argv)
    named = [(int(path.name.split("_")[0]), path) for path in sorted(options.photos.glob("[0-9]*_*.jpg"))]
    rng = np.random.default_rng(0)
    young, old = ([one for one in named if (one[0] < CHILD) == wanted] for wanted in (True, False))
    if min(len(young), len(old)) < 50:
        raise DatasetError(f"--photos {options.photos}: too few files AGE_*.jpg of infants and of others")
    ages, rows = measured([group[k] for group in (young, old) for k in rng.permutation(len(group))[: options.count]])
    use = (ages <= INFANT) | (ages >= CHILD)
    model = LogisticRegression(C=100.0, class_weight="balanced", max_iter=10_000)
    scores = cross_val_predict(model, rows[use], ages[use] <= INFANT, cv=5, method="decision_function")
    threshold = float(np.quantile(scores[ages[use] <= INFANT], 1 - FOUND))
    model.fit(rows[use], ages[use] <= INFANT)
    print("WEIGHTS", np.round(model.coef_[0].astype(float), 1).tolist())
    print("THRESHOLD", round(threshold - float(model.intercept_[0]), 1))
    every = np.where(use, 0.0, model.decision_function(rows))
    every[use] = scores
    for low, high in AGES:
        chosen = (ages >= low) & (ages <= high)
        print(f"{low} to {high} years: {(every[chosen] > threshold).mean():.3f} of {chosen.sum()}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

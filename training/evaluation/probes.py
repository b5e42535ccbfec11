"""Linear probes, which measure how well z and e predict the known factors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rbvae.faces.landmarks import BLENDSHAPES
from rbvae.images.arrays import to_float
from rbvae.models.model import RbVAE
from training.data.image_sets import LabelledImages

# Reported factors of faces, as means of blendshapes; those of digits are the styles of A.3.1.
FACE_FACTORS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "mouth open": ("jawOpen",),
    "brows up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "frown": ("browDownLeft", "browDownRight"),
    "squint": ("eyeSquintLeft", "eyeSquintRight"),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "upper lip": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "pucker": ("mouthPucker",),
}


def named_factors(images: LabelledImages) -> dict[str, np.ndarray]:
    """Returns the reported factors by name, each [N]."""
    factors = images.factors.numpy()
    if images.names != BLENDSHAPES:
        return {name: factors[:, column] for column, name in enumerate(images.names)}
    return {
        name: factors[:, [BLENDSHAPES.index(shape) for shape in shapes]].mean(axis=1)
        for name, shapes in FACE_FACTORS.items()
    }


@torch.inference_mode()
def posterior_means(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> tuple[Tensor, Tensor]:
    """Returns the means of q_z [N, D_z] and q_e [N, D_e] for images uint8 [N, 3, S, S], on the CPU."""
    z, e = [], []
    for part in images.split(batch):
        q_z, q_e = model.encode(to_float(part.to(device)))
        z.append(q_z.mean.cpu())
        e.append(q_e.mean.cpu())
    return torch.cat(z), torch.cat(e)


def probe(train: Tensor, train_target: np.ndarray, test: Tensor, test_target: np.ndarray) -> dict[str, float]:
    """Fits a linear regressor to training features; returns R^2 and mean absolute error on test features.

    R^2 is NaN for fewer than two test features.
    """
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import mean_absolute_error, r2_score

    predicted = LinearRegression().fit(train.numpy(), train_target).predict(test.numpy())
    r2 = float(r2_score(test_target, predicted)) if len(test_target) > 1 else float("nan")
    return {"r2": r2, "mae": float(mean_absolute_error(test_target, predicted))}

"""Directions in e-space that mean something: first those along which known factors grow, then the principal ones.

Where inferred e has the prior's covariance, every direction is as principal as any other, so that alone would mix what
people know apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rbvae.models.model import RbVAE
from training.data.image_sets import ImageSets
from training.evaluation.probes import named_factors, posterior_means

PICTURES = 32  # over which a direction's effect is measured
WEAK = 0.2  # a correlation below this names nothing
MOST = 8  # sliders that anybody can make sense of


@torch.inference_mode()
def find_directions(model: RbVAE, sets: ImageSets, device: torch.device) -> list[dict[str, Any]]:
    """At most MOST directions by how much they move the picture, most first; those that nothing known goes with last.

    Each is {name, correlation, vector [D_e] of unit length, sigma, low, high, moves}: `sigma` is the data's
    standard deviation along it, `low` and `high` its 1st and 99th percentile in sigmas about the mean, `moves`
    the mean absolute change of the picture in grey levels from -2 to +2 sigma. The name is the factor
    with the strongest correlation over the probe images, the sign chosen so that the correlation is positive; where
    none reaches WEAK the direction is called "other".
    """
    if sets.codes:
        from training.evaluation.codes import code_directions

        return code_directions(model, sets.codes, device)
    z, e = posterior_means(model, sets.probe_train.images, device)
    factors = named_factors(sets.probe_train)
    center = e.mean(dim=0)
    vectors = bearings(e - center, factors)
    used: dict[str, int] = {}
    found = []
    for vector in vectors:
        along = (e - center) @ vector
        name, correlation = _strongest(along.numpy(), factors)
        if correlation < 0:
            vector, along = -vector, -along
        sigma = float(along.std().clamp_min(1e-4))
        low, high = np.percentile(along.numpy() / sigma, [1, 99])
        step = (2 * sigma * vector).to(device)
        z_some, e_some = z[:PICTURES].to(device), e[:PICTURES].to(device)
        moved = model.decode(z_some, e_some + step).float() - model.decode(z_some, e_some - step).float()
        found.append(
            {
                "name": name if abs(correlation) >= WEAK else "other",
                "correlation": round(abs(correlation), 3),
                "vector": [round(v, 6) for v in vector.tolist()],
                "sigma": round(sigma, 5),
                "low": round(float(low), 2),
                "high": round(float(high), 2),
                "moves": round(float(moved.abs().mean() * 127.5), 3),
            }
        )
    found.sort(key=lambda direction: (direction["name"] == "other", -direction["moves"]))
    for direction in found:  # a second direction of the same name says so
        name = direction["name"]
        used[name] = used.get(name, 0) + 1
        if used[name] > 1:
            direction["name"] = f"{name} {used[name]}"
    return found[:MOST]


def bearings(centred: Tensor, factors: dict[str, np.ndarray]) -> Tensor:
    """Orthonormal rows [D_e, D_e] for e about its mean [N, D_e]: at each turn the direction in which e moves with the
    factor that goes with it most, within what is left of e-space; from the first that is WEAK on, principal ones."""
    rest, rows, left = centred, [], dict(factors)
    while left and len(rows) < centred.shape[1]:
        pointing = {name: F.normalize(rest.T @ torch.from_numpy(f - f.mean()).float(), dim=0)
                    for name, f in left.items()}  # fmt: skip
        strength = {name: abs(_strongest((rest @ v).numpy(), {name: left[name]})[1]) for name, v in pointing.items()}
        best = max(strength, key=lambda name: strength[name])
        if strength[best] < WEAK:
            break
        rows.append(pointing[best])
        rest = rest - torch.outer(rest @ rows[-1], rows[-1])
        del left[best]
    _, _, principal = torch.linalg.svd(rest, full_matrices=False)
    return torch.stack([*rows, *principal[: centred.shape[1] - len(rows)]])


def _strongest(along: np.ndarray, factors: dict[str, np.ndarray]) -> tuple[str, float]:
    correlations = {name: float(np.corrcoef(along, target)[0, 1]) for name, target in factors.items()}
    correlations = {name: c for name, c in correlations.items() if np.isfinite(c)}
    if not correlations:
        return "other", 0.0
    name = max(correlations, key=lambda key: abs(correlations[key]))
    return name, correlations[name]

"""Finds meaningful directions in e-space: first those along which known factors increase, then principal components.

If inferred e has the covariance of the prior, principal components are arbitrary and would mix known factors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.evaluation.codes import code_directions
from training.evaluation.probes import named_factors
from training.evaluation.subject import Subject

PICTURES = 32  # images over which the effect of a direction is measured
WEAK = 0.2  # correlations below this do not name a direction
MOST = 8  # directions returned; users can make sense of about this many sliders


@torch.inference_mode()
def find_directions(subject: Subject) -> list[dict[str, Any]]:
    """Returns at most MOST directions, strongest effect on the picture first and unnamed directions last.

    Each is {name, correlation, vector [D_e] of unit length, sigma, low, high, moves}: `sigma` is the standard
    deviation of the data along it, `low` and `high` are its 1st and 99th percentiles in sigmas about the mean, and
    `moves` is the mean absolute change of the picture in grey levels from -2 to +2 sigma. A direction is named after
    the factor with the strongest correlation over the probe images, with the sign chosen to make it positive, or
    "other" if no correlation reaches WEAK.
    """
    if subject.sets.codes:
        return code_directions(subject)
    model, device, z, e = subject.model, subject.device, subject.z_train, subject.e_train
    factors = named_factors(subject.sets.probe_train)
    center = e.mean(dim=0)
    vectors = bearings(e - center, factors)
    used: dict[str, int] = {}
    found: list[dict[str, Any]] = []
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
    for direction in found:  # number repeated names
        name = direction["name"]
        used[name] = used.get(name, 0) + 1
        if used[name] > 1:
            direction["name"] = f"{name} {used[name]}"
    return found[:MOST]


def bearings(centred: Tensor, factors: dict[str, np.ndarray]) -> Tensor:
    """Returns orthonormal directions [D_e, D_e] for centred e [N, D_e].

    Repeatedly takes the direction that correlates most with a remaining factor, within the remaining subspace. Once
    the correlation falls below WEAK, the rest are principal components.
    """
    rows: list[Tensor] = []
    rest, left = centred, dict(factors)
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

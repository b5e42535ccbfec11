"""Finds meaningful directions in e-space: first those along which known factors increase, then principal components.

If inferred e has the covariance of the prior, principal components are arbitrary and would mix known factors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.evaluation.probes import named_factors
from training.evaluation.subject import GREY_LEVELS, Subject

PICTURES = 32  # images over which the effect of a direction is measured
WEAK = 0.2  # correlations below this do not name a direction
PROBE_RIDGE = 0.01  # relative to a code's unit variance
ALONE = 30.0  # penalty on a direction's effect on other factors, relative to its length
WHOLE = ("smile",)  # factors without it: a smile raises the upper lip and narrows the eyes
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
        step = (2 * sigma * vector).to(device)
        z_some, e_some = z[:PICTURES].to(device), e[:PICTURES].to(device)
        moved = model.decode(z_some, e_some + step).float() - model.decode(z_some, e_some - step).float()
        name = name if abs(correlation) >= WEAK else "other"
        direction = described(name, abs(correlation), vector.numpy(), sigma, along.numpy() / sigma)
        found.append(direction | {"moves": round(float(moved.abs().mean() * GREY_LEVELS), 3)})
    found.sort(key=lambda direction: (direction["name"] == "other", -direction["moves"]))
    for direction in found:  # number repeated names
        name = direction["name"]
        used[name] = used.get(name, 0) + 1
        if used[name] > 1:
            direction["name"] = f"{name} {used[name]}"
    return found[:MOST]


def described(name: str, correlation: float, vector: np.ndarray, sigma: float, places: np.ndarray) -> dict[str, Any]:
    """Returns a direction without `moves`; `places` [N] are those of the data along it, in sigmas about the mean."""
    low, high = np.percentile(places, [1, 99])
    return {
        "name": name,
        "correlation": round(correlation, 3),
        "vector": [round(float(v), 6) for v in vector],
        "sigma": round(sigma, 5),
        "low": round(float(low), 2),
        "high": round(float(high), 2),
    }


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


@torch.inference_mode()
def code_directions(subject: Subject) -> list[dict[str, Any]]:
    """Finds one direction per named factor, strongest effect first, in the format of `find_directions`.

    Each direction is the likeliest step of e that changes its factor by one standard deviation and, unless that is one
    of WHOLE, hardly changes the other factors. Factors are predicted from G(z, e) by a linear probe of codes. `low` and
    `high` are percentiles of what the probe predicts for the data: the factors themselves, scores of MediaPipe, are 0
    for most faces and leave an end far outside what the model knows.
    """
    model, device, z, e = subject.model, subject.device, subject.z_train, subject.e_train
    factors = named_factors(subject.sets.probe_train)
    values = np.stack(list(factors.values()), axis=1)
    values = (values - values.mean(axis=0)) / values.std(axis=0).clip(1e-6)
    reader = linear_reader(subject, values)
    effect = effect_of_e(subject, reader)  # [factors, D_e]
    read = (subject.sets.probe_train.images @ reader).numpy()
    expression = np.eye(effect.shape[1]) - subject.model.reference_covariance.cpu().double().numpy()
    penalties = [0.0 if name in WHOLE else ALONE for name in factors]
    steps = np.stack([gentle_step(effect, row, expression, penalty) for row, penalty in enumerate(penalties)])
    along = (e - e.mean(dim=0)).numpy() @ steps.T / np.square(steps).sum(axis=1)  # in steps
    some = slice(0, len(z), max(1, len(z) // 32))
    found = []
    for name, step, place, factor, reading in zip(factors, steps, along.T, values.T, read.T, strict=True):
        moved = torch.from_numpy(2 * step).float()
        far = [model.decode(z[some].to(device), (e[some] + sign * moved).to(device)) for sign in (1, -1)]
        sigma, correlation = float(np.linalg.norm(step)), abs(float(np.corrcoef(place, factor)[0, 1]))
        direction = described(name, correlation, step / sigma, sigma, reading)
        found.append(direction | {"moves": round(float(model.basis.texture_change(far[0] - far[1]).abs().mean()), 3)})
    return sorted(found, key=lambda direction: -direction["moves"])


def linear_reader(subject: Subject, factors: np.ndarray) -> Tensor:
    """Fits a linear probe of the training faces' codes to their factors [N, F]; returns its weights [K, F]."""
    x = subject.sets.probe_train.images.double()
    gram = x.T @ x + PROBE_RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(gram, x.T @ torch.from_numpy(factors).double()).float()


def effect_of_e(subject: Subject, reader: Tensor) -> np.ndarray:
    """Returns the change in each factor per unit of each dimension of e, [F, D_e], as `linear_reader` reads it."""
    model, device = subject.model, subject.device
    some = slice(0, len(subject.z_train), max(1, len(subject.z_train) // 64))
    z, e = subject.z_train[some], subject.e_train[some]
    columns = []
    for unit in torch.eye(model.config.dim_e):
        far, near = (model.decode(z.to(device), (e + sign * unit).to(device)).cpu() for sign in (1, -1))
        columns.append(((far - near) / 2 @ reader).mean(dim=0))
    return torch.stack(columns, dim=1).numpy()


def gentle_step(effect: np.ndarray, row: int, expression: np.ndarray, alone: float = ALONE) -> np.ndarray:
    """Returns the likeliest step [D_e] that adds 1 to factor `row`; `alone` penalises its effect on other factors.

    `effect` [F, D_e] is the result of `effect_of_e`; `expression` [D_e, D_e] is the covariance of the changes of e by
    expressions. Without a penalty, other factors change as they do in photos.
    """
    others = np.delete(effect, row, axis=0)
    cost = np.linalg.inv(expression) + alone * others.T @ others
    step = np.linalg.solve(cost, effect[row])
    return step / max(float(effect[row] @ step), 1e-6)

"""Finds a direction in e-space for each known factor that edits can change."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rbvae.images.arrays import to_uint8
from training.evaluation.probes import named_factors, posterior_means
from training.evaluation.subject import GREY_LEVELS, Subject

PICTURES = 64  # images over which the effect of a direction is measured
PROBE_RIDGE = 0.01  # relative to the variance of the features
ALONE = 30.0  # penalty on a direction's effect on other factors, relative to its length
WHOLE = ("smile",)  # factors without it: a smile raises the upper lip and narrows the eyes
FURTHEST = 4.5  # standard deviations of e: a factor that takes a longer step is not in e, and has no direction
MOST = 8  # directions returned; users can make sense of about this many sliders


@torch.inference_mode()
def find_directions(subject: Subject) -> list[dict[str, Any]]:
    """Returns at most MOST directions, strongest effect on the picture first, each named after its factor.

    Each is the likeliest step of e that changes its factor by one standard deviation in G(z, e), as a linear probe
    reads it. Other factors hardly change. In codes of faces they do if the factor is one of WHOLE, and in images by
    their correlation with it, as the shares of red, green and blue sum to 1. Asymmetry of a face is another factor.

    A direction is {name, correlation, vector [D_e] of unit length, sigma, low, high, moves}. `correlation` is that of
    inferred e along it with the factor. `sigma` is the length of that step for codes, where `low` and `high` are the
    1st and 99th percentiles of what the probe reads for the data, in standard deviations about the mean, as the factors
    themselves, scores of MediaPipe, are 0 for most faces. For images, whose probe reads stroke widths too close to
    their mean, `sigma` is the standard deviation of e along the direction, and `low` and `high` are its percentiles.
    `moves` is the mean absolute change of the picture in grey levels from -2 to +2 sigma.
    """
    model, z, e = subject.model, subject.z_train, subject.e_train
    factors = named_factors(subject.sets.probe_train)
    values = np.stack(list(factors.values()), axis=1)
    values = (values - values.mean(axis=0)) / values.std(axis=0).clip(1e-6)
    features = subject.sets.probe_train.images if subject.sets.codes else torch.cat([z, e], dim=1)
    features = features - features.mean(dim=0)
    reader = linear_reader(features, values)
    changes, read = changes_by_e(subject), (features @ reader).numpy()
    effect = (reader.T @ changes).numpy()
    if subject.sets.codes:
        odd = changes[model.basis.mirror_signs.cpu() < 0]
        effect = np.concatenate([effect, odd.numpy()])  # [F + odd components of codes, D_e]
        spread = np.eye(effect.shape[1]) - model.reference_covariance.cpu().double().numpy()
        together = np.eye(len(effect))
    else:
        spread = np.cov(e.T.double().numpy()).reshape(effect.shape[1], -1) + 1e-6 * np.eye(effect.shape[1])
        together = values.T @ values / len(values)
    some = slice(0, len(z), max(1, len(z) // PICTURES))
    found: list[dict[str, Any]] = []
    for row, name in enumerate(factors):
        step = gentle_step(effect, row, spread, 0.0 if name in WHOLE else ALONE, together[row])
        if not 0 < step @ np.linalg.solve(spread, step) <= FURTHEST**2:
            continue
        length, along = float(np.linalg.norm(step)), (e - e.mean(dim=0)).double().numpy() @ step
        vector = step / length
        sigma = length if subject.sets.codes else float(along.std()) / length
        places = read[:, row] if subject.sets.codes else along / max(float(along.std()), 1e-6)
        by = torch.from_numpy(2 * sigma * vector).float()
        far, near = (decoded(subject, z[some], e[some] + sign * by) for sign in (1, -1))
        change = model.basis.texture_change(far - near) if subject.sets.codes else GREY_LEVELS * (far - near)
        low, high = np.percentile(places, [1, 99])
        found.append(
            {
                "name": name,
                "correlation": round(abs(float(np.corrcoef(along, values[:, row])[0, 1])), 3),
                "vector": [round(float(v), 6) for v in vector],
                "sigma": round(sigma, 5),
                "low": round(float(low), 2),
                "high": round(float(high), 2),
                "moves": round(float(change.float().abs().mean()), 3),
            }
        )
    return sorted(found, key=lambda direction: -direction["moves"])[:MOST]


def decoded(subject: Subject, z: Tensor, e: Tensor) -> Tensor:
    """Returns G(z, e), codes or images in [-1, 1], on the CPU."""
    return subject.model.decode(z.to(subject.device), e.to(subject.device)).cpu()


def linear_reader(features: Tensor, factors: np.ndarray) -> Tensor:
    """Fits a linear probe of features [N, K] to factors [N, F]; returns its weights [K, F]."""
    x = features.double()
    gram = x.T @ x + PROBE_RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(gram, x.T @ torch.from_numpy(factors).double()).float()


def changes_by_e(subject: Subject) -> Tensor:
    """Returns the mean change [K, D_e] of codes, or of the latents of images, per unit of each dimension of e."""
    some = slice(0, len(subject.z_train), max(1, len(subject.z_train) // PICTURES))
    z, e = subject.z_train[some], subject.e_train[some]
    columns = []
    for unit in torch.eye(subject.model.config.dim_e):
        far, near = (decoded(subject, z, e + sign * unit) for sign in (1, -1))
        if not subject.sets.codes:
            latents = (posterior_means(subject.model, to_uint8(images), subject.device) for images in (far, near))
            far, near = (torch.cat(both, dim=1) for both in latents)
        columns.append((far - near).mean(dim=0) / 2)
    return torch.stack(columns, dim=1)


def gentle_step(
    effect: np.ndarray, row: int, spread: np.ndarray, alone: float = ALONE, together: np.ndarray | None = None
) -> np.ndarray:
    """Returns the likeliest step [D_e] that adds 1 to factor `row`, given the covariance `spread` [D_e, D_e] of e.

    `effect` [F, D_e] is the change in each factor per unit of e. `alone` penalises the effect on other factors beyond
    `together` [F], by default 0. Without a penalty, they change as they do in photos.
    """
    expected = np.zeros(len(effect)) if together is None else together
    others = np.delete(effect - np.outer(expected, effect[row]), row, axis=0)
    cost = np.linalg.inv(spread) + alone * others.T @ others
    step = np.linalg.solve(cost, effect[row])
    return step / max(float(effect[row] @ step), 1e-6)

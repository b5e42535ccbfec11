"""What is measured of a model of codes alone: textures, samples and directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rbvae.faces.rendering import draw_texture
from rbvae.faces.texture import canonical_frame
from rbvae.images.arrays import to_tensor
from rbvae.models.model import RbVAE
from training.data.image_sets import ImageSets
from training.evaluation.probes import named_factors
from training.evaluation.subject import Subject

SAMPLES = 4000  # random draws compared with real codes
LEADING = 64  # coefficients with the largest weights, used for this comparison
PICTURE = 128  # side of a rendered code in pixels
GREY = 128
PROBE_RIDGE = 0.01  # relative to a code's unit variance
ALONE = 30.0  # penalty on a direction's effect on other factors, relative to its length


@torch.inference_mode()
def texture_errors(model: RbVAE | None, sets: ImageSets, device: torch.device) -> np.ndarray:
    """Returns the mean absolute error of each kept test face's visible texture [M], in grey levels.

    Textures are reconstructed from posterior means, or, without a model, from the codes, which gives the error of the
    basis.
    """
    codes = sets.codes
    assert codes
    x = sets.probe_test.images[: len(codes.kept_textures)]
    if model is not None:
        x = torch.cat([model(part.to(device)).cpu() for part in x.split(256)])
    frame = canonical_frame(codes.size)
    rebuilt = frame.joined(codes.basis.cpu().texture(x).numpy())
    error = np.abs(rebuilt - codes.kept_textures).mean(axis=2)
    return (error * codes.kept_visible).sum(axis=1) / codes.kept_visible.sum(axis=1)


def texture_change(model: RbVAE, codes: Tensor) -> float:
    """Returns the mean absolute change of texture, in grey levels, between faces whose codes differ by `codes`."""
    device, basis = codes.device, model.basis.cpu()
    change = float(basis.texture_change(codes.cpu()).abs().mean())
    model.basis.to(device)
    return change


@torch.inference_mode()
def frechet_of_samples(subject: Subject, seed: int = 0) -> float:
    """Returns the Frechet distance between G(z, e) of prior draws and the held-out codes.

    Uses the LEADING coefficients with the largest weights.
    """
    model, device, rng = subject.model, subject.device, torch.Generator().manual_seed(seed)
    z = torch.randn(SAMPLES, model.config.dim_z, generator=rng).to(device)
    e = torch.randn(SAMPLES, model.config.dim_e, generator=rng).to(device)
    weight = model.basis.weight.cpu()
    chosen = weight.argsort(descending=True)[:LEADING]
    x, y = (
        (codes.cpu() * weight)[:, chosen].double() for codes in (model.decode(z, e), subject.sets.probe_test.images)
    )
    of_x, of_y = torch.cov(x.T), torch.cov(y.T)
    root = torch.linalg.eigvals(of_x @ of_y).real.clamp_min(0).sqrt().sum()
    return float((x.mean(dim=0) - y.mean(dim=0)).square().sum() + of_x.trace() + of_y.trace() - 2 * root)


@torch.inference_mode()
def code_directions(subject: Subject) -> list[dict[str, Any]]:
    """Finds one direction per named factor, strongest effect first, in the format of `find_directions`.

    Each direction is the shortest step of e that changes its factor by one standard deviation and hardly changes the
    other factors. Factors are predicted from G(z, e) by a linear probe of codes.
    """
    model, device, z, e = subject.model, subject.device, subject.z_train, subject.e_train
    factors = named_factors(subject.sets.probe_train)
    values = np.stack(list(factors.values()), axis=1)
    values = (values - values.mean(axis=0)) / values.std(axis=0).clip(1e-6)
    effect = effect_of_e(subject, values)  # [factors, D_e]
    steps = np.stack([gentle_step(effect, row) for row in range(len(effect))])
    along = (e - e.mean(dim=0)).numpy() @ steps.T / np.square(steps).sum(axis=1)  # in steps
    some = slice(0, len(z), max(1, len(z) // 32))
    found = []
    for name, step, place, factor in zip(factors, steps, along.T, values.T, strict=True):
        moved = torch.from_numpy(2 * step).float()
        far = [model.decode(z[some].to(device), (e[some] + sign * moved).to(device)) for sign in (1, -1)]
        low, high = np.percentile(factor, [1, 99])
        sigma = float(np.linalg.norm(step))
        found.append(
            {
                "name": name,
                "correlation": round(abs(float(np.corrcoef(place, factor)[0, 1])), 3),
                "vector": [round(float(v), 6) for v in step / sigma],
                "sigma": round(sigma, 5),
                "low": round(float(low), 2),
                "high": round(float(high), 2),
                "moves": round(float(model.basis.texture_change(far[0] - far[1]).abs().mean()), 3),
            }
        )
    return sorted(found, key=lambda direction: -direction["moves"])


def effect_of_e(subject: Subject, factors: np.ndarray) -> np.ndarray:
    """Returns the change in each factor per unit of each dimension of e, [F, D_e].

    `factors` [N, F] are those of the training faces; the result is in their units.
    """
    model, device = subject.model, subject.device
    x = subject.sets.probe_train.images.double()
    gram = x.T @ x + PROBE_RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    reader = torch.linalg.solve(gram, x.T @ torch.from_numpy(factors).double()).float()  # [K, F]
    some = slice(0, len(x), max(1, len(x) // 64))
    z, e = subject.z_train[some], subject.e_train[some]
    columns = []
    for unit in torch.eye(model.config.dim_e):
        far, near = (model.decode(z.to(device), (e + sign * unit).to(device)).cpu() for sign in (1, -1))
        columns.append(((far - near) / 2 @ reader).mean(dim=0))
    return torch.stack(columns, dim=1).numpy()


def gentle_step(effect: np.ndarray, row: int) -> np.ndarray:
    """Returns the short step [D_e] that adds 1 to factor `row` with little effect on the other factors.

    `effect` [F, D_e] is the result of `effect_of_e`.
    """
    others = np.delete(effect, row, axis=0)
    cost = np.eye(effect.shape[1]) + ALONE * others.T @ others
    step = np.linalg.solve(cost, effect[row])
    return step / max(float(effect[row] @ step), 1e-6)


@torch.inference_mode()
def drawn(model: RbVAE, x: Tensor) -> Tensor:
    """Renders codes [N, K] as upright faces on grey, float [N, 3, PICTURE, PICTURE] in [-1, 1]."""
    basis, frame = model.basis.cpu(), canonical_frame(model.config.image_size)
    textures, shapes = frame.joined(basis.texture(x.cpu()).numpy()), basis.shape(x.cpu()).numpy().astype(np.float64)
    model.basis.to(x.device)
    blank = np.full((PICTURE, PICTURE, 3), GREY, np.uint8)
    faces = [draw_texture(blank, s * PICTURE, t, frame) for s, t in zip(shapes, textures, strict=True)]
    return to_tensor(np.stack(faces))

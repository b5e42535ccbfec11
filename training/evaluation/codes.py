"""Evaluates a model of codes on held-out faces, at the end of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rbvae.faces.rendering import draw_texture
from rbvae.faces.texture import canonical_frame
from rbvae.images.arrays import to_tensor
from rbvae.models.model import RbVAE

if TYPE_CHECKING:
    from training.data.codes import FaceCodes
    from training.data.image_sets import ImageSets

SAMPLES = 4000  # random draws compared with real codes
LEADING = 64  # coefficients with the largest weights, used for this comparison
PICTURE = 128  # side of a rendered code in pixels
GREY = 128
PROBE_RIDGE = 0.01  # relative to a code's unit variance
ALONE = 30.0  # penalty on a direction's effect on other factors, relative to its length


def evaluate_codes(model: RbVAE, sets: ImageSets, device: torch.device, seed: int = 0) -> dict[str, Any]:
    """Returns all scores of a model on held-out faces as plain numbers; the same seed gives identical results."""
    from training.evaluation.probes import named_factors, posterior_means, probe

    assert sets.codes
    was_training = model.training
    model.eval()
    z_train, e_train = posterior_means(model, sets.codes.train.images, device)
    z_test, e_test = posterior_means(model, sets.codes.test.images, device)
    train, test = named_factors(sets.codes.train), named_factors(sets.codes.test)
    probes = {
        name: {
            "from_e": probe(e_train, train[name], e_test, test[name]),
            "from_z": probe(z_train, train[name], z_test, test[name]),
        }
        for name in train
    }
    yaw = sets.codes.train.yaw.numpy(), sets.codes.test.yaw.numpy()
    scores = {
        "kind": sets.kind,
        "observes": "code",
        "test_images": len(sets.codes.test.images),
        "reconstruction": {
            "basis_l1": float(texture_errors(None, sets.codes, device).mean()),
            "l1": float(texture_errors(model, sets.codes, device).mean()),
        },
        "spread_over_e": spread_of_textures(model, sets.codes.test.images[:64], device, seed),
        "frechet": frechet_of_samples(model, sets.codes.test.images, device, seed),
        "probes": probes,
        "e_std": float(e_test.std(dim=0).mean()),
        "yaw_from_e": probe(e_train, yaw[0], e_test, yaw[1])["r2"],
        "mae_from_e": float(np.mean([scores["from_e"]["mae"] for scores in probes.values()])),
        "mae_from_z": float(np.mean([scores["from_z"]["mae"] for scores in probes.values()])),
    }
    model.train(was_training)
    return scores


@torch.inference_mode()
def texture_errors(model: RbVAE | None, codes: FaceCodes, device: torch.device) -> np.ndarray:
    """Returns the mean absolute error of each kept test face's visible texture [M], in grey levels.

    Textures are reconstructed from posterior means, or, without a model, from the codes, which gives the error of the
    basis.
    """
    x = codes.test.images[codes.kept]
    if model is not None:
        x = torch.cat([model(part.to(device)).cpu() for part in x.split(256)])
    frame = canonical_frame(codes.size)
    rebuilt = frame.joined(codes.basis.cpu().texture(x).numpy())
    error = np.abs(rebuilt - codes.kept_textures).mean(axis=2)
    return (error * codes.kept_visible).sum(axis=1) / codes.kept_visible.sum(axis=1)


@torch.inference_mode()
def spread_of_textures(model: RbVAE, x: Tensor, device: torch.device, seed: int = 0, draws: int = 16) -> float:
    """Returns the mean absolute texture difference in grey levels between random e at the same z; 0 if e is ignored."""
    rng = torch.Generator().manual_seed(seed)
    e = torch.randn(draws, model.config.dim_e, generator=rng).to(device)
    z = model.encoder_z(x.to(device)).mean
    codes = [model.decode(z, e_k).cpu() for e_k in e]
    basis = model.basis.cpu()
    changes = [
        basis.texture_change(one - other).abs().mean() for one, other in zip(codes[::2], codes[1::2], strict=True)
    ]
    model.basis.to(device)
    return float(torch.stack(changes).mean())


@torch.inference_mode()
def frechet_of_samples(model: RbVAE, real: Tensor, device: torch.device, seed: int = 0) -> float:
    """Returns the Frechet distance between G(z, e) of prior draws and `real` codes [N, K].

    Uses the LEADING coefficients with the largest weights.
    """
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(SAMPLES, model.config.dim_z, generator=rng).to(device)
    e = torch.randn(SAMPLES, model.config.dim_e, generator=rng).to(device)
    weight = model.basis.weight.cpu()
    chosen = weight.argsort(descending=True)[:LEADING]
    x, y = ((codes.cpu() * weight)[:, chosen].double() for codes in (model.decode(z, e), real))
    of_x, of_y = torch.cov(x.T), torch.cov(y.T)
    root = torch.linalg.eigvals(of_x @ of_y).real.clamp_min(0).sqrt().sum()
    return float((x.mean(dim=0) - y.mean(dim=0)).square().sum() + of_x.trace() + of_y.trace() - 2 * root)


@torch.inference_mode()
def code_directions(model: RbVAE, codes: FaceCodes, device: torch.device) -> list[dict[str, Any]]:
    """Finds one direction per named factor, strongest effect first, in the format of `find_directions`.

    Each direction is the shortest step of e that changes its factor by one standard deviation and hardly changes the
    other factors. Factors are predicted from G(z, e) by a linear probe of codes.
    """
    from training.evaluation.probes import named_factors, posterior_means

    factors = named_factors(codes.train)
    values = np.stack(list(factors.values()), axis=1)
    values = (values - values.mean(axis=0)) / values.std(axis=0).clip(1e-6)
    effect = effect_of_e(model, codes, values, device)  # [factors, D_e]
    steps = np.stack([gentle_step(effect, row) for row in range(len(effect))])
    z, e = posterior_means(model, codes.train.images, device)
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


def effect_of_e(model: RbVAE, codes: FaceCodes, factors: np.ndarray, device: torch.device) -> np.ndarray:
    """Returns the change in each factor per unit of each dimension of e, [F, D_e].

    `factors` [N, F] are those of the training faces; the result is in their units.
    """
    from training.evaluation.probes import posterior_means

    x = codes.train.images.double()
    gram = x.T @ x + PROBE_RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    reader = torch.linalg.solve(gram, x.T @ torch.from_numpy(factors).double()).float()  # [K, F]
    z, e = posterior_means(model, codes.train.images[:: max(1, len(x) // 64)], device)
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

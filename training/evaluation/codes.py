"""What is measured of a model of codes alone: textures and samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rbvae.faces.rendering import draw_texture
from rbvae.faces.texture import canonical_frame
from rbvae.images.arrays import to_tensor
from rbvae.models.model import RbVAE
from training.data.image_sets import FaceCodes, ImageSets
from training.evaluation.probes import posterior_means

SAMPLES = 4000  # random draws compared with real codes
LEADING = 64  # coefficients with the largest weights, used for this comparison
PICTURE = 128  # side of a rendered code in pixels
GREY = 128


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
def frechet_of_samples(model: RbVAE, real: Tensor, device: torch.device, seed: int = 0) -> float:
    """Returns the Frechet distance between G(z, e) of prior draws and `real` codes [N, K].

    Uses the LEADING coefficients with the largest weights. NaN for fewer than two codes.
    """
    if len(real) < 2:
        return float("nan")
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
def measure_references(model: RbVAE, codes: FaceCodes, device: torch.device) -> None:
    """Set the model's `reference_covariance` [D_e, D_e] to that of the posterior means of e over the references."""
    _, e = posterior_means(model, codes.statistics.codes[codes.statistics.references], device)
    model.reference_covariance.copy_(torch.cov(e.T, correction=min(1, len(e) - 1)))  # 0 for a single one


@torch.inference_mode()
def drawn(model: RbVAE, x: Tensor) -> Tensor:
    """Renders codes [N, K] as upright faces on grey, float [N, 3, PICTURE, PICTURE] in [-1, 1]."""
    basis, frame = model.basis.cpu(), canonical_frame(model.config.image_size)
    textures, shapes = frame.joined(basis.texture(x.cpu()).numpy()), basis.shape(x.cpu()).numpy().astype(np.float64)
    model.basis.to(x.device)
    blank = np.full((PICTURE, PICTURE, 3), GREY, np.uint8)
    faces = [draw_texture(blank, s * PICTURE, t, frame) for s, t in zip(shapes, textures, strict=True)]
    return to_tensor(np.stack(faces))

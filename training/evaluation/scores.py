"""The scores computed at the end of every training run, in seconds: reconstruction, probes and the effect of e."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rbvae.errors import CheckpointError
from rbvae.faces.landmarks import ENERGETIC
from rbvae.images.arrays import to_float
from rbvae.models.model import RbVAE
from training.data.image_sets import ImageSets
from training.evaluation.probes import named_factors, posterior_means, probe

RANDOM_E = 16


QUICK_PAIRS = 256


@torch.inference_mode()
def fidelity(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> dict[str, float]:
    """Returns L1 in grey levels (0 to 255) and PSNR in dB of reconstructions from posterior means."""
    absolute, squared, count = 0.0, 0.0, 0
    for part in images.split(batch):
        x = to_float(part.to(device))
        error = (model(x).float() - x) * 127.5
        absolute += float(error.abs().sum())
        squared += float(error.square().sum())
        count += error.numel()
    return {"l1": absolute / count, "psnr": float(10 * np.log10(255.0**2 * count / max(squared, 1e-9)))}


@torch.inference_mode()
def errors(model: RbVAE, images: Tensor, device: torch.device, batch: int = 256) -> np.ndarray:
    """Returns the mean absolute reconstruction error of each image [N], in grey levels."""
    found = [
        (model(x := to_float(part.to(device))).float() - x).abs().mean(dim=(1, 2, 3)) for part in images.split(batch)
    ]
    return torch.cat(found).cpu().numpy() * 127.5


def usual_errors(model: RbVAE, sets: ImageSets, device: torch.device) -> dict[str, float]:
    """Returns the 95th and 99th percentiles of reconstruction errors, in grey levels.

    rbvae.editing.warnings uses them to warn about unusual photos.
    """
    if sets.codes:
        from training.evaluation.codes import texture_errors

        found = texture_errors(model, sets.codes, device)
    else:
        found = errors(model, sets.probe_test.images, device)
    p95, p99 = np.percentile(found, [95, 99])
    return {"error_p95": round(float(p95), 2), "error_p99": round(float(p99), 2)}


@torch.inference_mode()
def spread(model: RbVAE, images: Tensor, device: torch.device, seed: int = 0) -> float:
    """Returns the mean absolute image difference in grey levels between random e at the same z; 0 if e is ignored."""
    rng = torch.Generator().manual_seed(seed)
    e = torch.randn(RANDOM_E, model.config.dim_e, generator=rng).to(device)
    z = model.encoder_z(to_float(images.to(device))).mean
    pictures = torch.stack([model.decode(z, e_k).float() for e_k in e])  # [16, N, 3, S, S]
    return float((pictures[0::2] - pictures[1::2]).abs().mean() * 127.5)


def apart(images: Tensor) -> float:
    """Returns the mean absolute difference between consecutive images in grey levels, the ceiling for `spread`."""
    pixels = images[:256].float()
    return float((pixels[1:] - pixels[:-1]).abs().mean()) if len(pixels) > 1 else 0.0


@torch.inference_mode()
def predicted_transfer(
    model: RbVAE, sets: ImageSets, z: Tensor, e: Tensor, device: torch.device, seed: int
) -> dict[str, float] | None:
    """Measures how much of A's factors transfers to G(z_B, e_A), with factors predicted by the feature network.

    A fast substitute for the landmarker. Each value is a `transfer_slope` (training/evaluation/transfer.py):
    0 means no transfer, `photo_a` is the ceiling. Returns None without a feature network.
    """
    from rbvae.images.arrays import to_uint8
    from training.evaluation.feature_net import EMBEDDED, load_features
    from training.evaluation.transfer import choose_pairs, transfer_slope

    try:
        net = load_features(EMBEDDED / f"features-{sets.kind}")[0].to(device)
    except CheckpointError:
        return None
    pairs = choose_pairs(sets.probe_test.shows, len(z), QUICK_PAIRS, seed)
    rows, a = torch.from_numpy(pairs.rows), torch.from_numpy(pairs.a)
    z_b, e_b = z[rows].to(device), e[rows].to(device)
    truth = sets.probe_test.factors[rows].double().numpy()
    weight = ENERGETIC / 1.0 if sets.kind == "faces" else 1 / truth.std(axis=0).clip(1e-6)
    goal = truth[pairs.a] * weight

    def slope(pictures: Tensor) -> float:
        return transfer_slope(net.predict(pictures)[1].double().numpy() * weight, goal)

    return {
        "edit": slope(to_uint8(model.decode(z_b, e_b[a.to(device)]))),
        "floor": slope(to_uint8(model.decode(z_b, e_b))),
        "rebuilt_a": slope(to_uint8(model.decode(z_b, e_b))[a.to(device)]),
        "photo_a": slope(sets.probe_test.images[rows[a]].to(device)),
    }


def evaluate(model: RbVAE, sets: ImageSets, device: torch.device, seed: int = 0) -> dict:
    """Returns all scores of a model on held-out images as plain numbers; the same seed gives identical results."""
    if sets.codes:
        from training.evaluation.codes import evaluate_codes

        return evaluate_codes(model, sets, device, seed)
    was_training = model.training
    model.eval()
    z_train, e_train = posterior_means(model, sets.probe_train.images, device)
    z_test, e_test = posterior_means(model, sets.probe_test.images, device)
    targets = zip(named_factors(sets.probe_train).items(), named_factors(sets.probe_test).values(), strict=True)
    probes = {
        name: {
            "from_e": probe(e_train, train_target, e_test, test_target),
            "from_z": probe(z_train, train_target, z_test, test_target),
        }
        for (name, train_target), test_target in targets
    }
    averages = {
        f"mae_from_{latent}": float(np.mean([scores[f"from_{latent}"]["mae"] for scores in probes.values()]))
        for latent in ("e", "z")
    }
    scores = {
        "kind": sets.kind,
        "test_images": len(sets.probe_test.images),
        "reconstruction": fidelity(model, sets.probe_test.images, device),
        "spread_over_e": spread(model, sets.probe_test.images[:64], device, seed),
        "apart": apart(sets.probe_test.images),
        "e_std": float(e_test.std(dim=0).mean()),
        "predicted_transfer": predicted_transfer(model, sets, z_test, e_test, device, seed),
        "probes": probes,
        **averages,
    }
    model.train(was_training)
    return scores

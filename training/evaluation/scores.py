"""The scores computed at the end of every training run, in seconds: reconstruction, probes and the effect of e."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rbvae.errors import CheckpointError
from rbvae.faces.landmarks import ENERGETIC
from rbvae.images.arrays import to_float, to_uint8
from rbvae.models.model import RbVAE
from training.evaluation.probes import named_factors, probe
from training.evaluation.subject import GREY_LEVELS, Subject

RANDOM_E, QUICK_PAIRS = 16, 256


@torch.inference_mode()
def spread(model: RbVAE, images: Tensor, device: torch.device, seed: int = 0) -> float:
    """Returns the mean absolute difference in grey levels between random e at the same z; 0 if e is ignored.

    `images` are uint8 [N, 3, S, S], or codes [N, K], whose textures are compared.
    """
    rng = torch.Generator().manual_seed(seed)
    e = torch.randn(RANDOM_E, model.config.dim_e, generator=rng).to(device)
    z = model.encoder_z(to_float(images.to(device))).mean
    drawn = [model.decode(z, e_k).float() for e_k in e]
    if model.config.observes == "code":
        from training.evaluation.codes import texture_change

        changes = [texture_change(model, one - other) for one, other in zip(drawn[::2], drawn[1::2], strict=True)]
        return float(torch.tensor(changes).mean())
    pictures = torch.stack(drawn)  # [16, N, 3, S, S]
    return float((pictures[0::2] - pictures[1::2]).abs().mean() * GREY_LEVELS)


def apart(images: Tensor) -> float:
    """Returns the mean absolute difference between consecutive images in grey levels, the ceiling for `spread`."""
    pixels = images[:256].float()
    return float((pixels[1:] - pixels[:-1]).abs().mean()) if len(pixels) > 1 else 0.0


@torch.inference_mode()
def predicted_transfer(subject: Subject, seed: int) -> dict[str, float] | None:
    """Measures how much of A's factors transfers to G(z_B, e_A), with factors predicted by the feature network.

    A fast substitute for the landmarker. Each value is a `transfer_slope` (training/evaluation/transfer.py):
    0 means no transfer, `photo_a` is the ceiling. Returns None without a feature network.
    """
    from training.evaluation.feature_net import EMBEDDED, load_features
    from training.evaluation.transfer import choose_pairs, transfer_slope

    model, test, device = subject.model, subject.sets.probe_test, subject.device
    try:
        net = load_features(EMBEDDED / f"features-{subject.sets.kind}")[0].to(device)
    except CheckpointError:
        return None
    pairs = choose_pairs(test.shows, len(subject.z), QUICK_PAIRS, seed)
    rows, a = torch.from_numpy(pairs.rows), torch.from_numpy(pairs.a)
    z_b, e_b = subject.z[rows].to(device), subject.e[rows].to(device)
    truth = test.factors[rows].double().numpy()
    weight = ENERGETIC / 1.0 if subject.sets.kind == "faces" else 1 / truth.std(axis=0).clip(1e-6)
    goal = truth[pairs.a] * weight

    def slope(pictures: Tensor) -> float:
        return transfer_slope(net.predict(pictures)[1].double().numpy() * weight, goal)

    rebuilt = to_uint8(model.decode(z_b, e_b))
    return {
        "edit": slope(to_uint8(model.decode(z_b, e_b[a.to(device)]))),
        "floor": slope(rebuilt),
        "rebuilt_a": slope(rebuilt[a.to(device)]),
        "photo_a": slope(test.images[rows[a]].to(device)),
    }


def evaluate(subject: Subject, seed: int = 0) -> dict[str, Any]:
    """Returns all scores of a model on held-out images as plain numbers, NaN where there are too few images.

    The same seed gives identical results.
    """
    sets, z, e = subject.sets, subject.z, subject.e
    train, test = named_factors(sets.probe_train), named_factors(sets.probe_test)
    probes = {
        name: {
            "from_e": probe(subject.e_train, train[name], e, test[name]),
            "from_z": probe(subject.z_train, train[name], z, test[name]),
        }
        for name in train
    }
    scores = {
        "kind": sets.kind,
        "test_images": len(sets.probe_test.images),
        "reconstruction": subject.fidelity,
        "spread_over_e": spread(subject.model, sets.probe_test.images[:64], subject.device, seed),
        "e_std": float(e.std(dim=0).mean()) if len(e) > 1 else math.nan,
        "probes": probes,
    }
    for latent in ("e", "z"):
        scores[f"mae_from_{latent}"] = float(np.mean([one[f"from_{latent}"]["mae"] for one in probes.values()]))
    if sets.codes:
        from training.evaluation.codes import frechet_of_samples

        scores["observes"] = "code"
        scores["frechet"] = frechet_of_samples(subject.model, sets.probe_test.images, subject.device, seed)
        yaw = sets.probe_train.yaw.numpy(), sets.probe_test.yaw.numpy()
        scores["yaw_from_e"] = probe(subject.e_train, yaw[0], e, yaw[1])["r2"]
    else:
        scores["apart"] = apart(sets.probe_test.images)
        scores["predicted_transfer"] = predicted_transfer(subject, seed)
    return scores


def plain(value: Any) -> Any:
    """Converts a result to JSON values; numbers that are not finite become None."""
    if isinstance(value, dict):
        return {key: plain(some) for key, some in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(some) for some in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

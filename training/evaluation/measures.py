"""The full evaluation of a model of images: quick scores, fidelity, realism and, for digits, transfer of style.

Edits of faces are measured in photos, by truth.py and strangers.py. Measures whose dependencies are missing are
reported as not measured, with what to install.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rbvae.checkpoint import Checkpoint
from rbvae.errors import CheckpointError, ConfigError, LandmarkerError
from training.data.image_sets import ImageSets
from training.evaluation.feature_net import EMBEDDED, FeatureNet, load_features
from training.evaluation.probes import posterior_means
from training.evaluation.realism import NAMES, likeness, mean_image, measure_realism
from training.evaluation.scores import evaluate, plain
from training.evaluation.styles import measure_styles, right_answer
from training.evaluation.subject import Subject, infer
from training.evaluation.transfer import Pairs, choose_pairs

PAIRS = 1000
TRAIN_PICTURES, TEST_PICTURES = 4000, 2000  # maximum numbers of images compared by FID-expr


@dataclass(frozen=True)
class Settings:
    """Settings of an evaluation.

    `pairs` None means PAIRS; `features` None means the embedded feature network.
    """

    seed: int = 0
    pairs: int | None = None
    features: Path | None = None


def measure(checkpoint: Checkpoint, sets: ImageSets, device: torch.device, settings: Settings) -> dict[str, Any]:
    """Returns all scores of a checkpoint on held-out images as plain numbers.

    The same seed gives identical results on one machine; another number of threads may change the seventh digit.
    """
    subject = infer(checkpoint.model.to(device), sets, device)
    scores = evaluate(subject, settings.seed) | {"seed": settings.seed}
    net = _or_reason(lambda: _features(settings.features or EMBEDDED / f"features-{sets.kind}", sets.kind))
    photos, rebuilt = sets.probe_test.images, subject.decoded(subject.z, subject.e)
    if sets.kind == "digits":
        pairs = choose_pairs(sets.probe_test.shows, len(photos), settings.pairs or PAIRS, settings.seed)
        scores["transfer"] = _transfer(subject, net, pairs, settings.seed)
    scores["fidelity"] = _fidelity(photos, rebuilt, sets.unlabelled)
    scores["realism"] = _realism(subject, net, rebuilt, settings.seed)
    return plain(scores)


def _transfer(subject: Subject, net: tuple | str, pairs: Pairs, seed: int) -> dict[str, Any]:
    digits, rows = subject.sets.test_digits, torch.from_numpy(pairs.rows)
    if isinstance(net, str) or digits is None:
        return {"not_measured": net if isinstance(net, str) else "give the MNIST root as --data"}
    z, e, answer = subject.z[rows], subject.e[rows], right_answer(digits, pairs)
    pictures = {
        "photo": subject.sets.probe_test.images[rows],
        "rebuilt": subject.decoded(z, e),
        "edit": subject.decoded(z, e[torch.from_numpy(pairs.a)]),
        "answer": answer,
        "answer_rebuilt": subject.decoded(*posterior_means(subject.model, answer, subject.device)),
    }
    return measure_styles(net[0], digits, pairs, pictures, seed)


def _features(folder: Path, kind: str) -> tuple[FeatureNet, dict[str, Any]]:
    net, config = load_features(folder)
    if config["kind"] != kind:
        raise CheckpointError(f"{folder} was trained on {config['kind']}; give a feature network of {kind}")
    return net, config


def _fidelity(photos: Tensor, rebuilt: Tensor, train: Tensor) -> dict[str, Any]:
    if reason := _missing("torchmetrics"):
        return {"not_measured": reason}
    return {"rebuilt": likeness(rebuilt, photos), "mean_image": likeness(mean_image(train, photos), photos)}


def _realism(subject: Subject, net: tuple[FeatureNet, dict] | str, rebuilt: Tensor, seed: int) -> dict[str, Any]:
    reason = net if isinstance(net, str) else _missing("torchmetrics")
    if isinstance(net, str) or reason:
        return {"not_measured": reason}
    if min(len(subject.sets.probe_test.images), len(subject.sets.unlabelled)) < 2:
        return {"not_measured": "a distance between distributions needs two or more pictures of each"}
    rng = np.random.default_rng(seed)
    config, train, photos = subject.model.config, subject.sets.unlabelled, subject.sets.probe_test.images
    rows = torch.from_numpy(rng.permutation(len(photos))[:TEST_PICTURES])
    train = train[torch.from_numpy(rng.permutation(len(train))[:TRAIN_PICTURES])]
    z, e, other_e = (
        torch.from_numpy(rng.standard_normal((len(rows), dim)).astype(np.float32))
        for dim in (config.dim_z, config.dim_e, config.dim_e)
    )
    sets = {
        "photos": photos[rows],
        "rebuilt": rebuilt[rows],
        "random_e": subject.decoded(subject.z[rows], other_e),
        "prior": subject.decoded(z, e),
    }
    found = measure_realism(net[0], sets, train, seed)
    return found | {"names": list(NAMES[subject.sets.kind]), "features": net[1]["weights_sha256"][:12]}


def _or_reason(make: Callable[[], Any]) -> Any:
    """Returns the result of `make`, or the message of its error as text."""
    try:
        return make()
    except (ConfigError, LandmarkerError, CheckpointError) as error:
        return str(error)


def _missing(module: str) -> str:
    return "" if importlib.util.find_spec(module) else f"install {module}"

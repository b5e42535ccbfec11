"""The features that Table 1 compares, and their scores: an equal number for all methods, and the paper's choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rbvae.images.arrays import to_float
from rbvae.models.model import RbVAE
from training.table1.metrics import disentanglement
from training.table1.probes import halves, nonlinear_probe, probe, thirds
from training.table1.task import Task

Cell = dict[str, object]
ACTIVE = 0.05  # nats of KL to the prior, from which a latent counts as used


@dataclass(frozen=True)
class Latents:
    """Posterior means z [N, D_z] and e [N, D_e] of some observations."""

    z: np.ndarray
    e: np.ndarray

    @property
    def all(self) -> np.ndarray:
        """z and e side by side."""
        return np.concatenate([self.z, self.e], axis=1)


@torch.inference_mode()
def latents_of(model: RbVAE, x: Tensor, device: torch.device, batch: int = 256) -> Latents:
    """Returns the posterior means of images uint8 [N, 1|3, S, S] or codes [N, K]."""
    found = [model.encode(observed(part, device)) for part in x.split(batch)]
    z, e = (torch.cat([q[side].mean.cpu() for q in found]).numpy() for side in (0, 1))
    return Latents(z, e)


def observed(x: Tensor, device: torch.device) -> Tensor:
    """Returns images uint8 [N, 1|3, S, S] as float [N, 3, S, S] in [-1, 1]; codes stay as they are."""
    x = to_float(x.to(device))
    return x.expand(-1, 3, -1, -1) if x.ndim == 4 else x


class Reduced:
    """A fixed linear map of features [N, D] to their leading `count` principal components, fitted to `known`."""

    def __init__(self, known: np.ndarray, count: int) -> None:
        self.middle = known.mean(axis=0)
        self.directions = np.linalg.svd(known - self.middle, full_matrices=False)[2][:count].T

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return (features - self.middle) @ self.directions


def equal(kind: str, latents: Latents, validation: Latents) -> np.ndarray:
    """Returns D_e features: e, or for a method without a reference set, whose features are "ze", as many principal
    components of its latents over the validation images."""
    if kind == "e":
        return latents.e
    return Reduced(validation.all, validation.e.shape[1])(latents.all)


def validated(model: RbVAE, kind: str, task: Task, device: torch.device) -> float:
    """Returns the linear probe's average on the validation images; half of them fit the probe, half score it."""
    latents = latents_of(model, task.validation.images, device)
    targets = task.validation.targets
    return float(probe(equal(kind, latents, latents), targets, task.names, halves(len(targets)))["average"])


def scored(model: RbVAE, kind: str, task: Task, device: torch.device) -> Cell:
    """Returns all scores of a trained model on the held-out images."""
    latents, validation = (latents_of(model, part.images, device) for part in (task.held_out, task.validation))
    same = equal(kind, latents, validation)
    cell: Cell = scores_of(same, task)
    cell["papers_choice"] = linear(latents.e if kind == "e" else latents.all, task)
    cell["whole"] = linear(latents.all, task)
    if kind == "e":
        cell["z"] = linear(latents.z, task)
        cell["z_nonlinear"] = nonlinear_probe(latents.z, task.held_out.targets, task.names)
    if not task.classes:
        cell["metrics"] = disentanglement(latents.e if kind == "e" else latents.all, task.held_out.targets)
        cell["metrics_whole"] = disentanglement(latents.all, task.held_out.targets) if kind == "e" else cell["metrics"]
    cell["active"] = active(model, task, device)
    return cell


def scores_of(features: np.ndarray, task: Task) -> Cell:
    """Returns the linear and the non-linear probe's scores of features [N, D] of the held-out images."""
    targets = task.held_out.targets
    return {"probe": linear(features, task), "nonlinear": nonlinear_probe(features, targets, task.names)}


def linear(features: np.ndarray, task: Task) -> dict[str, object]:
    """Returns the linear probe's scores of features [N, D] of the held-out images."""
    targets = task.held_out.targets
    return probe(features, targets, task.names, thirds(targets))


@torch.inference_mode()
def active(model: RbVAE, task: Task, device: torch.device) -> list[int]:
    """Returns how many latents of z and of e have more than ACTIVE nats of KL to the prior, on average."""
    q_z, q_e = model.encode(observed(task.validation.images[:1000], device))
    parts = [0.5 * (q.mean.square() + q.log_var.exp() - q.log_var - 1).mean(dim=0) for q in (q_z, q_e)]
    return [int((part > ACTIVE).sum()) for part in parts]

"""Controls to compare features with: constants, untrained encoders, raw pixels and a supervised network."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rbvae.errors import TrainingError
from rbvae.images.arrays import to_float
from rbvae.models.encoders import Encoder
from rbvae.models.model import RbVAE
from training.data.batches import Batches, step_generator
from training.engine.config import TrainConfig
from training.engine.loop import stopping
from training.engine.state import TrainingState, due
from training.table1.cells import Budget, Cell, Log, features_of, spent
from training.table1.metrics import disentanglement
from training.table1.probes import probe, thirds
from training.table1.settings import PRETRAINING_STEPS
from training.table1.task import Task

PCA_IMAGES = 10_000
TITLES = {  # name -> (title in the table, features, whether it depends on the seed)
    "constant": ("no features: the mean, or chance", "", False),
    "random_e": ("random encoder, as many features as e", "e", True),
    "random": ("random encoder", "ze", True),
    "start": ("the closed form that networks begin with", "e", False),
    "told": ("what references tell of e, before any method trains", "e", False),
    "pixels_e": ("pixels by PCA, as many features as e", "e", False),
    "pixels": ("pixels by PCA", "ze", False),
    "supervised": ("supervised network of the same size", "e", True),
}


def control_cell(name: str, config: TrainConfig, task: Task, budget: Budget, log: Log) -> Cell:
    """Computes one control and scores it like a method."""
    kind, device = TITLES[name][1], budget.processes.device
    cell: Cell = {}
    if name == "constant":
        features = np.zeros((len(task.held_out.targets), 1))
    elif name.startswith("random"):
        torch.manual_seed(config.seed)
        plain = dataclasses.replace(config.model, linear=False)  # linear paths would start from the closed form
        features = features_of(RbVAE(plain).to(device).eval(), task.held_out.images, device)[kind]
    elif name in ("start", "told"):
        steps = PRETRAINING_STEPS if name == "told" else 0
        linear = dataclasses.replace(config.model, linear=True)
        state = TrainingState(
            dataclasses.replace(config, method="srb", model=linear, pretraining_steps=steps), budget.processes
        )
        images = task.unlabelled.to(device), task.references.to(device)
        state.begin(Batches(*images, config.batch, config.flip, config.seed))
        features = features_of(state.model.eval(), task.held_out.images, device)[kind]
    elif name.startswith("pixels"):
        count = config.model.dim_e + (config.model.dim_z if kind == "ze" else 0)
        features = principal_components(task.unlabelled, task.held_out.images, count)
    else:
        features, cell = supervised(config, task, budget, log)
    targets = task.held_out.targets
    cell["probe"] = probe(features, targets, task.names, thirds(targets))
    if task.classes and name == "constant":  # scores per class are meaningless for a constant
        cell["probe"]["factors"] = dict.fromkeys(task.names)
    if not task.classes and name != "constant":
        cell["metrics"] = disentanglement(features, targets)
    return cell


def principal_components(train: Tensor, images: Tensor, count: int) -> np.ndarray:
    """Projects images uint8 [N, C, S, S] on the principal components of the training images, [N, count]."""
    from sklearn.decomposition import PCA

    rows = np.random.default_rng(0).permutation(len(train))[:PCA_IMAGES]
    flat = to_float(train[torch.from_numpy(rows)]).flatten(1).numpy()
    pca = PCA(min(count, *flat.shape), svd_solver="randomized", random_state=0).fit(flat)
    return np.concatenate([pca.transform(to_float(part).flatten(1).numpy()) for part in images.split(2000)])


class Supervised(nn.Module):
    """The encoder of e with a linear head; the D_e features match those of the methods with a reference set."""

    def __init__(self, config: TrainConfig, outputs: int) -> None:
        super().__init__()
        self.encoder = Encoder(config.model, config.model.dim_e)
        self.head = nn.Linear(config.model.dim_e, outputs)

    def forward(self, x: Tensor) -> Tensor:  # [N, 3, S, S] -> [N, K]
        return self.head(self.encoder(x).mean)


def supervised(config: TrainConfig, task: Task, budget: Budget, log: Log) -> tuple[np.ndarray, Cell]:
    """Trains on the labelled training images with the same budget.

    Returns features of the held-out images [N, D_e], and steps and seconds. Raises TrainingError if the loss diverges.
    """
    device, targets = budget.processes.device, torch.from_numpy(task.labelled.targets)
    torch.manual_seed(config.seed)
    network = Supervised(config, len(task.names)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), config.lr)
    losses = loss_of(task, targets, device)
    images, targets, step, started = task.labelled.images.to(device), targets.to(device), 0, time.monotonic()
    with stopping(budget.minutes, budget.processes) as stop:
        while step < config.steps and not stop.now(step):
            rng = step_generator(config.seed, step, device, stream=2)
            rows = torch.randint(len(images), (2 * config.batch,), generator=rng, device=device)
            x = to_float(images[rows]).expand(-1, 3, -1, -1)
            if config.flip and step % 2:
                x = x.flip(3)
            loss = losses(network(x), targets[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            if due(step, config.report_every):
                if not torch.isfinite(loss):
                    raise TrainingError(f"diverged before step {step}; lower lr")
                log(spent(step, config, started, budget), f"step {step}")
    if stop.asked and step < config.steps:
        raise KeyboardInterrupt
    network.eval()
    with torch.inference_mode():
        parts = [network.encoder(to_float(part.expand(-1, 3, -1, -1).to(device))).mean.cpu()
                 for part in task.held_out.images.split(256)]  # fmt: skip
    return torch.cat(parts).numpy(), {"steps": step, "seconds": round(time.monotonic() - started, 1)}


def loss_of(task: Task, targets: Tensor, device: torch.device) -> Any:
    """Returns the loss: mean absolute error for factors, cross-entropy with equal class weights for classes."""
    if not task.classes:
        return nn.L1Loss()
    counts = torch.bincount(targets, minlength=len(task.names)).clamp_min(1)
    return nn.CrossEntropyLoss(weight=(len(targets) / (len(task.names) * counts)).to(device))

"""Controls to compare features with: constants, untrained encoders, raw pixels and a supervised network."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from rbvae.images.arrays import to_float
from rbvae.models.encoders import Encoder
from rbvae.models.model import RbVAE
from training.data.batches import AnyBatches, step_generator
from training.engine.config import TrainConfig
from training.engine.optimise import descend
from training.engine.processes import Processes
from training.engine.start import begin
from training.engine.state import TrainingState
from training.table1.cells import Budget, Cell, Log, batches_of, features_of, trained
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
        begin(state, batches_of(config, task, device))
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


class Supervised:
    """The encoder of e with a linear head; the D_e features match those of the methods with a reference set.

    Trains like a `TrainingState`, on batches of `LabelledBatches`.
    """

    def __init__(self, config: TrainConfig, task: Task, processes: Processes) -> None:
        torch.manual_seed(config.seed)
        self.config, self.processes, self.step = config, processes, 0
        self.encoder = Encoder(config.model, config.model.dim_e).to(processes.device)
        self.head = nn.Linear(config.model.dim_e, len(task.names)).to(processes.device)
        self.optimizer = torch.optim.Adam([*self.encoder.parameters(), *self.head.parameters()], config.lr)
        self.loss = loss_of(task, processes.device)

    def update(self, x: Tensor, target: Tensor) -> dict[str, Tensor]:
        """One step on images [N, 3, S, S] and their factors or classes."""
        loss = self.loss(self.head(self.encoder(x).mean), target)
        descend(self.optimizer, loss)
        self.step += 1
        return {"loss": loss.detach()}

    @torch.inference_mode()
    def features(self, images: Tensor) -> np.ndarray:
        """Returns the features [N, D_e] of images uint8 [N, 1|3, S, S]."""
        self.encoder.eval()
        parts = (to_float(part.expand(-1, 3, -1, -1).to(self.processes.device)) for part in images.split(256))
        return torch.cat([self.encoder(x).mean.cpu() for x in parts]).numpy()


@dataclass(frozen=True)
class LabelledBatches(AnyBatches):
    """Endless batches of labelled images float [2 * batch, 3, S, S] and targets; the second of two is mirrored."""

    images: Tensor
    targets: Tensor
    config: TrainConfig

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the batch of one step, which depends only on (seed, step)."""
        rng = step_generator(self.config.seed, step, self.images.device, stream=2)
        rows = torch.randint(len(self.images), (2 * self.config.batch,), generator=rng, device=self.images.device)
        x = to_float(self.images[rows]).expand(-1, 3, -1, -1)
        return x.flip(3) if self.config.flip and step % 2 else x, self.targets[rows]


def supervised(config: TrainConfig, task: Task, budget: Budget, log: Log) -> tuple[np.ndarray, Cell]:
    """Trains on the labelled training images with the same budget.

    Returns features of the held-out images [N, D_e], and steps and seconds. Raises TrainingError if the loss diverges.
    """
    device, started = budget.processes.device, time.monotonic()
    state = Supervised(config, task, budget.processes)
    targets = torch.from_numpy(task.labelled.targets).to(device)
    trained(state, LabelledBatches(task.labelled.images.to(device), targets, config), budget, log)
    cell = {"steps": state.step, "seconds": round(time.monotonic() - started, 1)}
    return state.features(task.held_out.images), cell


def loss_of(task: Task, device: torch.device) -> nn.Module:
    """Returns the loss: mean absolute error for factors, cross-entropy with equal class weights for classes."""
    if not task.classes:
        return nn.L1Loss()
    counts = torch.bincount(torch.from_numpy(task.labelled.targets), minlength=len(task.names)).clamp_min(1)
    return nn.CrossEntropyLoss(weight=(len(task.labelled.targets) / (len(task.names) * counts)).to(device))

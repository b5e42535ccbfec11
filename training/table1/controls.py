"""Controls to compare features with: constants, untrained encoders, principal components, a supervised network."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rbvae.models.encoders import Encoder
from rbvae.models.model import RbVAE
from training.data.batches import AnyBatches, step_generator
from training.engine.config import TrainConfig
from training.engine.optimise import descend
from training.engine.processes import Processes
from training.engine.state import TrainingState
from training.table1.cells import TEMPORARY, Cell, batches_of, course_cell, start
from training.table1.course import Budget, Course, Log, Run, train, write_weights
from training.table1.features import latents_of, observed, scores_of
from training.table1.metrics import disentanglement
from training.table1.probes import halves, probe
from training.table1.settings import PRETRAINING_STEPS
from training.table1.task import Task

PCA_IMAGES = 10_000
TITLES = {  # name -> (title in the table, features, whether it depends on the seed)
    "constant": ("no features: the mean, or chance", "", False),
    "random_e": ("random encoder, as many features as e", "e", True),
    "random": ("random encoder", "ze", True),
    "start": ("the closed form that networks begin with", "e", False),
    "told": ("what references tell of e, before any method trains", "e", False),
    "pixels_e": ("principal components, as many as e has features", "e", False),
    "pixels": ("principal components", "ze", False),
    "supervised": ("supervised network of the same size", "e", True),
}
NOT_ON_CODES = ("told",)  # there is no pretraining on codes


def control_names(task: Task) -> list[str]:
    """Returns the controls of a dataset."""
    return [name for name in TITLES if not (task.codes and name in NOT_ON_CODES)]


def control_cell(name: str, config: TrainConfig, task: Task, folder: Path, budget: Budget, log: Log) -> Cell:
    """Computes one control and scores it like a method."""
    kind, device = TITLES[name][1], budget.processes.device
    cell: Cell = {}
    if name == "constant":
        features = np.zeros((len(task.held_out.targets), 1))
    elif name.startswith("random"):
        features = of_kind(untrained(config).to(device), kind, task, device)
    elif name in ("start", "told"):
        features = of_kind(first_model(name, config, task, budget.processes), kind, task, device)
    elif name.startswith("pixels"):
        count = config.model.dim_e + (config.model.dim_z if kind == "ze" else 0)
        features = principal_components(task, count)
    else:
        features, cell = supervised(config, task, folder, budget, log)
    cell |= scores_of(features, task)
    if task.classes and name == "constant":  # scores per class are meaningless for a constant
        for part in ("probe", "nonlinear"):
            cell[part]["factors"] = dict.fromkeys(task.names)
    if not task.classes and name != "constant":
        cell["metrics"] = disentanglement(features, task.held_out.targets)
    return cell


def of_kind(model: RbVAE, kind: str, task: Task, device: torch.device) -> np.ndarray:
    """Returns the features of the held-out images: e, or the whole latent ("ze")."""
    latents = latents_of(model.eval(), task.held_out.images, device)
    return latents.e if kind == "e" else latents.all


def untrained(config: TrainConfig) -> RbVAE:
    """Returns a model with random weights and no linear paths, which would start from the closed form.

    Encoders of codes always have one. It is zero, and so is the layer beside it, until a run begins.
    """
    torch.manual_seed(config.seed)
    model = RbVAE(dataclasses.replace(config.model, linear=False))
    for encoder in (model.encoder_z, model.encoder_e):
        if encoder.linear is not None:
            nn.init.normal_(encoder.moments.weight, std=0.5 * encoder.trunk.features**-0.5)
    return model


def first_model(name: str, config: TrainConfig, task: Task, processes: Processes) -> RbVAE:
    """Returns a model as it is before the first step: in closed form, or after reference pretraining ("told")."""
    steps = PRETRAINING_STEPS if name == "told" else 0
    model = dataclasses.replace(config.model, linear=True)
    config = dataclasses.replace(config, method="srb", model=model, closed_form=True, pretraining_steps=steps)
    state = TrainingState(config, processes)
    start(state, batches_of(config, task, processes.device), task)
    return state.model


def principal_components(task: Task, count: int) -> np.ndarray:
    """Projects the held-out observations on the principal components of unlabelled ones: [N, count].

    Coefficients of codes count by their share of the pixels' variance.
    """
    from sklearn.decomposition import PCA

    weight = task.codes.basis.weight if task.codes else 1.0
    rows = np.random.default_rng(0).permutation(len(task.unlabelled))[:PCA_IMAGES]
    known = flat(task.unlabelled[torch.from_numpy(rows)], weight)
    pca = PCA(min(count, *known.shape), svd_solver="randomized", random_state=0).fit(known)
    return np.concatenate([pca.transform(flat(part, weight)) for part in task.held_out.images.split(2000)])


def flat(x: Tensor, weight: Tensor | float) -> np.ndarray:
    """Returns observations as rows, [N, D]."""
    return (observed(x, torch.device("cpu")).flatten(1) * weight).numpy()


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
    def features(self, x: Tensor) -> np.ndarray:
        """Returns the features [N, D_e] of images uint8 [N, 1|3, S, S] or codes [N, K]."""
        self.encoder.eval()
        parts = [self.encoder(observed(part, self.processes.device)).mean.cpu() for part in x.split(256)]
        self.encoder.train()
        return torch.cat(parts).numpy()


@dataclass(frozen=True)
class LabelledBatches(AnyBatches):
    """Endless batches of labelled images float [2 * batch, 3, S, S], or codes, and targets.

    Every second batch of images is mirrored.
    """

    images: Tensor
    targets: Tensor
    config: TrainConfig

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Returns the batch of one step, which depends only on (seed, step)."""
        rng = step_generator(self.config.seed, step, self.images.device, stream=2)
        rows = torch.randint(len(self.images), (2 * self.config.batch,), generator=rng, device=self.images.device)
        x = observed(self.images[rows], self.images.device)
        return x.flip(3) if self.config.flip and step % 2 else x, self.targets[rows]


def supervised(config: TrainConfig, task: Task, folder: Path, budget: Budget, log: Log) -> tuple[np.ndarray, Cell]:
    """Trains on the labelled training images until the validation score stops improving.

    Returns features of the held-out images [N, D_e], and steps and seconds. Raises TrainingError if the loss diverges.
    """
    device = budget.processes.device
    state = Supervised(config, task, budget.processes)
    targets = torch.from_numpy(task.labelled.targets).to(device)
    batches = LabelledBatches(task.labelled.images.to(device), targets, config)

    def score() -> float:
        validation = task.validation
        splits = halves(len(validation.targets))
        return float(probe(state.features(validation.images), validation.targets, task.names, splits)["average"])

    def keep(folder: Path) -> None:
        write_weights(folder / "best.pt", state.encoder.state_dict())

    course = Course(task.classes)
    train(Run(state, batches, score, save=lambda folder: None, keep=keep), course, folder, budget, log)
    state.encoder.load_state_dict(torch.load(folder / "best.pt", map_location=device, weights_only=True))
    for name in TEMPORARY:
        (folder / name).unlink(missing_ok=True)
    return state.features(task.held_out.images), course_cell(course)


def loss_of(task: Task, device: torch.device) -> nn.Module:
    """Returns the loss: mean absolute error for factors, cross-entropy with equal class weights for classes."""
    if not task.classes:
        return nn.L1Loss()
    counts = torch.bincount(torch.from_numpy(task.labelled.targets), minlength=len(task.names)).clamp_min(1)
    return nn.CrossEntropyLoss(weight=(len(task.labelled.targets) / (len(task.names) * counts)).to(device))

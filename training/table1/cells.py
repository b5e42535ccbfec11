"""A cell of Table 1: trains and scores one method or control with one seed, and saves the result."""

from __future__ import annotations

import gc
import json
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rbvae.checkpoint import Checkpoint, save_checkpoint
from rbvae.errors import ConfigError, TrainingError
from rbvae.models.model import RbVAE
from training.data.batches import AnyBatches, Batches, Sampling
from training.engine.cli import write_json
from training.engine.config import TrainConfig
from training.engine.loop import Trained, checked, steps, stopping
from training.engine.processes import Processes
from training.engine.report import Means
from training.engine.run_folder import completed
from training.engine.start import begin
from training.engine.state import TrainingState
from training.evaluation.probes import posterior_means
from training.table1.metrics import disentanglement
from training.table1.probes import halves, probe, thirds
from training.table1.task import Labelled, Task

Cell = dict[str, Any]
Log = Callable[[float, str], None]  # progress report: share of the budget used, 0 to 1, and a message
VALIDATION = 4000  # training images used to choose weights


@dataclass(frozen=True)
class Budget:
    """The budget of every method: the config's steps or `minutes`, whichever ends first."""

    minutes: float | None
    processes: Processes


def relevant_settings(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the part of a config that affects a cell's scores."""
    return {name: value for name, value in config.items() if name not in ("engine", "report_every")}


def remembered(path: Path, settings: dict[str, Any], make: Callable[[], Cell]) -> Cell:
    """Reads the cell at `path`, or makes it and writes it there.

    A run stopped by a training check ("stopped") counts as a result and is kept. Any other failure ("failed") is
    recorded in the cell and retried next time. Raises ConfigError if the cell was made with other settings.
    """
    settings = json.loads(json.dumps(settings))
    if path.exists():
        cell = json.loads(path.read_text(encoding="utf-8"))
        if {**cell["settings"], "config": relevant_settings(completed(cell["settings"]["config"]))} != settings:
            raise ConfigError(f"{path} was made with other settings than this command's; choose another --out")
        if "failed" not in cell:
            return cell
    started = time.monotonic()
    try:
        cell = make()
    except TrainingError as error:
        cell = {"stopped": str(error)}
    except Exception as error:  # a failed cell must not abort the table
        traceback.print_exc()
        cell = {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    cell |= {"settings": settings, "seconds_in_all": round(time.monotonic() - started, 1)}
    write_json(path, cell)
    gc.collect()
    if torch.cuda.is_available():
        torch._dynamo.reset()  # compilations of one method must not count against the next one's limit
        torch.cuda.empty_cache()
    return cell


def method_cell(config: TrainConfig, task: Task, folder: Path, budget: Budget, log: Log) -> Cell:
    """Trains a method, saves its checkpoint in `folder` and scores the averaged weights."""
    device, started = budget.processes.device, time.monotonic()
    state = TrainingState(config, budget.processes)
    batches = batches_of(config, task, device)
    begin(state, batches)
    terms = trained(state, batches, budget, log)
    cell = {"steps": state.step, "seconds": round(time.monotonic() - started, 1), "terms": terms}
    card = f"# {state.method.title}\n\nA run of training/benchmark.py on {task.dataset}.\n"
    model = state.ema.eval()
    save_checkpoint(Checkpoint(model, config.kind, config.method, []), folder / "checkpoint", card)
    return cell | scored(model, state.method.features, task, device)


def batches_of(config: TrainConfig, task: Task, device: torch.device) -> Batches:
    """Returns the batches that every method trains on."""
    sampling = Sampling(config.batch, config.seed, config.flip)
    return Batches(task.unlabelled.to(device), task.references.to(device), sampling)


def trained(state: Trained, batches: AnyBatches, budget: Budget, log: Log) -> dict[str, float]:
    """Trains until the budget ends; returns the last mean loss terms.

    Raises TrainingError if the run diverges, and KeyboardInterrupt if it is interrupted.
    """
    config, means, terms, started = state.config, Means(), {}, time.monotonic()
    with stopping(budget.minutes, budget.processes) as stop:
        for stats in steps(state, batches, stop, means):
            if stats:
                terms = stats
                clock = (time.monotonic() - started) / (60 * budget.minutes) if budget.minutes else 0.0
                log(min(1.0, max(state.step / config.steps, clock)), f"step {state.step}")
    if stop.asked and state.step < config.steps:
        raise KeyboardInterrupt
    terms = checked(state, means) or terms
    return {name: round(value, 5) for name, value in terms.items()}


def features_of(model: RbVAE, images: Tensor, device: torch.device) -> dict[str, np.ndarray]:
    """Returns posterior means of images uint8 [N, 1|3, S, S]: "z" [N, D_z], "e" [N, D_e], and "ze", concatenated."""
    z, e = posterior_means(model, images.expand(-1, 3, -1, -1), device)
    return {"z": z.numpy(), "e": e.numpy(), "ze": torch.cat([z, e], dim=1).numpy()}


def scored(model: RbVAE, kind: str, task: Task, device: torch.device) -> Cell:
    """Returns probe scores of the features and of z alone, the validation score, and disentanglement for digits."""
    latents, targets = features_of(model, task.held_out.images, device), task.held_out.targets
    splits = thirds(targets)
    cell: Cell = {"probe": probe(latents[kind], targets, task.names, splits)}
    cell["validation"] = validated(model, kind, task, device)
    if kind == "e":
        cell["z"] = probe(latents["z"], targets, task.names, splits)
    if not task.classes:
        cell["metrics"] = disentanglement(latents[kind], targets)
        cell["metrics_whole"] = disentanglement(latents["ze"], targets) if kind == "e" else cell["metrics"]
    return cell


def validated(model: RbVAE, kind: str, task: Task, device: torch.device) -> float:
    """Returns the probe's average score on training images; half of VALIDATION fit the probe, half score it."""
    few: Labelled = task.labelled[np.random.default_rng(0).permutation(len(task.labelled.targets))[:VALIDATION]]
    features = features_of(model, few.images, device)[kind]
    average = probe(features, few.targets, task.names, halves(len(features)))["average"]
    return average if math.isfinite(average) else float("nan")

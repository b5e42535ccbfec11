"""A cell of Table 1: trains and scores one method or control with one seed, and saves the result."""

from __future__ import annotations

import contextlib
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

from rbvae.checkpoint import Checkpoint, save_checkpoint, write_atomically
from rbvae.errors import ConfigError, TrainingError
from rbvae.models.model import RbVAE
from rbvae.objectives import get_method
from training.data.batches import Batches
from training.engine.config import TrainConfig
from training.engine.loop import stopping
from training.engine.processes import Processes
from training.engine.report import Means, check
from training.engine.resume import completed
from training.engine.state import TrainingState, due
from training.engine.throttle import Throttle
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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(cell, indent=2) + "\n").encode())
    gc.collect()
    if torch.cuda.is_available():
        torch._dynamo.reset()  # compilations of one method must not count against the next one's limit
        torch.cuda.empty_cache()
    return cell


def method_cell(config: TrainConfig, task: Task, folder: Path, budget: Budget, log: Log) -> Cell:
    """Trains a method, saves its checkpoint in `folder` and scores the averaged weights."""
    state, terms, seconds = trained(config, task, budget, log)
    model, steps = state.ema.eval(), state.step
    card = f"# {get_method(config.method).title}\n\nA run of training/benchmark.py on {task.dataset}.\n"
    save_checkpoint(Checkpoint(model, config.kind, config.method, []), folder / "checkpoint", card)
    cell = {"steps": steps, "seconds": round(seconds, 1), "terms": terms}
    return cell | scored(model, get_method(config.method).features, task, budget.processes.device)


def trained(config: TrainConfig, task: Task, budget: Budget, log: Log) -> tuple[TrainingState, dict[str, float], float]:
    """Trains until the budget ends; returns the state, the last mean loss terms and the seconds taken.

    Raises TrainingError if the run diverges, and KeyboardInterrupt if it is interrupted.
    """
    device = budget.processes.device
    state, means, terms = TrainingState(config, budget.processes), Means(), {}
    batches = Batches(task.unlabelled.to(device), task.references.to(device), config.batch, config.flip, config.seed)
    started = time.monotonic()
    state.begin(batches)
    with stopping(budget.minutes, budget.processes) as stop:
        while state.step < config.steps and not stop.now(state.step):
            means.add(state.update(*batches.at(state.step)))
            if due(state.step, config.report_every):
                terms = watched(state, means, config)
                log(spent(state.step, config, started, budget), f"step {state.step}")
    if stop.asked and state.step < config.steps:
        raise KeyboardInterrupt
    return state, watched(state, means, config) or terms, time.monotonic() - started


def watched(state: TrainingState, means: Means, config: TrainConfig) -> dict[str, float]:
    """Returns the mean loss terms since the last call.

    Raises TrainingError if they are not finite or the discriminators have won.
    """
    terms = means.take(state.processes)
    check(state.step, terms, 2 * config.batch * state.step)
    return {name: round(value, 5) for name, value in terms.items()}


def spent(step: int, config: TrainConfig, started: float, budget: Budget) -> float:
    """Returns the share of the budget that is used, 0 to 1."""
    clock = (time.monotonic() - started) / (60 * budget.minutes) if budget.minutes else 0.0
    return min(1.0, max(step / config.steps, clock))


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


@contextlib.contextmanager
def on_screen(total: int) -> Any:
    """Shows progress over all cells and yields begin(name) -> (log, end).

    Without a terminal, prints a line per minute and per cell instead of a bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[line]}"))
    bar = Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console,
                   disable=not console.is_terminal)  # fmt: skip
    row = bar.add_task("", total=total, line="")
    done, throttle = 0, Throttle(60.0)

    def begin(name: str) -> tuple[Log, Callable[[str], None]]:
        nonlocal done
        done += 1
        label, before = f"[{done}/{total}] {name}", done - 1
        bar.update(row, description=label, completed=before, line="")

        def log(share: float, line: str) -> None:
            bar.update(row, completed=before + share, line=line)
            if not console.is_terminal and throttle.due():
                console.print(f"{label}: {line}, {share:.0%}", markup=False, highlight=False)

        def end(line: str) -> None:
            bar.update(row, completed=before + 1)
            console.print(f"{label}: {line}", markup=False, highlight=False)

        return log, end

    with bar:
        yield begin

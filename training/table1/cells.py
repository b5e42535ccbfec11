"""A cell of Table 1: trains and scores one row with one seed, and saves the result."""

from __future__ import annotations

import gc
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rbvae.checkpoint import Checkpoint, save_checkpoint
from rbvae.errors import ConfigError, TrainingError
from training.data.batches import AnyBatches, Batches, Sampling
from training.data.code_batches import CodeBatches, Lighting
from training.engine.cli import write_json
from training.engine.config import TrainConfig
from training.engine.run_folder import completed, git_commit
from training.engine.start import begin, begin_on_codes
from training.engine.state import TrainingState
from training.table1.course import Budget, Course, Log, Run, train, write_weights
from training.table1.features import scored, validated
from training.table1.task import Task

Cell = dict[str, Any]
TEMPORARY = ("state.pt", "best.pt", "course.json")


@dataclass(frozen=True)
class Origin:
    """What a cell was made by: its settings, and the command that makes it alone."""

    settings: dict[str, Any]
    command: str


def relevant_settings(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the part of a config that affects a cell's scores."""
    return {name: value for name, value in config.items() if name not in ("execution", "report_every")}


def remembered(path: Path, origin: Origin) -> Cell | None:
    """Reads the cell at `path`; None if it has still to be made.

    A run stopped by a training check ("stopped") counts as a result. Any other failure ("failed") is made again by the
    next command. Raises ConfigError if the cell was made with other settings.
    """
    if not path.exists():
        return None
    cell = json.loads(path.read_text(encoding="utf-8"))
    settings = json.loads(json.dumps(origin.settings))
    if {**cell["settings"], "config": relevant_settings(completed(cell["settings"]["config"]))} != settings:
        raise ConfigError(f"{path} was made with other settings than this command's; choose another --out")
    return None if "failed" in cell else cell


def made(path: Path, origin: Origin, make: Callable[[], Cell]) -> Cell:
    """Makes a cell and writes it to `path`, with its command, commit and time."""
    started = time.monotonic()
    try:
        cell = make()
    except TrainingError as error:
        cell = {"stopped": str(error)}
    except Exception as error:  # a failed cell must not abort the table
        traceback.print_exc()
        cell = {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    cell |= {"settings": origin.settings, "command": origin.command, "commit": git_commit()}
    cell |= {"made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    cell["seconds_in_all"] = round(time.monotonic() - started, 1)
    write_json(path, cell)
    gc.collect()
    if torch.cuda.is_available():
        torch._dynamo.reset()  # compilations of one method must not count against the next one's limit
        torch.cuda.empty_cache()
    return cell


def method_cell(config: TrainConfig, task: Task, folder: Path, budget: Budget, log: Log) -> Cell:
    """Trains a method, or continues a run that was killed, and scores the averaged weights of its best check.

    Saves them as a checkpoint in `folder`.
    """
    device = budget.processes.device
    state = TrainingState(config, budget.processes)
    batches = batches_of(config, task, device)
    kind, course = state.method.features, Course.read(folder / "course.json", task.classes)
    if (folder / "state.pt").exists():
        state.restore(folder / "state.pt")
    else:
        course = Course(task.classes)
        start(state, batches, task)
    run = Run(
        state,
        batches,
        score=lambda: validated(state.ema.eval(), kind, task, device),
        save=lambda folder: state.save(folder / "state.pt"),
        keep=lambda folder: write_weights(folder / "best.pt", state.ema.state_dict()),
    )
    folder.mkdir(parents=True, exist_ok=True)
    terms = train(run, course, folder, budget, log)
    model = state.ema
    model.load_state_dict(torch.load(folder / "best.pt", map_location=device, weights_only=True))
    cell = course_cell(course) | {"terms": terms} | scored(model.eval(), kind, task, device)
    card = f"# {state.method.title}\n\nA run of training/benchmark.py on {task.dataset}.\n"
    save_checkpoint(Checkpoint(model, config.kind, config.method, []), folder / "checkpoint", card)
    for name in TEMPORARY:
        (folder / name).unlink(missing_ok=True)
    return cell


def course_cell(course: Course) -> Cell:
    """Returns what a cell says of its run: its length, its validation scores, the best step, and its time."""
    best, validation = course.best
    cell: Cell = {"steps": course.checks[-1][0], "best_step": best, "validation": validation, "checks": course.checks}
    cell |= {"seconds": round(course.seconds, 1), "cpu_seconds": round(course.cpu_seconds, 1)}
    return cell | ({"ended": course.trouble} if course.trouble else {})


def start(state: TrainingState, batches: AnyBatches, task: Task) -> None:
    """Sets the first weights: a random start, or in closed form, after reference pretraining if there is any."""
    if task.codes:
        begin_on_codes(state, task.codes)
    else:
        begin(state, batches)


def batches_of(config: TrainConfig, task: Task, device: torch.device) -> AnyBatches:
    """Returns the batches that every method trains on."""
    sampling = Sampling(config.batch, config.seed, config.flip)
    if task.codes:
        signs = task.codes.basis.mirror_signs.to(device)
        lighting = Lighting(task.codes.lighting.to(device))
        return CodeBatches(task.unlabelled.to(device), task.references.to(device), signs, lighting, sampling)
    return Batches(task.unlabelled.to(device), task.references.to(device), sampling)

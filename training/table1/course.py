"""The course of a run: its validation scores, when to end it, and what it takes to continue after a kill."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from rbvae.checkpoint import write_atomically
from rbvae.errors import TrainingError
from training.data.batches import AnyBatches
from training.engine.cli import write_json
from training.engine.config import TrainConfig
from training.engine.loop import Trained, checked, steps, stopping
from training.engine.processes import Processes
from training.engine.report import Means

LEAST_GAIN = 0.005  # relative gain of the validation score that counts as an improvement
Log = Callable[[float, str], None]  # progress report: share of the budget used, 0 to 1, and a message


@dataclass(frozen=True)
class Budget:
    """The budget of every run: the config's steps or `minutes`, whichever ends first, and no more steps once the
    validation score has not improved for `patience` checks, one every `check_every` steps (0: never ended so)."""

    processes: Processes
    minutes: float | None = None
    patience: int = 3
    check_every: int = 500


@dataclass
class Course:
    """What a run has been through: `checks` of (step, validation score), and seconds of wall clock and of the CPU."""

    higher: bool  # whether a higher score is better
    checks: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    trouble: str = ""

    def gain(self, score: float, over: float) -> float:
        """Returns by what share of `over` a score is better, negative if it is worse."""
        return (score - over if self.higher else over - score) / abs(over)

    @property
    def best(self) -> tuple[int, float]:
        """The step with the best score, and that score."""
        return (max if self.higher else min)(self.checks, key=lambda check: check[1])

    def stalled(self, patience: int) -> bool:
        """Returns whether the last `patience` scores are no improvement on the best one before them."""
        if not patience or len(self.checks) <= patience:
            return False
        before = Course(self.higher, self.checks[:-patience]).best[1]
        return all(self.gain(score, before) < LEAST_GAIN for _, score in self.checks[-patience:])

    @classmethod
    def read(cls, path: Path, higher: bool) -> Course:
        """Returns a saved course, or a new one."""
        if not path.exists():
            return cls(higher)
        saved = json.loads(path.read_text(encoding="utf-8"))
        return cls(higher, **{**saved, "checks": [(step, score) for step, score in saved["checks"]]})

    def write(self, path: Path) -> None:
        """Saves the course."""
        write_json(path, {key: value for key, value in vars(self).items() if key != "higher"})


@dataclass(frozen=True)
class Run:
    """One run: what trains, on what, and how it is validated, saved and kept when it is the best so far.

    `score()` returns the validation score; `save(folder)` writes what continues the run; `keep(folder)` writes the
    weights to be scored in the end.
    """

    state: Trained
    batches: AnyBatches
    score: Callable[[], float]
    save: Callable[[Path], None]
    keep: Callable[[Path], None]


def train(run: Run, course: Course, folder: Path, budget: Budget, log: Log) -> dict[str, float]:
    """Trains until the budget ends; returns the last mean loss terms.

    A run that fails a training check ends there; its best is scored, and `course.trouble` says so. Raises TrainingError
    if its features were not finite before it was scored once, and KeyboardInterrupt, with everything saved, if it is
    interrupted.
    """
    terms: dict[str, float] = {}
    clock = Clock(course)
    minutes = None if budget.minutes is None else max(0.0, budget.minutes - course.seconds / 60)
    config, means = run.state.config, Means()
    try:
        with stopping(minutes, budget.processes) as stop:
            for stats in steps(run.state, run.batches, stop, means):
                terms = stats or terms
                if stats:
                    log(share(run.state.step, config, course, budget), f"step {run.state.step}")
                if run.state.step % budget.check_every == 0 or run.state.step == config.steps:
                    check(run, course, folder)
                    clock.tick()
                    run.save(folder)
                    course.write(folder / "course.json")
                    if course.stalled(budget.patience):
                        break
        terms = checked(run.state, means) or terms
    except TrainingError as error:
        if not course.checks:
            check(run, course, folder)  # raises what is wrong with the features, if anything is
        course.trouble = str(error)
    else:
        if stop.asked and run.state.step < config.steps and not course.stalled(budget.patience):
            clock.tick()
            run.save(folder)
            course.write(folder / "course.json")
            raise KeyboardInterrupt
    if not course.checks or (not course.trouble and course.checks[-1][0] < run.state.step):
        check(run, course, folder)
    clock.tick()
    course.write(folder / "course.json")
    return {name: round(value, 5) for name, value in terms.items()}


def check(run: Run, course: Course, folder: Path) -> None:
    """Adds a validation score to the course, and keeps the weights if it is the best. Raises TrainingError if the
    features are not finite."""
    try:
        score = run.score()
    except ValueError as error:
        raise TrainingError(f"diverged before step {run.state.step}: {error}") from error
    course.checks.append((run.state.step, score))
    if course.best[0] == run.state.step:
        run.keep(folder)


def share(step: int, config: TrainConfig, course: Course, budget: Budget) -> float:
    """Returns the share of the budget that is used, 0 to 1."""
    clock = course.seconds / (60 * budget.minutes) if budget.minutes else 0.0
    return min(1.0, max(step / config.steps, clock))


class Clock:
    """Adds the time since it was last asked to a course."""

    def __init__(self, course: Course) -> None:
        self.course, self.wall, self.cpu = course, time.monotonic(), time.process_time()

    def tick(self) -> None:
        """Adds the time since the last tick."""
        wall, cpu = time.monotonic(), time.process_time()
        self.course.seconds += wall - self.wall
        self.course.cpu_seconds += cpu - self.cpu
        self.wall, self.cpu = wall, cpu


def write_weights(path: Path, weights: object) -> None:
    """Writes tensors atomically."""
    stream = io.BytesIO()
    torch.save(weights, stream)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, stream.getvalue())

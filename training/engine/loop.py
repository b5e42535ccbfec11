"""The loop, one screen."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from rbvae.checkpoint import Checkpoint, save_checkpoint
from training.data.batches import AnyBatches, Batches, Sampling
from training.data.image_sets import ImageSets
from training.engine.card import model_card
from training.engine.config import TrainConfig
from training.engine.processes import Processes
from training.engine.report import Means, Report, check
from training.engine.start import begin, begin_on_codes, first_weights
from training.engine.state import TrainingState, due
from training.evaluation.directions import find_directions
from training.evaluation.grids import sample_grid, transfer_grid
from training.evaluation.scores import evaluate, spread
from training.evaluation.subject import infer

SAVE_SECONDS = 60.0  # at most so much is lost to a kill, however slow the steps
AGREE_EVERY = 10  # steps between two questions to the other processes whether to stop


def train(
    config: TrainConfig, sets: ImageSets, run_dir: Path, processes: Processes, minutes: float | None = None
) -> dict:
    """Trains until `config.steps`, the clock or an interrupt; resumes what `run_dir` holds; returns final scores."""
    started, state = time.monotonic(), TrainingState(config, processes)
    batches = batches_of(config, sets, processes)
    if (run_dir / "state.pt").exists():
        state.restore(run_dir / "state.pt")
    elif sets.codes:
        begin_on_codes(state, sets.codes)
    else:
        begin(state, batches)
        if processes.main and config.pretraining_steps:  # it took minutes
            state.save(run_dir / "state.pt")
    report = Report(run_dir, state.step, config.steps, 2 * config.batch) if processes.main else None
    with contextlib.closing(batches):
        with stopping(minutes, processes, started) as stop:
            for stats in steps(state, batches, stop, Means()):
                if report and stats:
                    report.write(state.step, stats)
                if report and due(state.step, config.grid_every):
                    look(state, sets, run_dir)
                if report and (due(state.step, config.save_every) or stop.save_is_due()):
                    state.save(run_dir / "state.pt")
        if report:
            report.close()
            state.save(run_dir / "state.pt")
    if report:
        look(state, sets, run_dir)
        scores = finish(state, sets, run_dir)
    processes.wait()
    return scores if report else {}


class Trained(Protocol):
    """What the loop trains: a `TrainingState`, or a control of Table 1."""

    config: TrainConfig
    processes: Processes
    step: int

    def update(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Takes one step on a batch and counts it; returns the mean of each term."""


def steps(state: Trained, batches: AnyBatches, stop: Stop, means: Means) -> Iterator[dict[str, float]]:
    """Takes steps until `config.steps` or `stop`; yields after each the mean terms if a report is due, otherwise {}.

    `means` holds the terms since the last report. Raises TrainingError if a term shows that training has failed.
    """
    while state.step < state.config.steps:
        means.add(state.update(*batches.at(state.step)))
        yield checked(state, means) if due(state.step, state.config.report_every) else {}
        if stop.now(state.step):
            return


def checked(state: Trained, means: Means) -> dict[str, float]:
    """Returns the mean terms since the last call. Raises TrainingError if they show that training has failed."""
    stats = means.take(state.processes)
    check(state.step, stats, 2 * state.config.batch * state.step)
    return stats


def batches_of(config: TrainConfig, sets: ImageSets, processes: Processes) -> AnyBatches:
    """Batches of the images: resident on the device, or read while training."""
    processes.share(config.batch)
    sampling = Sampling(config.batch, config.seed, config.flip, processes.rank, processes.world)
    if sets.streamed_from:
        from training.data.streaming import StreamedBatches

        return StreamedBatches(sets.streamed_from, sampling, processes.device)
    images = sets.unlabelled.to(processes.device), sets.references.to(processes.device)
    if sets.codes:
        from training.data.code_batches import CodeBatches, Lighting

        lighting = Lighting(sets.codes.lighting.to(processes.device), config.relighting, config.steps * 4 // 5)
        return CodeBatches(*images, sets.codes.basis.mirror_signs.to(processes.device), lighting, sampling)
    return Batches(*images, sampling)


class Stop:
    """When to leave the loop: by the clock, or because somebody asked (Ctrl-C, SIGTERM); at the end of a step."""

    def __init__(self, minutes: float | None, processes: Processes, started: float) -> None:
        self.processes, self.asked = processes, False
        self.end = None if minutes is None else started + 60 * minutes
        self.saved = time.monotonic()

    def now(self, step: int) -> bool:
        """Whether to stop; processes ask each other every AGREE_EVERY steps, since all must stop at the same one."""
        if self.processes.world > 1 and not due(step, AGREE_EVERY):
            return False
        return self.processes.any(self.asked or (self.end is not None and time.monotonic() > self.end))

    def save_is_due(self) -> bool:
        """Whether SAVE_SECONDS have passed since this last was so."""
        if time.monotonic() - self.saved < SAVE_SECONDS:
            return False
        self.saved = time.monotonic()
        return True


@contextlib.contextmanager
def stopping(minutes: float | None, processes: Processes, started: float | None = None) -> Iterator[Stop]:
    """A `Stop` that hears the first Ctrl-C or SIGTERM; the second Ctrl-C ends the program at once. The minutes are
    counted from `started` (time.monotonic), or from now."""
    stop = Stop(minutes, processes, time.monotonic() if started is None else started)

    def ask(number: int, frame: object) -> None:
        stop.asked = True
        signal.signal(number, before[number])

    before: dict[int, Any] = {}
    try:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, ask) or signal.SIG_DFL for number in numbers}  # None: not Python's
    except ValueError:  # not the main thread, which alone receives signals
        pass
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def look(state: TrainingState, sets: ImageSets, run_dir: Path) -> None:
    """The averaged model's pictures of held-out people or digits; stops a run in which e has stopped to matter."""
    folder = run_dir / "grids"
    folder.mkdir(exist_ok=True)
    images = sets.probe_test.images[:: max(1, len(sets.probe_test.images) // 16)]
    sample_grid(state.ema, images).save(folder / f"samples-{state.step:07d}.png")
    transfer_grid(state.ema, images).save(folder / f"transfer-{state.step:07d}.png")
    if state.config.stop_collapsed:
        moved = spread(state.ema, images[:16], state.device)
        check(state.step, {"spread_over_e": moved}, 2 * state.config.batch * state.step)


def finish(state: TrainingState, sets: ImageSets, run_dir: Path) -> dict:
    """Measures the averaged model and writes it as a checkpoint with its card."""
    if sets.codes:
        from training.evaluation.codes import measure_references

        measure_references(state.ema, sets.codes, state.device)
    subject = infer(state.ema, sets, state.device)
    scores, directions = evaluate(subject), find_directions(subject)
    if sets.codes and state.config.closed_form:
        scores["closed_form"] = evaluate(infer(first_weights(state, sets.codes), sets, state.device))
    card = model_card(state.config, scores, directions, run_dir, state.step)
    folder = run_dir / "checkpoint"
    checkpoint = Checkpoint(state.ema, sets.kind, state.config.method, directions, subject.usual_errors())
    save_checkpoint(checkpoint, folder, card, dtype=torch.float16)
    return scores

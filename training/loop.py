"""The loop, one screen."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from rbvae.checkpoint import Checkpoint, save_checkpoint
from training.card import model_card
from training.config import TrainConfig
from training.datasets import Batches, ImageSets
from training.directions import find_directions
from training.evaluate import evaluate
from training.report import Report, sample_grid, transfer_grid
from training.state import TrainingState


def train(config: TrainConfig, sets: ImageSets, run_dir: Path, device: torch.device, minutes: float | None) -> dict:
    """Trains until `config.steps` or the clock; resumes what `run_dir` holds; returns the final scores."""
    started = time.monotonic()
    state = TrainingState(config, device)
    if (run_dir / "state.pt").exists():
        state.restore(run_dir / "state.pt")
    elif config.init:
        state.warm_start(config.init)
    unlabelled, references = sets.unlabelled.to(device), sets.references.to(device)
    batches = Batches(unlabelled, references, config.batch, config.flip, config.seed)
    report = Report(run_dir, state.step, config.steps, images_a_step=2 * config.batch)
    try:
        while state.step < config.steps:
            x_u, x_r = batches.at(state.step)
            report.add(state.update(x_u, x_r))
            if state.step % config.report_every == 0:
                report.flush(state.step)
            if state.step % config.grid_every == 0:
                save_grids(state, sets, run_dir)
            if state.step % config.save_every == 0:
                state.save(run_dir / "state.pt")
            if minutes is not None and time.monotonic() - started > 60 * minutes:
                break
        state.save(run_dir / "state.pt")
    finally:
        report.close()
    save_grids(state, sets, run_dir)
    return finish(state, sets, run_dir)


def save_grids(state: TrainingState, sets: ImageSets, run_dir: Path) -> None:
    """The averaged model's pictures of held-out people or digits, one file of each kind a step."""
    folder = run_dir / "grids"
    folder.mkdir(exist_ok=True)
    images = sets.probe_test.images[:: max(1, len(sets.probe_test.images) // 16)]
    sample_grid(state.ema, images).save(folder / f"samples-{state.step:07d}.png")
    transfer_grid(state.ema, images).save(folder / f"transfer-{state.step:07d}.png")


def finish(state: TrainingState, sets: ImageSets, run_dir: Path) -> dict:
    """Measures the averaged model and writes it as a checkpoint with its card."""
    scores = evaluate(state.ema, sets, state.device)
    directions = find_directions(state.ema, sets, state.device)
    card = model_card(state.config, scores, directions, run_dir, state.step)
    save_checkpoint(
        Checkpoint(state.ema, sets.kind, state.config.method, directions), run_dir / "checkpoint", card, torch.float16
    )
    return scores

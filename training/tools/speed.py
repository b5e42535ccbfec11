"""Measure the images per second of a naive training step and of the engine, and the share of the device's limit.

python -m training.tools.speed --device cpu --json speed.json

The engine's optimisations are added one by one. No data is needed; the images are synthetic. All variants take turns
over several rounds, so that other load on the machine affects them equally.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from rbvae.errors import ConfigError
from training.data.batches import Batches, Sampling
from training.engine.cli import pick_device, run_command, write_json
from training.engine.config import TrainConfig, get_preset, override
from training.engine.execution import ExecutionOptions
from training.engine.processes import Processes
from training.engine.state import TrainingState
from training.tools.naive_step import NaiveState, Optimisations, loaded_batches
from training.tools.roofline import Limit, measure_limit

OFF = ExecutionOptions("off", "off", "off", "off")
POOL = 1024  # synthetic images


@dataclass(frozen=True)
class Row:
    """A row of the table: its name, a function that runs one step with or without the gradient penalties, and how often
    they are computed."""

    name: str
    step: Callable[[bool], object]
    penalty_every: int


def rows(config: TrainConfig, images: Tensor, processes: Processes, compiled: bool) -> list[Row]:
    """Returns the variants from the naive step to the engine, each with one more optimisation."""
    device, gpu = processes.device, processes.device.type == "cuda"
    lazy, every_step = config, override(config, ["extensions.r1_every=1"])
    sampling = Sampling(config.batch, config.seed, config.flip)
    resident = Batches(images.to(device), images.to(device).flip(0), sampling)
    loader = loaded_batches(images, config.batch, device)
    none, drawn = Optimisations(False, False, False, False), Optimisations(True, False, False, False)
    joined, fused = Optimisations(True, True, False, False), Optimisations(True, True, True, False)
    optimisations = [("pixel norm's gradient by hand", {"channels_last": "on"})]
    optimisations += [("bf16 autocast", {"bf16": "on"})] if gpu else []
    optimisations += [("torch.compile", {"compile": "on"})] if compiled else []
    optimisations += [("one CUDA graph", {"graph": "on"})] if gpu else []

    def naive(
        name: str, settings: TrainConfig, enabled: Optimisations, load: bool = False, execution: ExecutionOptions = OFF
    ) -> Row:
        state = NaiveState(dataclasses.replace(settings, execution=execution), processes, enabled)
        return Row(
            name, stepper(state, (lambda step: next(loader)) if load else resident.at), settings.extensions.r1_every
        )

    table = [
        naive("naive: fp32, eager, a loader", every_step, none, load=True),
        naive("+ dataset on the device", every_step, none),
        naive("+ lazy gradient penalty", lazy, none),
        naive("+ one draw for all terms", lazy, drawn),
        naive("+ joined batches", lazy, joined),
        naive("+ fused Adam", lazy, fused),
        naive("+ channels_last", lazy, fused, execution=ExecutionOptions("off", "on", "off", "off")),
    ]
    execution = OFF
    for name, setting in optimisations:
        execution = dataclasses.replace(execution, **setting)
        state = TrainingState(dataclasses.replace(config, execution=execution), processes)
        table.append(Row(f"+ {name}", stepper(state, resident.at), config.extensions.r1_every))
    return table


def stepper(state: TrainingState, batches_at: Callable[[int], tuple[Tensor, Tensor]]) -> Callable[[bool], object]:
    """Returns a function that runs one step, at a step number with or without gradient penalties."""
    every = state.config.extensions.r1_every

    def step(penalise: bool) -> object:
        state.step = every * (state.step // every + 1) - (0 if penalise or every == 1 else 1)
        return state.update(*batches_at(state.step))

    return step


def seconds(row: Row, penalise: bool, repeats: int, device: torch.device) -> float:
    """Returns the mean time in seconds of one of `repeats` consecutive steps."""
    wait = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)
    wait()
    started = time.perf_counter()
    for _ in range(repeats):
        row.step(penalise)
    wait()
    return (time.perf_counter() - started) / repeats


def measure(table: list[Row], rounds: int, repeats: int, warm: int, device: torch.device) -> list[float]:
    """Returns the seconds per step of every row, with penalties weighted by how often they are computed.

    The rows take turns in every round. The fastest round counts, since other load can only slow a step down.
    """
    plain: list[list[float]] = [[] for _ in table]
    penalised: list[list[float]] = [[] for _ in table]
    for row in table:
        for penalise in (False, True):
            seconds(row, penalise, warm, device)
        print(f"ready: {row.name}", flush=True)
    for number in range(rounds):
        for row, times, with_penalty in zip(table, plain, penalised, strict=True):
            times.append(seconds(row, False, repeats, device))
            with_penalty.append(seconds(row, True, repeats, device))
        print(f"round {number + 1} of {rounds}", flush=True)
    shares = [1 / row.penalty_every for row in table]
    return [
        (1 - share) * min(times) + share * min(with_penalty)
        for share, times, with_penalty in zip(shares, plain, penalised, strict=True)
    ]


def as_table(names: list[str], rates: list[float], limit: Limit) -> str:
    """Formats the results as a Markdown table."""
    lines = ["| | images/s | times naive | share of the limit |", "| --- | --- | --- | --- |"]
    for name, rate in zip(names, rates, strict=True):
        lines.append(f"| {name} | {rate:,.1f} | {rate / rates[0]:.2f} | {100 * rate / limit.images_per_s:.1f}% |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Measure a training step of sRb-VAE: naive, then with each optimisation of the engine.",
        epilog="example: python -m training.tools.speed --device cpu --json speed.json",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results here")
    parser.add_argument("--preset", help="preset of the networks (default: faces-paper)")
    parser.add_argument("--batch", type=int, metavar="N", help="unlabelled images per step (default: the preset's)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all rows (default 5)")
    parser.add_argument("--quick", action="store_true", help="measure only the first and the last row")
    parser.add_argument("--compile", action="store_true", help="use torch.compile on a CPU too (takes a minute)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="assignments",
                        help="any other setting, such as model.width=48")  # fmt: skip
    options = parser.parse_args(argv)
    device = pick_device(options.device)
    gpu = device.type == "cuda"
    if options.rounds < 1:
        raise ConfigError(f"--rounds {options.rounds}; give at least 1")
    config = get_preset(options.preset or "faces-paper")
    config = dataclasses.replace(config, method="srb", batch=options.batch or config.batch)
    config = override(config, options.assignments)
    side = config.model.image_size
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(max(POOL, config.batch), 3, side // 8, side // 8, generator=rng)
    images = (255 * torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)).byte()
    limit = measure_limit(config, device)
    print(limit.text(), flush=True)
    table = rows(config, images, Processes(device), options.compile or gpu)
    table = [table[0], table[-1]] if options.quick else table
    if gpu:
        torch.backends.cudnn.benchmark = True
    took = measure(table, options.rounds, repeats=20 if gpu else 1, warm=6 if gpu else 1, device=device)
    names, rates = [row.name for row in table], [2 * config.batch / t for t in took]
    print(as_table(names, rates, limit))
    figures = {
        "naive_images_per_s": rates[0],
        "engine_images_per_s": rates[-1],
        "times_naive": rates[-1] / rates[0],
        "share_of_limit": rates[-1] / limit.images_per_s,
        "rows": dict(zip(names, rates, strict=True)),
        "limit": dataclasses.asdict(limit),
        "preset": config.preset,
        "batch": config.batch,
        "device": torch.cuda.get_device_name(device) if gpu else f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    if options.json:
        write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

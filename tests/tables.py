"""Tables by training/benchmark.py that take seconds."""

from __future__ import annotations

from training.benchmark import main
from training.engine.cli import run_command

TINY = ("--device", "cpu", "--steps", 2, *(f"--set={small}" for small in ("model.width=4", "model.dim_z=4", "batch=8")))


def run(*options) -> int:
    return run_command(main, [str(option) for option in options])

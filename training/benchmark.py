"""Reproduces the paper's Table 1: trains every row on one dataset until it stops improving and probes its features.

python training/benchmark.py --dataset digits --data data --out runs/table1-digits --seeds 3
python training/benchmark.py --dataset fer --data data/fer --out runs/table1-fer --minutes-each 30 --seeds 3

Run the command again to continue; finished cells are not repeated. Run it several times at once, or with --workers, and
the processes share the cells.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError
from training.data.progress import Progress
from training.engine.cli import command_line, device_name, run_command, write_json
from training.engine.processes import join
from training.engine.run_folder import git_commit
from training.table1.bench import Bench, CellProgress, locked
from training.table1.cells import Cell
from training.table1.controls import TITLES, control_names
from training.table1.course import Budget
from training.table1.datasets import load_task
from training.table1.page import publish
from training.table1.pictures import editors, figure2, plot
from training.table1.plan import Address, Plan
from training.table1.results import gathered, papers
from training.table1.settings import (
    CHECK_EVERY,
    GRIDS,
    PLAIN,
    PRESETS,
    ROWS,
    SEEDS,
    VARIANTS,
    Settings,
    base,
    choose,
    kind_of,
)
from training.table1.table import tables
from training.table1.task import DATASETS, Task

SCRIPT = "training/benchmark.py"
ALONE = ("--methods", "--seeds", "--tune", "--longer", "--published", "--cell", "--from", "--page", "--workers")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description="Reproduce Table 1: train every row until it stops improving, probe its features, write the table.",
        epilog="example: python training/benchmark.py --dataset digits --data data --out runs/table1-digits --seeds 3",
    )
    parser.add_argument("--dataset", required=True, choices=tuple(DATASETS), help="fer: FER-2013, or AffectNet")
    parser.add_argument("--data", metavar="DIR", type=Path, help="; ".join(f"{k}: {v}" for k, v in DATASETS.items()))
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="folder of runs and tables (default runs/table1-DATASET)"
    )
    parser.add_argument("--minutes-each", type=float, metavar="M", help="longest time of each run")
    parser.add_argument("--steps", type=int, metavar="N", help="most steps of each run (default: the preset's)")
    parser.add_argument("--patience", type=int, metavar="P", default=3,
                        help="end a run that has not improved for P checks; 0: never (default 3)")  # fmt: skip
    parser.add_argument("--check-every", type=int, metavar="N", help="steps between checks (default: the preset's)")
    parser.add_argument("--seeds", type=int, metavar="K", default=3, help="number of runs of each row (default 3)")
    parser.add_argument("--preset", default="auto",
                        help=f"{', '.join(PRESETS)} or auto (default): full on a GPU, codes for codes")  # fmt: skip
    parser.add_argument("--methods", default="", metavar="A,B", help=f"only these rows of {', '.join(ROWS)}")
    parser.add_argument("--tune", action="store_true",
                        help="choose weights from the published grids by the validation score of seed 0")  # fmt: skip
    parser.add_argument("--longer", action="store_true", help="add a run of each row three times as long as seed 0's")
    parser.add_argument("--published", action="store_true",
                        help="--tune, --longer and the numbers of seeds of docs/table1.md")  # fmt: skip
    parser.add_argument("--cell", metavar="ROW:SEED[:VALUE][:long]", help="make one cell and nothing else")
    parser.add_argument("--workers", type=int, metavar="W", default=1, help="processes that share the cells")
    parser.add_argument("--set", action="append", default=[], metavar="[ROW:]NAME=VALUE", dest="assignments",
                        help="any other setting, for all rows or for one: srb:extensions.r1_weight=1")  # fmt: skip
    parser.add_argument("--from", metavar="FILE", type=Path, dest="published_cells",
                        help="start from published cells: docs/table1/fer-codes-cells.json")  # fmt: skip
    parser.add_argument("--page", metavar="FILE", type=Path,
                        help="write the tables into this page and the results beside it: docs/table1.md")  # fmt: skip
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options, given = parse(argv), list(sys.argv[1:] if argv is None else argv)
    refuse(options)
    processes = join(options.device)
    gpu = processes.device.type == "cuda"
    fitting = "codes" if kind_of(options.dataset) == "codes" else "full" if gpu else "small"
    preset = fitting if options.preset == "auto" else options.preset
    config = base(options.dataset, preset, options.steps, options.minutes_each)
    settings = Settings(options.dataset, config, options.assignments)
    names = choose(options.methods, options.dataset)
    model = [settings.of(name, seed=0).model for name in names][-1]  # reports invalid options before any training
    cell = Address.parse(options.cell) if options.cell else None
    task = load_task(options.dataset, options.data, model.image_size)
    budget = Budget(processes, options.minutes_each, options.patience, options.check_every or CHECK_EVERY[preset])
    out = options.out or Path("runs") / f"table1-{options.dataset}"
    with Progress("cell", 1, seconds=60) as progress:
        command = command_line(SCRIPT, without(given, ALONE))
        bench = Bench(task, settings, budget, out, command, CellProgress(progress))
        if options.published_cells:
            bench.adopt(read_cells(options.published_cells))
        if cell:
            return alone(bench, cell)
        plan = plan_of(options, names, task, bench)
        shared_out(bench, plan, given, options.workers - 1)
    results = {
        "dataset": options.dataset,
        "command": command_line(SCRIPT, given),
        "commit": git_commit(),
        "device": device_name(processes.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "settings": {"preset": preset, "steps": config.steps, "minutes": options.minutes_each, "batch": config.batch,
                     "lr": config.lr, "model": model.to_dict(), "set": options.assignments,
                     "patience": budget.patience, "check_every": budget.check_every},
        "images": bench.images,
        "seeds": list(range(max(plan.seeds.values()))),
        "classes": task.classes,
        "names": list(task.names),
        "notes": list(task.notes),
        "paper": papers(options.dataset),
        **gathered(bench, plan),
    }  # fmt: skip
    write(results, task, bench, plan)
    if options.page:
        publish(options.page, out, results)
    print(tables(results))
    return 0


def refuse(options: argparse.Namespace) -> None:
    """Raises ConfigError for numbers that make no sense together."""
    if options.seeds < 1 or (options.minutes_each is not None and options.minutes_each <= 0) or options.workers < 1:
        raise ConfigError("--seeds, --minutes-each and --workers must be above 0")
    if options.patience < 0 or (options.check_every is not None and options.check_every < 1):
        raise ConfigError("--patience must not be below 0, and --check-every must be above 0")
    if options.page and not options.page.is_file():
        raise ConfigError(f"--page {options.page}: no such file")
    if options.published_cells and not options.published_cells.is_file():
        raise ConfigError(f"--from {options.published_cells}: no such file")


def read_cells(path: Path) -> dict[str, Cell]:
    """Reads published cells by address. Raises ConfigError if the file holds anything else."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))
        return {str(Address.parse(address)): dict(cell) for address, cell in cells.items()}
    except (ValueError, AttributeError, TypeError, ConfigError) as error:
        raise ConfigError(f"--from {path}: not a file of cells, such as docs/table1/fer-codes-cells.json") from error


def plan_of(options: argparse.Namespace, names: list[str], task: Task, bench: Bench) -> Plan:
    """Returns the plan that the options ask for."""
    special, others = SEEDS[kind_of(options.dataset)] if options.published else ({}, options.seeds)
    more = options.published and options.dataset not in PLAIN
    return Plan(
        seeds={name: special.get(name, others) for name in names},
        controls={name: others if TITLES[name][2] else 1 for name in control_names(task)},
        higher=task.classes,
        tuned=tuple(name for name in names if name in GRIDS and (options.tune or more)),
        long=tuple(name for name in names if name not in VARIANTS and (options.longer or more)),
        known=bench.known,
    )


def alone(bench: Bench, address: Address) -> int:
    """Makes one cell, unless it is there, and prints its path; returns the exit code.

    Raises ConfigError if another process is making it.
    """
    with locked(bench.folder(address)) as free:
        if not free:
            raise ConfigError(f"--cell {address}: another process is making it; wait for it, or choose another --out")
        cell = bench.known(address) or bench.make(address)
    print(bench.folder(address) / "cell.json")
    return 1 if "failed" in cell else 0


def shared_out(bench: Bench, plan: Plan, given: list[str], helpers: int) -> None:
    """Makes all cells, with so many other processes to help; these end with this one."""
    command = [sys.executable, str(Path(__file__).resolve()), *without(given, ("--workers", "--page"))]
    processes = [subprocess.Popen(command) for _ in range(helpers)]
    try:
        bench.make_all(plan)
        if any([process.wait() for process in processes]):
            print("a worker failed; this process has made what it left", file=sys.stderr)
    finally:
        for process in processes:
            process.terminate()


def without(given: list[str], names: tuple[str, ...]) -> list[str]:
    """Returns a command line without some of its options and their values."""
    flags, kept, skipped = ("--tune", "--longer", "--published"), [], False
    for option in given:
        name, equals, _ = option.partition("=")
        if name in names:
            skipped = not equals and name not in flags
        elif skipped:
            skipped = False
        else:
            kept.append(option)
    return kept


def write(results: dict[str, Any], task: Task, bench: Bench, plan: Plan) -> None:
    """Writes results.json, cells.json, table.md and the pictures into the bench's folder."""
    out, shown = bench.out, editors(plan, bench, task)
    results["edited"] = list(shown)
    write_json(out / "results.json", results)
    cells = {str(address): cell for address in plan.needed() if (cell := bench.known(address))}
    write_atomically(out / "cells.json", json.dumps(cells, separators=(",", ":")).encode())
    write_atomically(out / "table.md", tables(results).encode())
    plot(results, out / "plot.png")
    if shown:
        figure2(shown, task, out / "figure2.webp", bench.budget.processes.device)


if __name__ == "__main__":
    sys.exit(run_command(main))

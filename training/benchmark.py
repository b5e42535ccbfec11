"""Reproduces the paper's Table 1: trains every method on one dataset with the same budget and probes its features.

python training/benchmark.py --dataset digits --data data --out runs/table1-digits --minutes-each 30 --seeds 3
python training/benchmark.py --dataset fer --data data/fer --out runs/table1-fer --minutes-each 30 --seeds 3

Run the command again to continue; finished runs are not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError
from training.data.progress import Progress
from training.engine.cli import command_line, device_name, run_command, write_json
from training.engine.processes import join
from training.engine.run_folder import git_commit
from training.table1.bench import Bench, CellProgress, cells_ahead, measure
from training.table1.cells import Budget
from training.table1.page import publish
from training.table1.pictures import figure2, plot
from training.table1.settings import PRESETS, Settings, base, choose
from training.table1.table import tables
from training.table1.task import load_task


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description="Reproduce Table 1: train every method with the same budget, probe its features, write the table.",
        epilog="example: python training/benchmark.py --dataset digits --data data --out runs/table1-digits "
        "--minutes-each 30 --seeds 3",
    )
    parser.add_argument("--dataset", required=True, choices=("digits", "fer"), help="fer: FER-2013, or AffectNet")
    parser.add_argument("--data", metavar="DIR", type=Path,
                        help="an MNIST root, a folder with fer2013/train and fer2013/test, or AffectNet")  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="folder of runs and tables (default runs/table1-DATASET)"
    )
    parser.add_argument("--minutes-each", type=float, metavar="M", help="time budget of each run")
    parser.add_argument("--steps", type=int, metavar="N", help="step budget of each run (default: the preset's)")
    parser.add_argument("--seeds", type=int, metavar="K", default=3, help="number of runs of each method (default 3)")
    parser.add_argument("--preset", default="auto", help=f"{', '.join(PRESETS)} or auto: full on a GPU (default)")
    parser.add_argument("--methods", default="", metavar="A,B", help="run only these methods (default all)")
    parser.add_argument("--tune", action="store_true",
                        help="choose the baselines' weights from the published grids, on training images; adds 20 "
                        "runs with seed 0")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="[METHOD:]NAME=VALUE", dest="assignments",
                        help="any other setting, for all methods or for one: srb:extensions.r1_weight=1")  # fmt: skip
    parser.add_argument("--page", metavar="FILE", type=Path,
                        help="write the tables into this page and the results beside it: docs/table1.md")  # fmt: skip
    parser.add_argument("--paper", metavar="FILE", type=Path,
                        help="JSON {METHOD: average} with the paper's averages, shown in a column")  # fmt: skip
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    return parser.parse_args(argv)


def averages_of(path: Path | None) -> dict[str, float]:
    """Reads the paper's averages from a JSON file. Raises ConfigError if it is missing or invalid."""
    if path is None:
        return {}
    try:
        return {name: float(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"--paper {path} cannot be used ({error}); write {{METHOD: average}} into it") from error


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    if options.seeds < 1 or (options.minutes_each is not None and options.minutes_each <= 0):
        raise ConfigError("--seeds and --minutes-each must be above 0")
    if options.page and not options.page.is_file():
        raise ConfigError(f"--page {options.page}: no such file")
    paper, methods = averages_of(options.paper), choose(options.methods)
    processes = join(options.device)
    gpu = processes.device.type == "cuda"
    preset = ("full" if gpu else "small") if options.preset == "auto" else options.preset
    config = base(options.dataset, preset, options.steps, options.minutes_each)
    settings = Settings(options.dataset, config, options.assignments)
    model = [settings.of(name, seed=0).model for name in methods][-1]  # reports invalid options before any training
    task = load_task(options.dataset, options.data, model.image_size)
    out = options.out or Path("runs") / f"table1-{options.dataset}"
    budget = Budget(options.minutes_each, processes)
    with Progress("cell", cells_ahead(methods, options.seeds, options.tune), seconds=60) as progress:
        bench = Bench(task, settings, budget, out, CellProgress(progress))
        rows, editors = measure(bench, methods, options.seeds, options.tune)
    results = {
        "dataset": options.dataset,
        "command": command_line("training/benchmark.py", argv or sys.argv[1:]),
        "commit": git_commit(),
        "device": device_name(processes.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "settings": {"preset": preset, "steps": config.steps, "minutes": options.minutes_each, "batch": config.batch,
                     "lr": config.lr, "model": model.to_dict(), "set": options.assignments},
        "images": bench.images,
        "seeds": list(range(options.seeds)),
        "classes": task.classes,
        "names": list(task.names),
        "notes": list(task.notes),
        "paper": paper,
        "edited": list(editors),
        **rows,
    }  # fmt: skip
    write_json(out / "results.json", results)
    text = tables(results)
    write_atomically(out / "table.md", text.encode())
    plot(results, out / "plot.png")
    if editors:
        figure2(editors, task, out / "figure2.webp", processes.device)
    if options.page:
        publish(options.page, out, results)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))

"""Computes all cells of a table: every method and control with every seed, and weights chosen from grids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rbvae.objectives import get_method
from training.data.progress import Progress
from training.engine.config import TrainConfig
from training.table1 import cells, controls
from training.table1.settings import GRIDS, OWN, Settings
from training.table1.task import Task


class CellProgress:
    """Shows which of `total` cells is being computed and how far it is."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.number, self.label = progress, 0, ""

    def begin(self, name: str) -> None:
        """Starts the next cell."""
        self.number += 1
        self.label = f"[{self.number}/{self.progress.total}] {name}"

    def log(self, share: float, line: str) -> None:
        """Shows how much of the cell's budget is used, 0 to 1."""
        self.progress.update(self.number - 1 + share, f"{line}, {share:.0%}", self.label)

    def end(self, line: str) -> None:
        """Prints the result of the cell."""
        self.progress.say(f"{self.label}: {line}")


@dataclass(frozen=True)
class Bench:
    """The settings shared by all cells of a table."""

    task: Task
    settings: Settings
    budget: cells.Budget
    out: Path
    screen: CellProgress

    @property
    def images(self) -> list[int]:
        """The numbers of unlabelled, reference and held-out images."""
        return [len(images) for images in (self.task.unlabelled, self.task.references, self.task.held_out.images)]

    def method(self, name: str, seed: int, weight: float | None = None) -> tuple[cells.Cell, Path]:
        """Computes or reads the cell of a method and seed; returns it with its folder."""
        config, suffix = self.settings.of(name, seed, weight), "" if weight is None else f"-{weight:g}"
        folder = self.out / "cells" / f"{name}{suffix}-seed{seed}"
        title = f"{get_method(name).title}{suffix}, seed {seed}"

        def make() -> cells.Cell:
            return cells.method_cell(config, self.task, folder, self.budget, self.screen.log)

        return self._cell(folder / "cell.json", title, config, make), folder

    def control(self, name: str, seed: int) -> cells.Cell:
        """Computes or reads the cell of a control and seed."""
        config = self.settings.of("vae", seed)
        path = self.out / "cells" / f"control-{name}-seed{seed}.json"

        def make() -> cells.Cell:
            return controls.control_cell(name, config, self.task, self.budget, self.screen.log)

        return self._cell(path, f"{controls.TITLES[name][0]}, seed {seed}", config, make)

    def _cell(self, path: Path, title: str, config: TrainConfig, make: Callable[[], cells.Cell]) -> cells.Cell:
        self.screen.begin(title)
        kept = cells.relevant_settings(config.to_dict())
        cell = cells.remembered(path, {"config": kept, "minutes": self.budget.minutes, "images": self.images}, make)
        self.screen.end(summary(cell))
        return cell


def summary(cell: cells.Cell) -> str:
    """Returns a one-line summary of a cell."""
    if "probe" not in cell:
        return cell.get("stopped") or cell["failed"]
    return f"average {cell['probe']['average']:.4f}, {cell['seconds_in_all']:.0f} s"


def tuned(bench: Bench, name: str) -> tuple[float | None, dict[str, float | None]]:
    """Returns the grid's best value by validation score with seed 0, and all scores; held-out images are not used."""
    scores = {value: bench.method(name, 0, value)[0].get("validation") for value in GRIDS[name][1]}
    known = {value: score for value, score in scores.items() if score is not None}
    best = max if bench.task.classes else min
    chosen = float(best(known, key=lambda value: known[value])) if known else None
    return chosen, {f"{value:g}": score for value, score in scores.items()}


def row_of(title: str, features: str, made: list[cells.Cell]) -> dict[str, Any]:
    """Combines the cells of all seeds into one row: a list with one value per seed for every score, None if missing."""

    def gathered(key: str) -> dict[str, list[Any]]:
        names: dict[str, Any] = next((cell[key] for cell in made if key in cell), {})
        return {name: [cell.get(key, {}).get(name) for cell in made] for name in names}

    def scores(key: str) -> dict[str, Any]:
        per_seed = [cell.get(key, {}) for cell in made]
        names: dict[str, Any] = next((score["factors"] for score in per_seed if score), {})
        return {
            "average": [score.get("average") for score in per_seed],
            "factors": {name: [score.get("factors", {}).get(name) for score in per_seed] for name in names},
            "splits": [score.get("splits") for score in per_seed],
        }

    row: dict[str, Any] = {"title": title, "features": features, **scores("probe")}
    if any("z" in cell for cell in made) or features == "e":
        row["z"] = scores("z") | {"trouble": []}
    row |= {key: gathered(key) for key in ("metrics", "metrics_whole") if gathered(key)}
    row |= {key: [cell.get(key) for cell in made] for key in ("steps", "seconds", "validation")}
    row["trouble"] = [cell.get("stopped") or cell.get("failed") for cell in made]
    return row


def measure(bench: Bench, methods: list[str], seeds: int, tune: bool) -> tuple[dict[str, Any], dict[str, Path]]:
    """Computes all cells; returns the rows of the table and the checkpoints of the editing methods by title."""
    rows: dict[str, Any] = {"methods": {}, "controls": {}}
    editors = {}
    for name, (title, features, varies) in controls.TITLES.items():
        made = [bench.control(name, seed) for seed in range(seeds if varies else 1)]
        rows["controls"][name] = row_of(title, features, made)
    for name in methods:
        chosen, grid = tuned(bench, name) if tune and name in GRIDS else (None, {})
        method = get_method(name)
        runs = [bench.method(name, seed, chosen) for seed in range(seeds)]
        rows["methods"][name] = row_of(method.title, method.features, [cell for cell, _ in runs])
        rows["methods"][name]["own"] = list(OWN[bench.task.dataset].get(name, ()))
        if grid:
            rows["methods"][name] |= {"grid": grid, "setting": f"{GRIDS[name][0]}={chosen}"}
        if method.features == "e" and "probe" in runs[0][0]:
            editors[method.title] = runs[0][1] / "checkpoint"
    return rows, editors


def cells_ahead(methods: list[str], seeds: int, tune: bool) -> int:
    """Returns the number of cells to compute, for the progress display."""
    ahead = sum(seeds if varies else 1 for _, _, varies in controls.TITLES.values()) + seeds * len(methods)
    return ahead + (sum(len(GRIDS[name][1]) for name in methods if name in GRIDS) if tune else 0)

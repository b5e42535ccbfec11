"""Gathers the cells of a table into its results: rows of lists with one value per seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.table1.bench import Bench
from training.table1.cells import Cell
from training.table1.controls import TITLES
from training.table1.plan import Address, Plan
from training.table1.settings import GRIDS, LADDER, ROWS, kind_of
from training.table1.statistics import compared

SCORES = ("papers_choice", "whole", "z", "nonlinear", "z_nonlinear")
KEPT = ("steps", "best_step", "seconds", "cpu_seconds", "validation", "active", "command", "commit", "made")
PAPER = Path(__file__).with_name("paper.json")


def gathered(bench: Bench, plan: Plan) -> dict[str, Any]:
    """Returns the rows of the table, and the tests between them."""
    rows: dict[str, Any] = {"methods": {}, "controls": {}}
    for name, seeds in plan.controls.items():
        title, features, _ = TITLES[name]
        made = [bench.known(Address(name, seed, control=True)) for seed in range(seeds)]
        rows["controls"][name] = row_of(title, features, made)
    for name, seeds in plan.seeds.items():
        row, value = ROWS[name], plan.chosen(name)
        made = [bench.known(Address(name, seed, value)) for seed in range(seeds)]
        rows["methods"][name] = row_of(row.title, row.features, made) | {"own": bench.settings.own(name)}
        if name in plan.tuned:
            grid = {f"{at:g}": (cell or {}).get("validation") for at, cell in plan.scores(name).items()}
            rows["methods"][name] |= {"grid": grid, "setting": f"{GRIDS[name][0]}={value}"}
        if (longer := plan.longer(name)) and (cell := bench.known(longer)) and "probe" in cell:
            average = cell["probe"]["average"]
            rows["methods"][name]["longer"] = {"average": average, **{key: cell[key] for key in KEPT if key in cell}}
    averages = {name: row["average"] for name, row in rows["methods"].items()}
    return rows | {"tests": compared(averages, LADDER)}


def row_of(title: str, features: str, made: list[Cell | None]) -> dict[str, Any]:
    """Combines the cells of all seeds into one row: a list with one value per seed for every score, None if missing.

    "average", "factors" and "splits" are those of the linear probe on as many features as e has.
    """
    found = [cell or {} for cell in made]

    def scores(key: str) -> dict[str, Any]:
        per_seed = [cell.get(key, {}) for cell in found]
        names: dict[str, Any] = next((score["factors"] for score in per_seed if score), {})
        return {
            "average": [score.get("average") for score in per_seed],
            "factors": {name: [score.get("factors", {}).get(name) for score in per_seed] for name in names},
            "splits": [score.get("splits") for score in per_seed],
        }

    def values(key: str) -> dict[str, list[Any]]:
        names: dict[str, Any] = next((cell[key] for cell in found if key in cell), {})
        return {name: [cell.get(key, {}).get(name) for cell in found] for name in names}

    row: dict[str, Any] = {"title": title, "features": features, **scores("probe")}
    row |= {key: scores(key) for key in SCORES if any(key in cell for cell in found)}
    row |= {key: values(key) for key in ("metrics", "metrics_whole") if values(key)}
    row |= {key: [cell.get(key) for cell in found] for key in KEPT if any(key in cell for cell in found)}
    row["trouble"] = [cell.get("stopped") or cell.get("failed") for cell in found]
    row["ended"] = [cell.get("ended") for cell in found]
    return row


def papers(dataset: str) -> dict[str, Any]:
    """Returns the paper's own columns: "columns", and by method the numbers below them."""
    kind = "digits" if kind_of(dataset) == "digits" else "faces"
    return dict(json.loads(PAPER.read_text(encoding="utf-8"))[kind])

"""Formats results.json as Markdown tables in the paper's layout, as published in docs/table1.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

Results = dict[str, Any]
HEADS = {"red": "R", "green": "G", "blue": "B", "happiness": "Happy", "sadness": "Sad"}  # others: capitalised
FEATURES = {"e": "e", "ze": "all", "": "none"}
METRICS = {"mig": "MIG", "dci_disentanglement": "DCI D", "dci_completeness": "DCI C", "dci_informativeness": "DCI I",
           "sap": "SAP"}  # fmt: skip
NONE = "–"


def tables(results: Results) -> str:
    """Returns all tables and notes of one dataset as Markdown."""
    parts = [what(results), main_table(results)]
    parts += [f"- {note}" for note in notes(results)]
    if any("metrics" in row for row in results["methods"].values()):
        parts += ["", metrics_table(results)]
    return "\n".join([*parts, ""])


def what(results: Results) -> str:
    """Describes the runs in one or two sentences."""
    settings, count = results["settings"], len(results["seeds"])
    budget = f"{settings['minutes']:g} minutes" if settings["minutes"] else f"{settings['steps']:,} steps"
    model = settings["model"]
    size = f"{model['image_size']} px, width {model['width']}, {model['dim_z']} + {model['dim_e']} latents"
    score = "accuracy in %, higher is better" if results["classes"] else "mean absolute error, lower is better"
    spread = "mean ± standard deviation over them" if count > 1 else "so no deviation is known"
    return (
        f"{budget} for every method on {results['device']}, preset `{settings['preset']}` ({size}), "
        f"{count} seed{'s' * (count > 1)}, {spread}. "
        f"Figures: {score}; **best** and *second* among the methods.\n"
    )


def main_table(results: Results) -> str:
    """Returns the table of methods and controls, with a column per factor and, if given, the paper's averages."""
    paper: dict[str, float] = results.get("paper") or {}
    names, percent = results["names"], 100.0 if results["classes"] else 1.0
    columns = [*names, "average"]
    rows = {name: _columns(row, columns, percent) for name, row in results["methods"].items()}
    marks = {name: _marks([_mean(rows[m][i]) for m in rows], results["classes"]) for i, name in enumerate(columns)}
    heads = ["method", "features", *(HEADS.get(name, name.capitalize()) for name in names), "Average"]
    lines = [_line([*heads, *(["Paper"] if paper else [])]), _line(["---"] * (len(heads) + bool(paper)))]

    def add(title: str, features: str, texts: list[str], average: float | None = None) -> None:
        lines.append(
            _line([title, features, *texts, *([NONE if average is None else f"{average:g}"] if paper else [])])
        )

    def figures(row: Results) -> list[str]:
        return [_figure(values, results) for values in _columns(row, columns, percent)]

    for place, (name, row) in enumerate(results["methods"].items()):
        texts = [f"{marks[column][place]}{cell}{marks[column][place]}"
                 for column, cell in zip(columns, figures(row), strict=True)]  # fmt: skip
        add(row["title"], FEATURES[row["features"]], _excused(row, texts), paper.get(name))
    for row in results["controls"].values():
        add(f"control: {row['title']}", FEATURES[row["features"]], _excused(row, figures(row)))
    for row in results["methods"].values():
        if row["features"] == "e":
            add(f"control: z of {row['title']}", "z", figures(row["z"]))
    return "\n".join(lines) + "\n"


def metrics_table(results: Results) -> str:
    """Returns the disentanglement table; methods with a reference set have rows for e and for all latents."""
    lines = [_line(["method", "code", *METRICS.values()]), _line(["---"] * (2 + len(METRICS)))]
    for group in ("methods", "controls"):
        for row in results[group].values():
            title = row["title"] if group == "methods" else f"control: {row['title']}"
            for key, code in (("metrics", FEATURES[row["features"]]), ("metrics_whole", "all")):
                if key in row and (key == "metrics" or row["features"] == "e"):
                    lines.append(_line([title, code, *(_number(row[key][name], 3) for name in METRICS)]))
    return "\n".join(lines) + "\n"


def notes(results: Results) -> list[str]:
    """Returns notes on missing classes, stopped runs and chosen weights."""
    found = list(results.get("notes", []))
    for group in ("methods", "controls"):
        for row in results[group].values():
            troubles = [(seed, why) for seed, why in zip(results["seeds"], row["trouble"], strict=False) if why]
            found += [f"{row['title']}, seed {seed}: {why}" for seed, why in troubles]
            if row.get("own"):
                found.append(f"{row['title']}: {', '.join(row['own'])} (our weights for this dataset)")
            if row.get("grid"):
                tried = ", ".join(f"{value} {score:.3f}" if score is not None else f"{value} stopped"
                                  for value, score in row["grid"].items())  # fmt: skip
                found.append(f"{row['title']}: {row['setting']} chosen on training images among {tried}")
    return found


def _columns(row: Results, names: Sequence[str], factor: float) -> list[list[float]]:
    """Returns the values of all seeds, column by column, without missing values."""
    columns = [row["average"] if name == "average" else row["factors"].get(name, []) for name in names]
    return [[factor * value for value in column if value is not None] for column in columns]


def _excused(row: Results, texts: list[str]) -> list[str]:
    """Returns the cells of a row; if no seed has a value, the first cell gives the reason."""
    why = next((why for why in row["trouble"] if why), "")
    if why and all(cell == NONE for cell in texts):
        return [("stopped: " if "stopped" not in why else "") + why.split(";")[0].replace("|", "/"), *texts[1:]]
    return texts


def _marks(means: list[float | None], higher: bool) -> list[str]:
    """Returns "**" for the best of a column's means, "*" for the second best and "" for the others."""
    known = sorted({value for value in means if value is not None}, reverse=higher)[:2]
    places = dict(zip(known, ("**", "*"), strict=False))
    return [places.get(value, "") if value is not None else "" for value in means]


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _figure(values: Sequence[float], results: Results) -> str:
    return _number(values, 1 if results["classes"] else 3)


def _number(values: Sequence[float | None], digits: int) -> str:
    """Formats the mean and, for two or more seeds, ± the standard deviation."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    deviation = f" ± {statistics.stdev(known):.{digits}f}" if len(known) > 1 else ""
    return f"{statistics.fmean(known):.{digits}f}{deviation}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""Formats results.json as Markdown tables, as published in docs/table1.md and docs/table1/."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Sequence
from typing import Any

from training.table1.statistics import interval

Results = dict[str, Any]
HEADS = {"red": "R", "green": "G", "blue": "B", "happiness": "Happy", "sadness": "Sad"}  # others: capitalised
FEATURES = {"e": "e", "ze": "all", "": "none"}
PAPERS = {"red": "R", "green": "G", "blue": "B"}  # a column's name in the paper, where it is another one
METRICS = {"mig": "MIG", "dci_disentanglement": "DCI D", "dci_completeness": "DCI C", "dci_informativeness": "DCI I",
           "sap": "SAP"}  # fmt: skip
SCORES = {"papers_choice": "the paper's choice", "whole": "z and e", "nonlinear": "non-linear probe", "z": "z",
          "z_nonlinear": "z, non-linear probe"}  # fmt: skip
NONE = "–"


def tables(results: Results) -> str:
    """Returns all tables and notes of one dataset as Markdown."""
    parts = [short_tables(results), *[f"- {note}" for note in notes(results)], ""]
    parts += [table for table in (scores_table(results), length_table(results), tests_table(results)) if table]
    if any("metrics" in row for row in results["methods"].values()):
        parts += [metrics_table(results)]
    return "\n".join([*parts])


def short_tables(results: Results) -> str:
    """Returns what a reader of two minutes needs: how the runs were made, and the main table."""
    return "\n".join([what(results), main_table(results)])


def what(results: Results) -> str:
    """Describes the runs in a few sentences."""
    settings = results["settings"]
    budget = f"{settings['minutes']:g} minutes" if settings["minutes"] else f"{settings['steps']:,} steps"
    if settings.get("patience"):
        every = settings["patience"] * settings["check_every"]
        budget = f"Until the validation score has not improved for {every:,} steps, at most {budget},"
    model = settings["model"]
    size = f"{model['image_size']} px, width {model['width']}"
    if model.get("observes") == "code":
        parts = ("texture_even", "texture_odd", "shape_even", "shape_odd")
        size = f"codes of {sum(model[part] for part in parts)} numbers"
    size += f", {model['dim_z']} + {model['dim_e']} latents"
    score = "accuracy in %, higher is better" if results["classes"] else "mean absolute error, lower is better"
    seeds = sorted({len(row["average"]) for row in results["methods"].values()})
    count = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    papers = " In brackets: the paper's own number." if results.get("paper") else ""
    text = (
        f"{budget} on {results['device']}, preset `{settings['preset']}` ({size}), {count} seeds. Figures: {score}; "
        f"mean ± 95% confidence interval over seeds; **best** and *second* among the methods.{papers}"
    )
    return textwrap.fill(text, 120, break_on_hyphens=False) + "\n"


def main_table(results: Results) -> str:
    """Returns the table of rows and controls, with a column per factor, and the paper's numbers beside ours."""
    columns = [*results["names"], "average"]
    percent = 100.0 if results["classes"] else 1.0
    rows = {name: _columns(row, columns, percent) for name, row in results["methods"].items()}
    marked = {name: marks([mean(rows[m][i]) for m in rows], results["classes"]) for i, name in enumerate(columns)}
    heads = ["method", "features", "seeds", *(HEADS.get(name, name.capitalize()) for name in results["names"])]
    lines = [line([*heads, "Average"]), line(["---"] * (len(heads) + 1))]

    def add(title: str, row: Results, texts: list[str]) -> None:
        known = [value for value in row["average"] if value is not None]
        lines.append(line([title, features_of(row), str(len(known)), *texts]))

    for place, (name, row) in enumerate(results["methods"].items()):
        texts = []
        for column, values in zip(columns, rows[name], strict=True):
            mark, paper = marked[column][place], papers_cell(results, name, column)
            text = figure(values, results, spread=column == "average")
            texts.append(f"{mark}{text}{mark}{paper and f' ({paper})'}")
        add(row["title"], row, _excused(row, texts))
    for row in results["controls"].values():
        figures = [figure(values, results, column == "average")
                   for column, values in zip(columns, _columns(row, columns, percent), strict=True)]  # fmt: skip
        add(f"control: {row['title']}", row, _excused(row, figures))
    return "\n".join(lines) + "\n"


def features_of(row: Results) -> str:
    """Returns what the probe of the main table sees."""
    reduced = row["features"] == "ze" and "papers_choice" in row
    return "all, reduced" if reduced else FEATURES[row["features"]]


def papers_cell(results: Results, name: str, column: str) -> str:
    """Returns the paper's number for a row and column as it is printed there, "" if it has none."""
    paper = results.get("paper") or {}
    column = PAPERS.get(column, column)
    if name not in paper or column not in paper["columns"]:
        return ""
    value = paper[name][paper["columns"].index(column)]
    return f"{100 * value:.1f}" if results["classes"] else f"{value:.3f}"


def scores_table(results: Results) -> str:
    """Returns the averages for other features and probes; "" for results that have none."""
    shown = {key: head for key, head in SCORES.items() if any(key in row for row in results["methods"].values())}
    if "papers_choice" not in shown:
        return ""
    lines = [line(["method", "as in the table above", *shown.values(), "latents used, z + e"])]
    lines.append(line(["---"] * (len(shown) + 3)))
    for group in ("methods", "controls"):
        for row in results[group].values():
            scores = [row, *(row.get(key, {"average": []}) for key in shown)]
            texts = [figure(averages(score, results), results) for score in scores]
            used = [value for value in row.get("active", []) if value]
            numbers = " + ".join(f"{statistics.fmean(part):.0f}" for part in zip(*used, strict=True)) or NONE
            lines.append(line([("control: " if group == "controls" else "") + row["title"], *texts, numbers]))
    return "\n".join(["Averages of other features and probes:", "", *lines, ""])


def length_table(results: Results) -> str:
    """Returns how long the runs were, and what three times as many steps gave; "" for results without such runs."""
    rows = {name: row for name, row in results["methods"].items() if "longer" in row}
    if not rows:
        return ""
    digits = 1 if results["classes"] else 4
    percent = 100.0 if results["classes"] else 1.0
    lines = [line(["method", "steps (best)", "validation", "held out", "steps", "validation", "held out"])]
    lines.append(line(["---"] * 7))
    for row in rows.values():
        longer = row["longer"]
        numbers = [row["validation"][0], row["average"][0], longer["validation"], longer["average"]]
        texts = [f"{percent * number:.{digits}f}" for number in numbers]
        steps = f"{row['steps'][0]:,} ({row['best_step'][0]:,})"
        lines.append(line([row["title"], steps, *texts[:2], f"{longer['steps']:,}", *texts[2:]]))
    return "\n".join(["Seed 0, and a run three times as long:", "", *lines, ""])


def tests_table(results: Results) -> str:
    """Returns the paired tests; "" for results without any."""
    tests = results.get("tests") or {}
    lines = []
    percent, digits = (100.0, 1) if results["classes"] else (1.0, 4)
    for test in [*tests.get("rows", []), *tests.get("plain", []), *tests.get("ladder", [])]:
        titles = [results["methods"][test[key]]["title"] for key in ("row", "other")]
        difference = f"{percent * test['difference']:+.{digits}f} ± {percent * test['interval']:.{digits}f}"
        lines.append(line([f"{titles[0]} − {titles[1]}", str(test["seeds"]), difference, _p(test["p"]),
                            _p(test["p_holm"])]))  # fmt: skip
    if not lines:
        return ""
    heads = [line(["average", "seeds", "difference, 95% interval", "p", "p (Holm)"]), line(["---"] * 5)]
    better = "above" if results["classes"] else "below"
    says = f"Paired t tests over seeds; the first is better where the difference is {better} 0:"
    return "\n".join([says, "", *heads, *lines, ""])


def metrics_table(results: Results) -> str:
    """Returns the disentanglement table; methods with a reference set have rows for e and for all latents."""
    lines = [line(["method", "code", *METRICS.values()]), line(["---"] * (2 + len(METRICS)))]
    for group in ("methods", "controls"):
        for row in results[group].values():
            title = row["title"] if group == "methods" else f"control: {row['title']}"
            for key, code in (("metrics", FEATURES[row["features"]]), ("metrics_whole", "all")):
                if key in row and (key == "metrics" or row["features"] == "e"):
                    lines.append(line([title, code, *(_number(row[key][name], 3) for name in METRICS)]))
    return "\n".join(lines) + "\n"


def notes(results: Results) -> list[str]:
    """Returns notes on missing classes, stopped runs and chosen weights."""
    found = list(results.get("notes", []))
    for group in ("methods", "controls"):
        for row in results[group].values():
            for key, says in (("trouble", ""), ("ended", "scored as it was at its best check; ")):
                found += [
                    f"{row['title']}, seed {seed}: {says}{why}" for seed, why in enumerate(row.get(key, [])) if why
                ]
            if row.get("own"):
                found.append(f"{row['title']}: {', '.join(row['own'])} (our weights for this dataset)")
            if row.get("grid"):
                tried = ", ".join(f"{value} {score:.3f}" if score is not None else f"{value} stopped"
                                  for value, score in row["grid"].items())  # fmt: skip
                found.append(f"{row['title']}: {row['setting']} chosen on validation images among {tried}")
    return found


def _columns(row: Results, names: Sequence[str], factor: float) -> list[list[float]]:
    """Returns the values of all seeds, column by column, without missing values."""
    columns = [row["average"] if name == "average" else row["factors"].get(name, []) for name in names]
    return [[factor * value for value in column if value is not None] for column in columns]


def averages(row: Results, results: Results) -> list[float]:
    """Returns the averages of all seeds that have one, in percent if they are accuracies."""
    factor = 100.0 if results["classes"] else 1.0
    return [factor * value for value in row["average"] if value is not None]


def _excused(row: Results, texts: list[str]) -> list[str]:
    """Returns the cells of a row; if no seed has a value, the first cell gives the reason."""
    why = next((why for why in row["trouble"] if why), "")
    if why and all(cell.split(" ")[0] == NONE for cell in texts):
        return [("stopped: " if "stopped" not in why else "") + why.split(";")[0].replace("|", "/"), *texts[1:]]
    return texts


def marks(means: list[float | None], higher: bool) -> list[str]:
    """Returns "**" for the best of a column's means, "*" for the second best and "" for the others."""
    known = sorted({value for value in means if value is not None}, reverse=higher)[:2]
    places = dict(zip(known, ("**", "*"), strict=False))
    return [places.get(value, "") if value is not None else "" for value in means]


def mean(values: Sequence[float]) -> float | None:
    """Returns the mean, None if there are no values."""
    return statistics.fmean(values) if values else None


def figure(values: Sequence[float], results: Results, spread: bool = True) -> str:
    """Formats the mean of values and, with `spread`, their confidence interval, as the dataset's scores are printed."""
    return _number(values, 1 if results["classes"] else 3, spread)


def _number(values: Sequence[float | None], digits: int, spread: bool = True) -> str:
    """Formats the mean and, for two or more seeds, ± half of its confidence interval."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    half = interval(known) if spread else None
    return f"{statistics.fmean(known):.{digits}f}" + (f" ± {half:.{digits}f}" if half is not None else "")


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def line(cells: Sequence[str]) -> str:
    """Returns one line of a Markdown table."""
    return f"| {' | '.join(cells)} |"

"""Formats the first table of docs/table1.md: the average of every row on every dataset, and the paper's beside them."""

from __future__ import annotations

from collections.abc import Mapping

from training.table1.controls import TITLES
from training.table1.settings import ROWS, kind_of
from training.table1.table import Results, averages, figure, line, marks, mean, papers_cell

HEADS = {"digits": "digits, error", "fer": "FER-2013, images", "lfw": "LFW, images", "fer-codes": "FER-2013, codes",
         "lfw-codes": "LFW, codes"}  # fmt: skip
CONTROLS = ("constant", "pixels_e", "start", "supervised")


def overview(tables: Mapping[str, Results]) -> str:
    """Returns the averages of all rows and of four controls, with a column for each dataset in `tables`.

    The paper's averages have columns of their own, behind those of digits and of faces.
    """
    found = {name: tables[name] for name in HEADS if name in tables}
    heads, columns = ["method"], []
    rows = [name for name in ROWS if any(name in results["methods"] for results in found.values())]
    last = {kind_of(dataset) == "digits": dataset for dataset in found}
    for dataset, results in found.items():
        heads.append(HEADS[dataset])
        columns.append(_column(results, rows))
        if dataset in last.values():
            heads.append("paper, digits" if dataset == "digits" else "paper, AffectNet")
            columns.append([papers_cell(results, name, "average") for name in rows] + [""] * len(CONTROLS))
    titles = [ROWS[name].title for name in rows] + [f"control: {TITLES[name][0]}" for name in CONTROLS]
    lines = [line(heads), line(["---"] * len(heads))]
    lines += [line(cells) for cells in zip(titles, *columns, strict=True)]
    return "\n".join(lines) + "\n"


def _column(results: Results, rows: list[str]) -> list[str]:
    """Returns the averages of one dataset, "" for rows that it does not have, the best two of the methods marked."""
    values = {name: averages(row, results) for name, row in (results["methods"] | results["controls"]).items()}
    marked = marks([mean(values.get(name, [])) for name in rows], results["classes"])
    texts = [figure(values[name], results) if name in values else "" for name in (*rows, *CONTROLS)]
    return [f"{mark}{text}{mark}" for mark, text in zip([*marked, *[""] * len(CONTROLS)], texts, strict=True)]

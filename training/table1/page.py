"""Writes tables into docs/table1.md, between marker comments, and all tables of a dataset beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError
from training.engine.cli import write_json
from training.table1.overview import HEADS, overview
from training.table1.table import short_tables, tables

OVERVIEW = "overview"


def publish(page: Path, out: Path, results: dict[str, Any]) -> None:
    """Replaces the blocks of the dataset and of the overview, and writes all tables and pictures to the folder beside.

    A published figure with more rows stays: cells taken from a published table have no networks to draw. Raises
    ConfigError if the page has no markers for them.
    """
    folder, dataset = page.with_suffix(""), results["dataset"]
    copies = {"cells.json": f"{dataset}-cells.json", "plot.png": f"{dataset}.png"}
    edited = published(folder).get(dataset, {}).get("edited", [])
    if len(edited) > len(results["edited"]):
        results = results | {"edited": edited}
    else:
        copies["figure2.webp"] = f"{dataset}-figure2.webp"
    text = filled(page.read_text(encoding="utf-8"), page.stem, published(folder) | {dataset: results})
    folder.mkdir(parents=True, exist_ok=True)
    for name, copy in copies.items():
        if (out / name).exists():
            shutil.copyfile(out / name, folder / copy)
    write_json(folder / f"{dataset}.json", results)
    write_atomically(folder / f"{dataset}.md", long_version(results).encode())
    write_atomically(page, text.encode())


def published(folder: Path) -> dict[str, dict[str, Any]]:
    """Returns the results in the folder by dataset."""
    paths = {dataset: folder / f"{dataset}.json" for dataset in HEADS}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def filled(page: str, folder: str, known: dict[str, dict[str, Any]]) -> str:
    """Returns the page with the overview and the blocks of the datasets replaced; `folder` holds their pictures.

    Raises ConfigError if the page has no markers for one of them.
    """
    page = between_markers(page, OVERVIEW, f"\n{overview(known)}\n")
    for dataset, results in known.items():
        page = between_markers(page, dataset, block(folder, results))
    return page


def between_markers(page: str, name: str, text: str) -> str:
    """Returns the page with what stands between the two markers of that name replaced.

    Raises ConfigError if the page has no such markers.
    """
    begin, end = f"<!-- {name}: written by training/benchmark.py -->\n", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ConfigError(f"the page has no lines {begin.strip()} and {end}; put them where the tables belong")
    return before + begin + text + end + after


def block(folder: str, results: dict[str, Any]) -> str:
    """Returns the main table of one dataset as Markdown."""
    dataset = results["dataset"]
    return f"\n{short_tables(results)}\nAll tables: [{dataset}.md]({folder}/{dataset}.md).\n\n"


def long_version(results: dict[str, Any]) -> str:
    """Returns the page with all tables and pictures of one dataset."""
    dataset = results["dataset"]
    made = f"`{results['command']}`, commit {results['commit']}, PyTorch {results['torch']}."
    about = "Written by training/benchmark.py; how it is measured: [table1.md](../table1.md)."
    parts = [f"# Table 1: {dataset}", "", about, made, "", tables(results), f"![Averages]({dataset}.png)", ""]
    if results["edited"]:
        says = f"Transfers between the same held-out images: {', '.join(results['edited'])} (one run each)"
        parts += [f"![{says}]({dataset}-figure2.webp)", ""]
    return "\n".join(parts)

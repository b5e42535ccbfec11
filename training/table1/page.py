"""Writes the main table of a dataset into docs/table1.md, between two marker comments, and all tables beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError
from training.table1.table import short_tables, tables


def publish(page: Path, out: Path, results: dict[str, Any]) -> None:
    """Replaces the dataset's block in the page, and writes results, pictures and all tables to the folder beside it.

    Raises ConfigError if the page has no markers for the dataset.
    """
    text = filled(page.read_text(encoding="utf-8"), page.stem, results)
    folder, dataset = page.with_suffix(""), results["dataset"]
    folder.mkdir(parents=True, exist_ok=True)
    copies = {
        "results.json": f"{dataset}.json",
        "cells.json": f"{dataset}-cells.json",
        "plot.png": f"{dataset}.png",
        "figure2.webp": f"{dataset}-figure2.webp",
    }
    for name, copy in copies.items():
        if (out / name).exists():
            shutil.copyfile(out / name, folder / copy)
    write_atomically(folder / f"{dataset}.md", long_version(results).encode())
    write_atomically(page, text.encode())


def filled(page: str, folder: str, results: dict[str, Any]) -> str:
    """Returns the page with the block of this dataset replaced; `folder` holds its pictures.

    Raises ConfigError if the page has no markers for the dataset.
    """
    dataset = results["dataset"]
    begin, end = f"<!-- {dataset}: written by training/benchmark.py -->\n", f"<!-- end of {dataset} -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ConfigError(f"the page has no lines {begin.strip()} and {end}; put them where the tables belong")
    return before + begin + block(folder, results) + end + after


def block(folder: str, results: dict[str, Any]) -> str:
    """Returns the main table and the figure of one dataset as Markdown."""
    dataset = results["dataset"]
    parts = ["", short_tables(results), f"All tables: [{dataset}.md]({folder}/{dataset}.md).", ""]
    if results["edited"]:
        says = f"Transfers between the same held-out images: {', '.join(results['edited'])} (seed 0)"
        parts += [f"![{says}]({folder}/{dataset}-figure2.webp)", ""]
    return "\n".join(parts) + "\n"


def long_version(results: dict[str, Any]) -> str:
    """Returns the page with all tables of one dataset."""
    dataset = results["dataset"]
    made = f"`{results['command']}`, commit {results['commit']}, PyTorch {results['torch']}."
    about = "Written by training/benchmark.py; how it is measured: [table1.md](../table1.md)."
    return "\n".join([f"# Table 1: {dataset}", "", about, made, "", tables(results), f"![Averages]({dataset}.png)", ""])

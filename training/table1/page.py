"""Writes the benchmark's tables into docs/table1.md, between two marker comments per dataset."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rbvae.checkpoint import write_atomically
from rbvae.errors import ConfigError
from training.table1.table import tables


def publish(page: Path, out: Path, results: dict[str, Any]) -> None:
    """Copies results and pictures to a folder next to `page` and replaces the dataset's block in the page.

    Raises ConfigError if the page has no markers for the dataset.
    """
    text = filled(page.read_text(encoding="utf-8"), page.stem, results)
    folder, dataset = page.with_suffix(""), results["dataset"]
    folder.mkdir(parents=True, exist_ok=True)
    copies = {
        "results.json": f"{dataset}.json",
        "plot.png": f"{dataset}.png",
        "figure2.webp": f"{dataset}-figure2.webp",
    }
    for name, copy in copies.items():
        if (out / name).exists():
            shutil.copyfile(out / name, folder / copy)
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
    """Returns the command, tables and pictures of one dataset as Markdown."""
    made = f"`{results['command']}`, commit {results['commit']}, PyTorch {results['torch']}:"
    parts = ["", made, "", tables(results), f"![Averages]({folder}/{results['dataset']}.png)", ""]
    if results["edited"]:
        says = f"The same held-out images edited by {', '.join(results['edited'])} (seed 0)"
        parts += [f"![{says}]({folder}/{results['dataset']}-figure2.webp)", ""]
    return "\n".join(parts) + "\n"

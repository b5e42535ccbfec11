"""Plots Table 1 and draws transfers between held-out images, one row a method (the paper's Figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

from rbvae.checkpoint import load_checkpoint
from rbvae.images.arrays import to_float
from training.evaluation.grids import mosaic
from training.table1.bench import Bench
from training.table1.plan import Address, Plan
from training.table1.settings import ROWS
from training.table1.task import Task

DONORS, PEOPLE, ZOOM, MARGIN = 4, 3, 2, 240


def plot(results: dict[str, Any], path: Path) -> None:
    """Plots one row per method, with a dot per seed and a bar at the mean; controls are vertical lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = {row["title"]: [v for v in row["average"] if v is not None] for row in results["methods"].values()}
    names = list(rows)[::-1]
    figure = Figure(figsize=(8, 2.2 + 0.34 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for place, name in enumerate(names):
        values = rows[name]
        own = next(row for row in results["methods"].values() if row["title"] == name)["features"] == "e"
        color = "tab:red" if own else "tab:blue"
        if values:
            axes.plot([sum(values) / len(values)] * 2, [place - 0.3, place + 0.3], color=color, linewidth=2)
            axes.plot(values, [place] * len(values), "o", color=color, alpha=0.6)
        else:
            axes.text(0.5, place, "stopped", transform=axes.get_yaxis_transform(), va="center", color="gray")
    axes.plot([], [], "o", color="tab:red", label="e, of methods with a reference set")
    axes.plot([], [], "o", color="tab:blue", label="as many numbers of the latent, of methods without")
    styles = [("constant", ":"), ("random_e", "-."), ("pixels_e", "--"), ("supervised", "-")]
    for name, style in styles:
        values = [v for v in results["controls"].get(name, {"average": []})["average"] if v is not None]
        if values:
            axes.axvline(sum(values) / len(values), color="gray", linestyle=style, linewidth=1,
                         label=results["controls"][name]["title"])  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(
        "balanced accuracy, higher is better" if results["classes"] else "mean absolute error, lower is better"
    )
    figure.legend(fontsize=8, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def editors(plan: Plan, bench: Bench, task: Task) -> dict[str, Path]:
    """Returns a checkpoint of each row that can edit images, by title: of the first seed that has one.

    Cells taken from a published table have none.
    """
    if task.codes:
        return {}
    found = {}
    for name in (name for name in plan.seeds if ROWS[name].features == "e"):
        addresses = (Address(name, seed, plan.chosen(name)) for seed in range(plan.seeds[name]))
        done = (address for address in addresses if "probe" in (bench.known(address) or {}))
        folders = (bench.folder(address) / "checkpoint" for address in done)
        if checkpoint := next((folder for folder in folders if folder.is_dir()), None):
            found[ROWS[name].title] = checkpoint
    return found


@torch.inference_mode()
def figure2(checkpoints: dict[str, Path], task: Task, path: Path, device: torch.device) -> None:
    """Draws one row for each method: transfers of the e of DONORS images to PEOPLE other images, side by side.

    The same held-out images for every method; those whose e is taken stand in the first row, those that are edited in
    the first column of each block.
    """
    images = task.held_out.images.expand(-1, 3, -1, -1)
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[: DONORS + PEOPLE]
    donors, people = to_float(images[chosen].to(device)).split([DONORS, PEOPLE])
    blank = torch.ones_like(donors[0])
    grid = [[part for _ in people for part in (blank, *donors)]]
    for folder in checkpoints.values():
        model = load_checkpoint(folder).model.to(device).eval()
        e = model.encoder_e(donors).mean
        row = []
        for x in people:
            z = model.encoder_z(x[None]).mean
            row += [x, *model.decode(z.expand(len(e), -1), e)]
        grid.append(row)
    with_titles(mosaic(grid), ["", *checkpoints], ZOOM if images.shape[-1] < 64 else 1).save(path, quality=80)


def with_titles(picture: Image.Image, titles: list[str], zoom: int) -> Image.Image:
    """Enlarges a mosaic and writes a title to the left of each row."""
    large = picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (large.width + MARGIN, large.height), "white")
    canvas.paste(large, (MARGIN, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for row, title in enumerate(titles):
        middle = (row + 0.5) * large.height / len(titles)
        draw.text((4, middle), title, fill="black", font=font, anchor="lm")
    return canvas

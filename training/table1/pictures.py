"""Plots Table 1 and draws edits of held-out images by the methods that can edit (the paper's Figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rbvae.checkpoint import load_checkpoint
from rbvae.images.arrays import to_float
from rbvae.models.model import RbVAE
from training.evaluation.grids import captioned, columns_of, rows_below, stacked
from training.table1.task import Task

ROWS, RANDOM, DONORS, ZOOM = 5, 5, 4, 2
CAPTIONS = {0: "image", 1: "rebuilt", 2: "reference", 3: "random e", 3 + RANDOM: "e of the image above"}


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
    axes.plot([], [], "o", color="tab:red", label="features: e, of methods with a reference set")
    axes.plot([], [], "o", color="tab:blue", label="features: the whole latent, of methods without")
    styles = [("constant", ":"), ("random", "-."), ("pixels", "--"), ("supervised", "-")]
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


def figure2(checkpoints: dict[str, Path], task: Task, path: Path, device: torch.device) -> None:
    """Draws a block of edits of the same held-out images for each method that can edit.

    Columns: image, reconstruction, e_ref, random e, and the e of the images in the top row.
    """
    images = task.held_out.images.expand(-1, 3, -1, -1)
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[: DONORS + ROWS]
    zoom = ZOOM if images.shape[-1] < 64 else 1
    blocks = []
    for title, folder in checkpoints.items():
        model = load_checkpoint(folder).model.to(device).eval()
        blocks.append(captioned(_rows(model, images[chosen], images[:512], device), title, CAPTIONS, zoom))
    stacked(blocks).save(path, quality=80)


@torch.inference_mode()
def _rows(model: RbVAE, images: Tensor, others: Tensor, device: torch.device) -> list[list[Tensor]]:
    """Returns the rows of a block.

    Random e are drawn from a Gaussian fitted to the inferred e of `others`, because some methods have no prior on e.
    """
    x = to_float(images.to(device))
    donors, x = x[:DONORS], x[DONORS:]
    inferred = model.encoder_e(to_float(others.to(device))).mean
    noise = torch.randn(RANDOM, model.config.dim_e, generator=torch.Generator().manual_seed(0)).to(device)
    random_e = inferred.mean(dim=0) + inferred.std(dim=0) * noise
    return rows_below(donors, columns_of(model, x, [*random_e, *model.encoder_e(donors).mean]))

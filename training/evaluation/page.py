"""Writes an evaluation as one self-contained HTML page: tables with floors and ceilings, and pictures."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jinja2 import Environment, StrictUndefined
from PIL import Image
from torch import Tensor

from rbvae.checkpoint import Checkpoint
from rbvae.images.arrays import to_float
from training.data.image_sets import ImageSets
from training.evaluation.grids import mosaic, sample_grid, transfer_grid
from training.evaluation.measures import choose_pairs

PAIR_ROWS, GRID_IMAGES = 8, 16
TEMPLATE = Path(__file__).with_name("report.html")
WORDS = {"faces": ("face", "expression", "neutral face"), "digits": ("digit", "style", "plain digit")}


@dataclass(frozen=True)
class Figure:
    """A picture of the page with its title and caption."""

    title: str
    caption: str
    picture: Image.Image

    @property
    def source(self) -> str:
        """The picture as a WebP image in a data URL."""
        stream = io.BytesIO()
        self.picture.save(stream, "WEBP", quality=60, method=6)
        return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"


def write_report(path: Path, checkpoint: Checkpoint, sets: ImageSets, scores: dict[str, Any], name: str) -> None:
    """Writes the page; `scores` is the result of `measure`, `name` the checkpoint name shown in the heading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(scores, figures(checkpoint, sets, scores["seed"]), name), encoding="utf-8")


def page(scores: dict[str, Any], pictures: list[Figure], name: str) -> str:
    """Returns the page as HTML, without scripts or external resources."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.globals |= {"find": find, "number": number, "formatted": formatted, "zip": zip}
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"), {"scores": scores})
    return template.render(name=name, pictures=pictures, numbers=json.dumps(scores, indent=1)).lstrip()


def find(values: Any, path: str) -> Any:
    """Returns the value at path a/b/c in nested dictionaries, or None."""
    for key in path.split("/"):
        if not isinstance(values, dict) or values.get(key) is None:
            return None
        values = values[key]
    return values


def number(value: Any, digits: int = 2) -> str:
    """Formats a float with `digits` decimals and an integer in full; None becomes a dash."""
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else str(value) if isinstance(value, str) else f"{value:.{digits}f}".replace("-", "−")


def formatted(value: Any) -> str:
    """Formats a number or an interval for a sentence."""
    if isinstance(value, list):
        return " to ".join(formatted(edge) for edge in value)
    return f"{value:,}" if isinstance(value, int) else number(value, 2) if isinstance(value, float) else str(value)


@torch.inference_mode()
def figures(checkpoint: Checkpoint, sets: ImageSets, seed: int) -> list[Figure]:
    """Returns image grids of held-out images that are chosen by the seed."""
    model, photos = checkpoint.model.cpu(), sets.probe_test.images
    order = torch.randperm(len(photos), generator=torch.Generator().manual_seed(seed))
    chosen = photos[order[:GRID_IMAGES]]
    one, other, plain = WORDS[sets.kind]
    picked = "The rows were picked by the seed, not by hand."
    return [
        Figure(
            "Pairs of A and B",
            f"From left to right: A, who lends the {other}; B, the {one} that gets it; B rebuilt; the edit: B with A's "
            f"{other}. Two pairs to a row. {picked}",
            pair_grid(checkpoint, sets, seed),
        ),
        Figure(
            f"Random {other}s",
            f"A {one}, rebuilt, as the reference ({plain}), then six random {other}s from the prior, the same six "
            f"in every "
            f"row. {picked}",
            sample_grid(model, chosen, seed),
        ),
        Figure(
            "Transfer",
            f"The {other} of the top row on the {one} of the left column. {picked}",
            transfer_grid(model, chosen),
        ),
    ]


def pair_grid(checkpoint: Checkpoint, sets: ImageSets, seed: int) -> Image.Image:
    """Draws seeded pairs, two per row: A, B, B rebuilt, edit."""
    photos, model = sets.probe_test.images, checkpoint.model
    pairs = choose_pairs(sets.probe_test.shows, len(photos), 2 * PAIR_ROWS, seed)
    x = to_float(photos[torch.from_numpy(pairs.rows)])
    q_z, q_e = model.encode(x)
    a = torch.from_numpy(pairs.a)
    columns = (x[a], x, model.decode(q_z.mean, q_e.mean), model.decode(q_z.mean, q_e.mean[a]))
    rows: list[list[Tensor]] = [list(row) for row in zip(*columns, strict=True)]
    blank = torch.ones_like(x[0])
    if len(rows) % 2:
        rows.append([blank] * 4)
    return mosaic([[*left, blank, *right] for left, right in zip(rows[::2], rows[1::2], strict=True)])

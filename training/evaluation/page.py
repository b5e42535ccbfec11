"""Writes an evaluation as one self-contained HTML page: tables with floors and ceilings, and pictures."""

from __future__ import annotations

import base64
import html
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from rbvae.checkpoint import Checkpoint
from rbvae.images.arrays import to_float
from training.data.image_sets import ImageSets
from training.evaluation.grids import mosaic, sample_grid, transfer_grid
from training.evaluation.measures import choose_pairs
from training.evaluation.summary import SUMMARY
from training.evaluation.tables import TABLES, Table

PAIR_ROWS, GRID_IMAGES = 8, 16

STYLE = """
:root { color-scheme: light dark; --text: #1d1d1f; --soft: #5c5c66; --line: #d9d9e0; --page: #fff; --mark: #eef1ff }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececf1; --soft: #a0a0ad; --line: #3a3a45; --page: #17171c; --mark: #262a45 } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .2rem }
p { margin: .3rem 0 } .soft, figcaption, td.note { color: var(--soft); font-size: .875rem }
.wide { overflow-x: auto } table { border-collapse: collapse; margin: .6rem 0; width: 100% }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top;
  font-variant-numeric: tabular-nums }
th { font-weight: 600; font-size: .875rem } th:first-child, td:first-child, td.note, th.note { text-align: left }
td.own { background: var(--mark); font-weight: 600 } figure { margin: 1rem 0 }
figure img { max-width: 100%; height: auto; background: #fff } pre { font-size: .75rem; overflow-x: auto }
"""


@dataclass(frozen=True)
class Figure:
    """A picture of the page with its title and caption."""

    title: str
    caption: str
    picture: Image.Image


def write_report(path: Path, checkpoint: Checkpoint, sets: ImageSets, scores: dict[str, Any], name: str) -> None:
    """Writes the page; `scores` is the result of `measure`, `name` the checkpoint name shown in the heading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(scores, figures(checkpoint, sets, scores["seed"]), name), encoding="utf-8")


def page(scores: dict[str, Any], pictures: list[Figure], name: str) -> str:
    """Returns the page as HTML, without scripts or external resources."""
    kind, things = scores["kind"], "photos of people" if scores["kind"] == "faces" else "digits"
    parts = [
        f"<h1>Evaluation: {html.escape(name)}</h1>",
        f'<p class="soft">{scores["test_images"]:,} {things} that the model was not trained on; every draw from seed '
        f"{scores['seed']}. Each figure stands beside a floor (what a model that does nothing would get) and a ceiling "
        "(what the best possible answer gets when it is measured the same way).</p>",
        summary(scores),
        *(figure(one) for one in pictures),
        *sections(TABLES[kind], scores),
        "<h2>All numbers</h2><details><summary>as JSON</summary>"
        f"<pre>{html.escape(json.dumps(scores, indent=1))}</pre></details>",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Evaluation: {name}</title>'
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n'


def summary(scores: dict[str, Any]) -> str:
    """Returns the summary table, with each score between its floor and its ceiling."""
    rows = []
    for line in SUMMARY[scores["kind"]]:
        own, floor, ceiling = (find(scores, path) if path else None for path in (line.own, line.floor, line.ceiling))
        if own is not None:
            cells = "".join(f"<td{mark}>{number(value, line.digits)}</td>"
                            for value, mark in [(floor, ""), (own, ' class="own"'), (ceiling, "")])  # fmt: skip
            rows.append(f'<tr><td>{line.label}</td>{cells}<td class="note">{line.says}</td></tr>')
    head = '<tr><th>In short</th><th>floor</th><th>this model</th><th>ceiling</th><th class="note">what it is</th></tr>'
    return f'<div class="wide"><table>{head}{"".join(rows)}</table></div>'


def sections(tables: tuple[Table, ...], scores: dict[str, Any]) -> list[str]:
    """Returns a section for every table; reports each missing measurement once."""
    parts, absent = [], set()
    for table in tables:
        if table.where not in absent:
            parts.append(section(table, scores))
        if "not_measured" in (find(scores, table.where) or {}):
            absent.add(table.where)
    return parts


def section(table: Table, scores: dict[str, Any]) -> str:
    """Returns one table with its description, or the reason why it was not measured."""
    values = find(scores, table.where)
    title = f"<h2>{table.title}</h2>"
    if values is None:
        return ""
    if "not_measured" in values:
        return f"{title}<p>Not measured: {html.escape(values['not_measured'])}.</p>"
    if isinstance(table.rows, str):  # "*"
        rows = [(key, key) for key in values]
    else:
        rows = [(key, label) for key, label in table.rows if find(values, key) is not None]
    head = "".join(f"<th>{label}</th>" for _, label in table.columns)
    lines = []
    for key, label in rows:
        found = find(values, key)
        cells = "".join(
            f"<td{' class=own' if column == table.own else ''}>{number(find(found, column), table.digits)}</td>"
            for column, _ in table.columns
        )
        lines.append(f"<tr><td>{html.escape(label)}</td>{cells}</tr>")
    says = table.says.format(**{key: formatted(value) for key, value in values.items() if not isinstance(value, dict)})
    return f'{title}<p>{says}</p><div class="wide"><table><tr><th></th>{head}</tr>{"".join(lines)}</table></div>'


def find(values: Any, path: str) -> Any:
    """Returns the value at path a/b/c in nested dictionaries, or None; "" returns all of `values`."""
    for key in filter(None, path.split("/")):
        if not isinstance(values, dict) or values.get(key) is None:
            return None
        values = values[key]
    return values


def number(value: Any, digits: int) -> str:
    """Formats a float with `digits` decimals and an integer in full; None becomes a dash."""
    if isinstance(value, int):
        return f"{value:,}"
    return "–" if value is None else str(value) if isinstance(value, str) else f"{value:.{digits}f}".replace("-", "−")


def formatted(value: Any) -> str:
    """Formats a number or an interval for a sentence."""
    if isinstance(value, list):
        return " to ".join(formatted(edge) for edge in value)
    return f"{value:,}" if isinstance(value, int) else number(value, 2) if isinstance(value, float) else str(value)


def figure(one: Figure) -> str:
    """Returns a figure as HTML with an embedded WebP image."""
    stream = io.BytesIO()
    one.picture.save(stream, "WEBP", quality=60, method=6)
    source = f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"
    size = f'width="{round(1.4 * one.picture.width)}" alt="{one.title}"'
    return f"<h2>{one.title}</h2><figure><img src={source!r} {size}><figcaption>{one.caption}</figcaption></figure>"


@torch.inference_mode()
def figures(checkpoint: Checkpoint, sets: ImageSets, seed: int) -> list[Figure]:
    """Returns image grids of held-out images that are chosen by the seed."""
    model, photos = checkpoint.model.cpu(), sets.probe_test.images
    order = torch.randperm(len(photos), generator=torch.Generator().manual_seed(seed))
    chosen = photos[order[:GRID_IMAGES]]
    one, other, plain = {
        "faces": ("face", "expression", "neutral face"),
        "digits": ("digit", "style", "plain digit"),
    }[sets.kind]
    picked = "The rows were picked by the seed, not by hand."
    grids = [
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
    return grids


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
    return mosaic(
        [[*left, blank[:, :, : blank.shape[-1]], *right] for left, right in zip(rows[::2], rows[1::2], strict=True)]
    )

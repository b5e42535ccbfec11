"""The workbench of a tab: an HTML element that app/js fills, with its initial data as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

import gradio as gr
import numpy as np

from app.server.actions import STRIP
from app.server.drawing import generator_file
from app.server.rendering import data_url
from app.server.state import TILE, slider_range, steps
from rbvae import Direction, Inference
from rbvae.editing import Editor

LABELS = {"scale": "size", "jaw open": "mouth open", "scale 2": "size, another way"}
UNNAMED_PREFIX = "other"
INITIAL_SIGMAS = 1.5  # sigmas

SCRIPTS = 'document.baseURI.replace(/[?#].*$/, "").replace(/[^/]*$/, "") + "page/js/"'
MOUNT = f'import({SCRIPTS} + "main.js").then((main) => main.mount(element));'
FOLLOW_LINKS = f'() => {{ import({SCRIPTS} + "links.js").then((links) => links.followLinks()); }}'


def add_bench(editor: Editor, texts: Mapping[str, str], **setup: Any) -> gr.HTML:
    """Add the workbench element to the current Blocks.

    `texts` are the texts of the tab, and `setup` is additional JSON data for the script.
    """
    data = {
        "kind": editor.kind,
        "observes": editor.config.observes,
        "words": dict(texts),
        "directions": directions(editor),
        **setup,
    }
    if (file := generator_file(editor)) is not None:
        data["generator"] = f"page/{editor.kind}/generator?{file.version}"
    markup = f'<div class="rb {editor.kind}" data-setup="{html.escape(json.dumps(data))}"></div>'
    return gr.HTML(markup, js_on_load=MOUNT, padding=False, elem_id=f"{editor.kind}-bench")


def directions(editor: Editor) -> list[dict[str, Any]]:
    """Return the data of the sliders: name, label, range, positions of the strip, and the step in e of one sigma.

    Directions without a clear name are marked as hidden.
    """
    sliders = []
    for direction, step in zip(editor.directions, steps(editor), strict=True):
        low, high = slider_range(direction)
        unnamed = direction.name.split()[0] == UNNAMED_PREFIX
        label = LABELS.get(direction.name, direction.name)
        if unnamed:
            label = f"unnamed {direction.name.removeprefix(UNNAMED_PREFIX).strip() or 1}"
        stops = np.linspace(max(-2.0, direction.low), min(2.0, direction.high), STRIP).round(2).tolist()
        sliders.append(
            {
                "name": direction.name,
                "label": label.capitalize(),
                "low": low,
                "high": high,
                "stops": stops,
                "step": step.astype(float).round(6).tolist(),
                "hidden": unnamed,
            }
        )
    return sliders


def initial_edit(editor: Editor) -> dict[str, float]:
    """Return the initial edit of the first example: a smile, or else the direction with the clearest name.

    The result maps the name to sigmas; it is empty if there are no directions.
    """
    clearest = max(editor.directions, key=_clarity, default=None)
    return {clearest.name: INITIAL_SIGMAS} if clearest else {}


def _clarity(direction: Direction) -> tuple[bool, float]:
    return direction.name == "smile", abs(direction.correlation)


def example_data(key: str, inference: Inference, label: str, edited: bool = False) -> dict[str, str]:
    """Return the data of an example image: its key, a thumbnail as a data: URL, and its label."""
    small = inference.crop.copy()
    small.thumbnail((TILE, TILE))
    return {"key": key, "picture": data_url(small, edited=edited), "label": label}

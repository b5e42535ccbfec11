"""The rooms of the page: HTML elements that app/js fills, with their initial data as JSON."""

from __future__ import annotations

import html
import json
from typing import Any

import gradio as gr

from app.page.controls import controls
from app.server.bundle import bundle
from app.server.rendering import data_url
from app.server.state import TILE, slider_range, steps
from app.server.tiles import MORE, tiles
from rbvae import Inference
from rbvae.editing import Editor
from rbvae.images.decoding import UPLOAD

SCRIPT = 'document.baseURI.replace(/[?#].*$/, "").replace(/[^/]*$/, "") + "page/js/app-{version}.js"'


def add_room(data: dict[str, Any]) -> gr.HTML:
    """Add the element of a room to the current Blocks. `data` is JSON for app/js/main.js, with the room's `kind`."""
    kind = data["kind"]
    markup = f'<div class="rb {kind}" data-setup="{html.escape(json.dumps(data))}"></div>'
    mount = f"import({script_address()}).then((main) => main.mount(element));"
    return gr.HTML(markup, js_on_load=mount, padding=False, elem_id=f"{kind}-room", elem_classes="room")


def script_address() -> str:
    """Return the address of the page's script as a JavaScript expression."""
    return SCRIPT.replace("{version}", bundle().version)


def follow_links() -> str:
    """Return the script that opens the room of a link such as #digits?green=1.5."""
    return f"() => {{ import({script_address()}).then((main) => main.followLinks()); }}"


def editing_data(editor: Editor) -> dict[str, Any]:
    """Return the data of a room in which something is edited."""
    return {
        "kind": editor.kind,
        "directions": directions(editor),
        "gestures": [{"name": name} for name in editor.gestures],
        "controls": controls(editor, directions(editor)),
        "tiles": [
            {
                "name": tile.name,
                "label": tile.label,
                "named": dict(tile.named),
                "closed": tile.closed,
                "wide": tile.wide,
            }
            for tile in tiles(editor).values()
        ],
        "more": MORE,
        "limits": {"bytes": UPLOAD.bytes, "pixels": UPLOAD.pixels, "kept": UPLOAD.kept},
    }


def directions(editor: Editor) -> list[dict[str, Any]]:
    """Return the data of the directions: name, range in sigmas, and the step in e of one sigma."""
    rows = []
    for direction, step in zip(editor.directions, steps(editor), strict=True):
        low, high = slider_range(direction)
        rows.append({"name": direction.name, "low": low, "high": high, "step": step.astype(float).round(6).tolist()})
    return rows


def example_data(key: str, inference: Inference, label: str, edited: bool = False) -> dict[str, str]:
    """Return the data of an example image: its key, a thumbnail as a data: URL, and its label."""
    small = inference.crop.copy()
    small.thumbnail((TILE, TILE))
    return {"key": key, "picture": data_url(small, edited=edited), "label": label}

"""The Faces room: edits the expression of the faces in a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.page.workbench import add_room, editing_data, example_data
from app.server.bundle import ENGINE, ENGINE_ENTRY, bundle
from app.server.clips import CLIP_SECONDS
from app.server.editors import synthetic_images
from app.server.exchange import MAX_CLIP_BYTES
from app.server.face_actions import FaceActions, open_faces
from app.server.live import model_address
from app.server.state import Opened, Visits
from rbvae import Portrait, PortraitEditor
from rbvae.editing.animation import FORMATS
from rbvae.images.ai_metadata import AI_NOTE

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FIRST = "big smile"  # the tile with which an example is shown
LAST = "astronaut"  # of the examples
DONOR_SEED = 14
MADE_UP = 6
STRONG_SIGMAS = 3.0  # sigmas


def made_up(editor: PortraitEditor) -> list[tuple[Portrait, str]]:
    """Sample synthetic faces to copy an expression from. Returns (portrait, title) pairs.

    The first faces each show a strong version of one named expression; the others are random. Returns an empty list
    for a model of codes, which cannot sample faces.
    """
    if editor.config.observes != "image":
        return []
    named = [direction for direction in editor.directions if direction.correlation][:MADE_UP]
    mean = np.zeros(editor.config.dim_e, np.float32)
    es = [editor.moved(mean, {direction.name: min(direction.high, STRONG_SIGMAS)}) for direction in named]
    titles = [f"Made-up face, {direction.name}" for direction in named]
    titles += [f"Made-up face {number}" for number in range(len(named) + 1, MADE_UP + 1)]
    return list(zip(synthetic_images(editor, MADE_UP, DONOR_SEED, Portrait, es), titles, strict=True))


def live_setup(editor: PortraitEditor) -> dict[str, str] | None:
    """Return the addresses of what the browser needs to draw edits itself; None if only the server can draw them."""
    model = model_address(editor)
    return {"script": f"page/js/live-{bundle(ENGINE, ENGINE_ENTRY).version}.js", "model": model} if model else None


def faces_tab(editor: PortraitEditor, visits: Visits) -> FaceActions:
    """Lay out the room, with example photos to edit and, named smile-*, to take an expression from.

    Nobody's teeth are taken from the examples: their consent is for illustrations, not for other people's faces.
    """
    examples: list[dict[str, str]] = []
    donors: list[dict[str, str]] = []
    for path in sorted(EXAMPLES.glob("*.jpg"), key=lambda path: (path.stem == LAST, path.stem)):
        opened = open_faces(editor, path)
        if opened.inference is None:
            continue
        label = path.stem.replace("-", " ").capitalize()
        data = example_data(visits.publish(f"example-{path.stem}", opened), opened.picture, label)
        (donors if path.stem.startswith("smile-") else examples).append(data)
    for number, (portrait, title) in enumerate(made_up(editor), start=1):
        key = visits.publish(f"made-up-face-{number}", Opened(portrait))
        donors.append(example_data(key, portrait, title, edited=True))
    add_room(
        {
            **editing_data(editor),
            "examples": examples,
            "donors": [*donors, *examples],
            "first": FIRST,
            "formats": list(FORMATS),
            "clip": {"seconds": int(CLIP_SECONDS), "bytes": MAX_CLIP_BYTES},
            "note": AI_NOTE,
            "live": live_setup(editor),
        }
    )
    return FaceActions(editor, visits)

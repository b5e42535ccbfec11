"""The Faces tab: edits the expression of a face in a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.page.workbench import add_bench, at_first, offered
from app.server.actions import FaceActions, found
from app.server.drawing import mask_url
from app.server.editors import imagined
from app.server.state import Opened, Visits
from rbvae import Portrait, PortraitEditor
from rbvae.editing.animation import FORMATS
from rbvae.images.ai_metadata import AI_NOTE

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DONOR_SEED = 14
MADE_UP = 6
STRONG = 3.0  # sigmas
WORDS = {
    "original": "Face found",
    "copy": "Model's copy",
    "edit": "Your edit",
    "neutral": "Neutral",
    "mine": "As in the photo",
    "random": "Eight expressions at random. Click one to take it over.",
    "donor": "Click a face to take over its expression, or add photos of your own.",
    "addDonor": "Add photos",
    "grid": "Many faces with many expressions, yours among them. Choose both, then make the grid.",
    "rows": "Faces, a row each",
    "columns": "Expressions, a column each",
}


def made_up(editor: PortraitEditor) -> list[tuple[Portrait, str]]:
    """Sample synthetic faces to copy an expression from. Returns (portrait, title) pairs.

    The first faces each show a strong version of one named expression; the others are random. Returns an empty list
    for a model of codes, which cannot sample faces.
    """
    if editor.config.observes != "image":
        return []
    plain = [direction for direction in editor.directions if direction.correlation][:MADE_UP]
    mean = np.zeros(editor.config.dim_e, np.float32)
    es = [editor.moved(mean, {direction.name: min(direction.high, STRONG)}) for direction in plain]
    titles = [f"Made-up face, {direction.name}" for direction in plain]
    titles += [f"Made-up face {number}" for number in range(len(plain) + 1, MADE_UP + 1)]
    return list(zip(imagined(editor, MADE_UP, DONOR_SEED, Portrait, es), titles, strict=True))


def faces_tab(editor: PortraitEditor, visits: Visits) -> FaceActions:
    """Lay out the tab, with example photos. Returns its actions."""
    known = [(path, found(editor, path)) for path in sorted(EXAMPLES.glob("*.jpg"))]
    known = [(path, opened) for path, opened in known if opened.inference is not None]
    known.sort(key=lambda example: (bool(example[1].picture.warnings), -example[1].faces.source.size))
    examples = [
        offered(
            visits.publish(f"example-{path.stem}", opened), opened.picture, path.stem.replace("-", " ").capitalize()
        )
        for path, opened in known
    ]
    donors = []
    for number, (portrait, title) in enumerate(made_up(editor), start=1):
        key = visits.publish(f"made-up-face-{number}", Opened(portrait))
        donors.append(offered(key, portrait, title, edited=True))
    add_bench(
        editor,
        WORDS,
        examples=examples,
        donors=donors or examples,
        start=at_first(editor),
        formats=list(FORMATS),
        note=AI_NOTE,
        mask=mask_url(editor.config.image_size) if editor.config.observes == "image" else None,
    )
    return FaceActions(editor, visits)

"""The Faces tab: edits the expression of a face in a photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.page.workbench import add_bench, example_data, initial_edit
from app.server.actions import FaceActions, open_faces
from app.server.drawing import mask_url
from app.server.editors import synthetic_images
from app.server.state import Opened, Visits
from rbvae import Portrait, PortraitEditor
from rbvae.editing.animation import FORMATS
from rbvae.images.ai_metadata import AI_NOTE

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DONOR_SEED = 14
MADE_UP = 6
STRONG_SIGMAS = 3.0  # sigmas
TEXTS = {
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
    named = [direction for direction in editor.directions if direction.correlation][:MADE_UP]
    mean = np.zeros(editor.config.dim_e, np.float32)
    es = [editor.moved(mean, {direction.name: min(direction.high, STRONG_SIGMAS)}) for direction in named]
    titles = [f"Made-up face, {direction.name}" for direction in named]
    titles += [f"Made-up face {number}" for number in range(len(named) + 1, MADE_UP + 1)]
    return list(zip(synthetic_images(editor, MADE_UP, DONOR_SEED, Portrait, es), titles, strict=True))


def faces_tab(editor: PortraitEditor, visits: Visits) -> FaceActions:
    """Lay out the tab, with example photos. Returns its actions."""
    opened_photos = [(path, open_faces(editor, path)) for path in sorted(EXAMPLES.glob("*.jpg"))]
    opened_photos = [(path, opened) for path, opened in opened_photos if opened.inference is not None]
    opened_photos.sort(key=lambda example: (bool(example[1].picture.warnings), -example[1].faces.source.size))
    examples = [
        example_data(
            visits.publish(f"example-{path.stem}", opened), opened.picture, path.stem.replace("-", " ").capitalize()
        )
        for path, opened in opened_photos
    ]
    donors = []
    for number, (portrait, title) in enumerate(made_up(editor), start=1):
        key = visits.publish(f"made-up-face-{number}", Opened(portrait))
        donors.append(example_data(key, portrait, title, edited=True))
    add_bench(
        editor,
        TEXTS,
        examples=examples,
        donors=donors or examples,
        start=initial_edit(editor),
        formats=list(FORMATS),
        note=AI_NOTE,
        mask=mask_url(editor.config.image_size) if editor.config.observes == "image" else None,
    )
    return FaceActions(editor, visits)

"""The Digits tab: edits the colour, stroke width and size of a digit."""

from __future__ import annotations

from pathlib import Path

from app.page.workbench import add_bench, example_data, initial_edit
from app.server.actions import Actions
from app.server.state import Opened, Visits
from rbvae import StyleEditor
from rbvae.editing.animation import FORMATS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "digits"
EXAMPLE_COUNT = 12  # examples to edit; the others serve as style donors
TEXTS = {
    "original": "The digit",
    "copy": "Model's copy",
    "edit": "Your edit",
    "neutral": "Plain",
    "mine": "As it was",
    "random": "Eight styles at random. Click one to take it over.",
    "donor": "Click a digit to take over its style, or add one of your own.",
    "addDonor": "Add pictures",
    "grid": "Many digits in many styles, yours among them. Choose both, then make the grid.",
    "rows": "Digits, a row each",
    "columns": "Styles, a column each",
}


def digits_tab(editor: StyleEditor, visits: Visits) -> Actions:
    """Lay out the tab, with example digits that the model was not trained on. Returns its actions."""
    digits = []
    for number, path in enumerate(sorted(EXAMPLES.glob("*.png")), start=1):
        inference = editor.infer(path)
        key = visits.publish(f"example-digit-{number}", Opened(inference))
        digits.append(example_data(key, inference, f"Digit {number}"))
    add_bench(
        editor,
        TEXTS,
        examples=digits[:EXAMPLE_COUNT],
        donors=digits[EXAMPLE_COUNT:],
        start=initial_edit(editor),
        formats=list(FORMATS),
    )
    return Actions(editor, visits)

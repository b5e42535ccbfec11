"""The Digits room: edits the colour, stroke width and size of a digit."""

from __future__ import annotations

from pathlib import Path

from app.page.workbench import add_room, editing_data, example_data
from app.server.actions import Actions
from app.server.state import Opened, Visits
from rbvae import StyleEditor

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "digits"
EXAMPLE_COUNT = 12  # examples to edit; the others serve as style donors


def digits_tab(editor: StyleEditor, visits: Visits) -> Actions:
    """Lay out the room, with example digits that the model was not trained on. Returns its actions."""
    digits = []
    for number, path in enumerate(sorted(EXAMPLES.glob("*.png")), start=1):
        inference = editor.infer(path)
        key = visits.publish(f"example-digit-{number}", Opened(inference))
        digits.append(example_data(key, inference, f"Digit {number}"))
    add_room({**editing_data(editor), "examples": digits[:EXAMPLE_COUNT], "donors": digits[EXAMPLE_COUNT:]})
    return Actions(editor, visits)

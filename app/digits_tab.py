"""The Digits tab: a digit in, its colour, stroke and size changed."""

from __future__ import annotations

from pathlib import Path

from app.actions import Actions
from app.bench_html import add_bench, offered
from app.state import Opened, Visits
from rbvae import StyleEditor
from rbvae.animation import FORMATS

EXAMPLES = Path(__file__).resolve().parent / "examples" / "digits"
PICKED = 12  # to edit; the rest lend their style
WORDS = {
    "original": "The digit",
    "copy": "Model's copy",
    "edit": "Your edit",
    "neutral": "Plain",
    "mine": "As it was",
    "random": "Eight styles at random. Click one to take it over.",
    "donor": "Click a digit to take over its style, or add one of your own.",
    "addDonor": "Add pictures",
    "grid": "Every digit in every style. Choose the digits, then make the grid.",
}


def digits_tab(editor: StyleEditor, visits: Visits) -> Actions:
    """Lays the tab out, with real digits that the model was not trained on; what its page asks for."""
    digits = []
    for number, path in enumerate(sorted(EXAMPLES.glob("*.png")), start=1):
        inference = editor.infer(path)
        key = visits.publish(f"example-digit-{number}", Opened(inference))
        digits.append(offered(key, inference, f"Digit {number}"))
    add_bench(editor, WORDS, examples=digits[:PICKED], donors=digits[PICKED:], formats=list(FORMATS))
    return Actions(editor, visits)

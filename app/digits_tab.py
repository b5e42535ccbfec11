"""The Digits tab: a digit in, its colour, stroke and size changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from app.controls import QUICK, UPLOAD, Updates, Words, Workbench
from app.rendering import read_upload
from app.state import Session
from rbvae import StyleEditor

WORDS = Words(
    original="The digit",
    copy="Model's copy",
    edit="Your edit",
    neutral="Plain",
)
EXAMPLES = Path(__file__).resolve().parent / "examples" / "digits"
PICKED = 12  # to edit; the rest lend their style


class DigitsTab(Workbench):
    """A Workbench whose pictures are digits: real ones it was not trained on, or an upload."""

    def __init__(self, editor: StyleEditor) -> None:
        super().__init__(editor, WORDS)
        examples = [editor.infer(path) for path in sorted(EXAMPLES.glob("*.png"))]
        self.digits, donors = examples[:PICKED], examples[PICKED:]
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                self.examples = gr.Gallery(
                    [digit.crop for digit in self.digits],
                    label="Pick a digit",
                    columns=4,
                    allow_preview=False,
                    buttons=[],
                    elem_classes=["pictures", "labelled"],
                    elem_id="digits",
                )
                self.upload = gr.Image(
                    type="filepath", sources=["upload", "clipboard"], label="… or upload one", height=140, buttons=[]
                )
            with gr.Column(scale=5, min_width=320):
                self.add_pictures()
        with gr.Row():
            with gr.Column(min_width=320):
                gr.Markdown("### Change the style")
                self.add_sliders()
            with gr.Column(min_width=320):
                with gr.Tab("Random"):
                    self.add_random()
                with gr.Tab("Copy from another digit"):
                    self.add_donors("Picture", donors, "… or one of these")
        self.connect()
        seeded = [self.session, self.seed]
        self.examples.select(self.open_example, seeded, self.opening, **QUICK)
        self.upload.input(self.open_upload, [*seeded, self.upload], self.opening, **UPLOAD)

    def open_example(self, session: Session, seed: int, chosen: gr.SelectData) -> Updates:
        """One of the example digits."""
        return self.open(session, seed, lambda: self.digits[chosen.index])

    def open_upload(self, session: Session, seed: int, upload: dict[str, Any] | None) -> Updates:
        """An uploaded digit; clearing it leaves the last one on the bench."""
        if upload is None:
            return {self.session: session}
        return self.open(session, seed, lambda: self.editor.infer(read_upload(upload)))

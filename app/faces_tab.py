"""The Faces tab: a photo in, its expression changed, back in the photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from app.controls import QUICK, UPLOAD, Updates, Words, Workbench, told
from app.editors import imagined
from app.rendering import picture_file, read_upload
from app.state import Session
from rbvae import Portrait, PortraitEditor

EXAMPLES = Path(__file__).resolve().parent / "examples"
WORDS = Words(
    original="Face found",
    copy="Model's copy",
    edit="Your edit",
    neutral="Neutral",
)
DETAIL, REPLACE = "Keep the photo's detail", "Use the model's face"
DONOR_SEED = 11


class FacesTab(Workbench):
    """A Workbench whose pictures are photos, with the edit shown in the whole photo."""

    def __init__(self, editor: PortraitEditor) -> None:
        super().__init__(editor, WORDS)
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                self.photo = gr.Image(
                    type="filepath",
                    sources=["upload", "webcam", "clipboard"],
                    label="Your photo",
                    height=300,
                    buttons=[],
                    elem_id="photo",
                )
                gr.Examples(
                    [[str(path)] for path in sorted(EXAMPLES.glob("*.jpg"))],
                    self.photo,
                    label="No photo at hand?",
                    api_visibility="private",
                )
            with gr.Column(scale=5, min_width=320):
                self.add_pictures()
        with gr.Row():
            with gr.Column(min_width=320):
                gr.Markdown("### Change the expression")
                self.add_sliders()
            with gr.Column(min_width=320):
                with gr.Tab("Random"):
                    self.add_random()
                with gr.Tab("Copy from another face"):
                    self.add_donors("Photo", imagined(editor, 6, DONOR_SEED, Portrait))
        self._add_result()
        self._connect_photo()

    def _add_result(self) -> None:
        gr.Markdown("### In your photo")
        with gr.Row():
            self.blend = gr.Radio([DETAIL, REPLACE], value=DETAIL, show_label=False, container=False, scale=3)
            self.update = gr.Button("Update", size="sm", scale=0, min_width=100)
            self.download = gr.DownloadButton("Download", size="sm", scale=0, min_width=110, interactive=False)
        self.result = gr.ImageSlider(
            type="filepath",
            label="Before and after",
            interactive=False,
            buttons=["fullscreen"],
            max_height=640,
            slider_position=20,  # most of the edit, and the handle beside the face
            elem_id="result",
        )

    def _connect_photo(self) -> None:
        self.connect()
        opened = self.photo.change(self.open_photo, [self.session, self.seed, self.photo], self.opening, **UPLOAD)
        showing = {"inputs": [self.session, self.blend], "outputs": [self.notice, self.result, self.download]}
        for event in [opened, *self.settled]:
            event.then(self.show_photo, **showing, **QUICK)
        self.update.click(self.show_photo, **showing, **QUICK)
        self.blend.input(self.show_photo, **showing, **QUICK)

    def open_photo(self, session: Session, seed: int, upload: dict[str, Any] | None) -> Updates:
        """A photo was chosen; clearing it leaves the last one on the bench."""
        if upload is None:
            return {self.session: session}
        return self.open(session, seed, lambda: self.editor.infer(read_upload(upload)))

    @told
    def show_photo(self, session: Session, blend: str) -> Updates:
        """The whole photo before and after, and the latter as a file."""
        if session.inference is None:
            return {self.download: gr.DownloadButton(interactive=False)}
        edit = self.editor.edit(session.inference, session.e)
        after = picture_file(edit.photo if blend == DETAIL else edit.replaced, "edited")
        before = picture_file(Image.fromarray(session.inference.source), "before", edited=False)
        return {self.result: (before, after), self.download: gr.DownloadButton(value=after, interactive=True)}

"""What both tabs share: three pictures side by side, sliders, random samples, copying from another picture."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import gradio as gr
import numpy as np

from app.rendering import figure, notice, read_upload
from app.state import KEPT_FOR, STEP, Session, loaded, shown_directions, slid, slider_range
from rbvae import Inference, RbvaeError
from rbvae.editing import Editor

Updates: TypeAlias = dict[Any, Any]  # widget -> its new value

RANDOM = 8

QUICK: dict[str, Any] = {  # an event that only decodes: straight to the model, no queue and no spinner
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}
UPLOAD: dict[str, Any] = {"preprocess": False, "show_progress": "minimal", "api_visibility": "private"}


def told(handler: Callable[..., Updates]) -> Callable[..., Updates]:
    """A handler that puts the text of an RbvaeError in the tab's notice and leaves everything else as it was.

    Not gr.Error: events outside the queue show that without its text. Anything but an RbvaeError surfaces as a bug.
    """

    @functools.wraps(handler)
    def telling(bench: Workbench, *args: Any, **kwargs: Any) -> Updates:
        try:
            return handler(bench, *args, **kwargs)
        except RbvaeError as error:
            return {bench.notice: notice((str(error),), "error")}

    return telling


@dataclass(frozen=True)
class Words:
    """What a tab calls its things."""

    original: str
    copy: str
    edit: str
    neutral: str


class Workbench:
    """The widgets and events of one tab; the tab lays them out and says where pictures come from.

    Handlers are methods: session and widget values in, updates out. All but `open` and `take_donor` only decode.
    """

    def __init__(self, editor: Editor, words: Words) -> None:
        self.editor = editor
        self.name = editor.kind
        self.words = words
        self.session = gr.State(Session(), time_to_live=KEPT_FOR)
        self.settled: list[Any] = []  # events after which an edit stays for a while

    # layout

    def add_pictures(self) -> None:
        """The picture as the model sees it, the model's copy of it, the edit; and what to beware of."""
        with gr.Row(elem_classes="trio"):
            self.original = gr.HTML(figure(None, self.words.original))
            self.copy = gr.HTML(figure(None, self.words.copy))
            self.edit = gr.HTML(figure(None, self.words.edit), elem_classes="edit")
        self.notice = gr.HTML("")

    def add_sliders(self) -> None:
        """One slider a direction, in sigmas."""
        with gr.Row(elem_classes="sliders"):
            self.sliders = [
                gr.Slider(*slider_range(direction), value=0, step=STEP, label=direction.name, buttons=[], min_width=140)
                for direction in shown_directions(self.editor)
            ]
        with gr.Row():
            self.neutral = gr.Button(self.words.neutral, size="sm", min_width=80)
            self.reset = gr.Button("Reset", size="sm", min_width=80)

    def add_random(self) -> None:
        """A gallery of random samples."""
        self.samples = gr.Gallery(
            columns=4,
            allow_preview=False,
            buttons=[],
            show_label=False,
            elem_classes="pictures",
            elem_id=f"{self.name}-random",
        )
        with gr.Row():
            self.more = gr.Button(f"Another {RANDOM}", size="sm", min_width=80)
            self.seed = gr.Number(
                0, precision=0, minimum=0, show_label=False, container=False, min_width=80, info="Seed"
            )

    def add_donors(self, label: str, donors: list[Inference], offer: str = "… or a made-up one") -> None:
        """Where to copy from: an upload, or one of `donors`; and how strongly."""
        self.donors = donors
        with gr.Row():
            self.donor_upload = gr.Image(
                type="filepath", sources=["upload", "webcam"], label=label, height=200, buttons=[], min_width=160
            )
            self.donor_gallery = gr.Gallery(
                [donor.crop for donor in donors],
                label=offer,
                columns=3,
                allow_preview=False,
                buttons=[],
                min_width=160,
                elem_classes=["pictures", "labelled"],
            )
        self.strength = gr.Slider(0, 1.5, value=1, step=STEP, label="Strength", buttons=[])

    def connect(self) -> None:
        """Wires the widgets; call it once everything is laid out."""
        shown = [self.session, self.notice, self.edit, *self.sliders]
        moving = {"trigger_mode": "always_last", **QUICK}
        if self.sliders:
            slide = {"fn": self.slide, "inputs": [self.session, *self.sliders], "outputs": shown[:3]}
            gr.on([slider.input for slider in self.sliders], **slide, **moving)
            self.settled += [gr.on([slider.release for slider in self.sliders], **slide, **QUICK)]
        strengths = [self.session, self.strength]
        self.strength.input(self.transfer, strengths, shown, **moving)
        self.settled += [
            self.strength.release(self.transfer, strengths, shown, **QUICK),
            self.samples.select(self.pick, [self.session, self.seed], shown, **QUICK),
            self.neutral.click(self.to_neutral, self.session, shown, **QUICK),
            self.reset.click(self.to_start, self.session, shown, **QUICK),
            self.donor_upload.input(self.take_donor, [self.session, self.donor_upload, self.strength], shown, **UPLOAD),
            self.donor_gallery.select(self.pick_donor, strengths, shown, **QUICK),
        ]
        self.more.click(lambda seed: (seed or 0) + 1, self.seed, self.seed, **QUICK)
        self.seed.change(self.resample, [self.session, self.seed], [self.notice, self.samples], **QUICK)

    # handlers

    @property
    def opening(self) -> list[gr.components.Component]:
        """What `open` updates."""
        return [self.session, self.original, self.copy, self.notice, self.samples, self.edit, *self.sliders]

    @told
    def open(self, session: Session, seed: int, infer: Callable[[], Inference]) -> Updates:
        """Another picture, unedited."""
        inference = infer()
        session = session.opened(inference)
        return {
            self.original: figure(inference.crop, self.words.original),
            self.copy: figure(inference.reconstruction, self.words.copy),
            **self.resample(session, seed),
            **self._showing(session, inference.e),
        }

    @told
    def slide(self, session: Session, *values: float) -> Updates:
        """The edit where the sliders are now."""
        return self._edited(slid(self.editor, session, values))

    @told
    def pick(self, session: Session, seed: int, chosen: gr.SelectData) -> Updates:
        """The chosen random sample, in the sliders."""
        return self._showing(session, self.editor.sample_e(RANDOM, int(seed or 0))[chosen.index])

    @told
    def to_neutral(self, session: Session) -> Updates:
        """The reference: a neutral face, a plain digit."""
        return self._showing(session, self.editor.e_ref)

    @told
    def to_start(self, session: Session) -> Updates:
        """As inferred."""
        return self._showing(session, session.picture().e)

    @told
    def take_donor(self, session: Session, upload: dict[str, Any] | None, strength: float) -> Updates:
        """An uploaded picture to copy from; clearing it changes nothing."""
        if upload is None:
            return {self.session: session}
        return self.transfer(replace(session, donor=self.editor.infer(read_upload(upload))), strength)

    def pick_donor(self, session: Session, strength: float, chosen: gr.SelectData) -> Updates:
        """One of the offered pictures to copy from."""
        return self.transfer(replace(session, donor=self.donors[chosen.index]), strength)

    @told
    def transfer(self, session: Session, strength: float) -> Updates:
        """The donor's expression or style on the opened picture; a donor that comes first waits for its picture."""
        if session.donor is None or session.inference is None:
            return {self.session: session}
        return self._showing(session, self.editor.transfer(session.donor, session.inference, strength).e)

    @told
    def resample(self, session: Session, seed: int) -> Updates:
        """Random samples of the opened picture."""
        edits = self.editor.sample(session.picture(), RANDOM, int(seed or 0))
        return {self.samples: [edit.crop for edit in edits]}

    def _showing(self, session: Session, e: np.ndarray) -> Updates:
        session, values = loaded(self.editor, session, e)
        return {**self._edited(session), **dict(zip(self.sliders, values, strict=True))}

    def _edited(self, session: Session) -> Updates:
        picture = session.picture()
        shown = self.editor.edit(picture, session.e).crop
        return {self.session: session, self.notice: notice(picture.warnings), self.edit: figure(shown, self.words.edit)}

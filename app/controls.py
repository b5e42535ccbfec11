"""What both tabs share: three pictures side by side, sliders, random samples, copying from another picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from app.rendering import errors_in_words, figure, notice, read_upload
from app.state import KEPT_FOR, STEP, Session, loaded, shown_directions, slid, slider_range
from rbvae import Inference, RbvaeError
from rbvae.editing import Editor

RANDOM = 8

QUICK: dict[str, Any] = {  # an event that only decodes: straight to the model, no queue and no spinner
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
}
UPLOAD: dict[str, Any] = {"preprocess": False, "show_progress": "minimal", "api_visibility": "private"}


@dataclass(frozen=True)
class Words:
    """What a tab calls its things."""

    original: str
    copy: str
    edit: str
    neutral: str


class Workbench:
    """The widgets and events of one tab; the tab lays them out and says where pictures come from.

    Handlers are methods: session and widget values in, session and widget updates out. All but `open` and
    `take_donor` only decode.
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

    def add_donors(self, label: str, donors: list[Inference]) -> None:
        """Where to copy from: an upload, or pictures the model made up; and how strongly."""
        self.donors = donors
        with gr.Row():
            self.donor_upload = gr.Image(
                type="filepath", sources=["upload", "webcam"], label=label, height=200, buttons=[], min_width=160
            )
            self.donor_gallery = gr.Gallery(
                [donor.crop for donor in donors],
                label="… or one the model made up",
                columns=3,
                allow_preview=False,
                buttons=[],
                min_width=160,
                elem_classes=["pictures", "labelled"],
            )
        self.strength = gr.Slider(0, 1.5, value=1, step=STEP, label="Strength", buttons=[])

    def connect(self) -> None:
        """Wires the widgets; call it once everything is laid out."""
        shown = [self.session, self.edit, *self.sliders]
        moving = {"trigger_mode": "always_last", **QUICK}
        inputs = [self.session, *self.sliders]
        if self.sliders:
            gr.on([s.input for s in self.sliders], self.slide, inputs, [self.session, self.edit], **moving)
            released = [s.release for s in self.sliders]
            self.settled += [gr.on(released, self.slide, inputs, [self.session, self.edit], **QUICK)]
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
        self.seed.change(self.resample, [self.session, self.seed], self.samples, **QUICK)

    # handlers

    @property
    def opening(self) -> list[gr.components.Component]:
        """What `open` updates."""
        return [self.session, self.original, self.copy, self.notice, self.samples, self.edit, *self.sliders]

    def open(self, session: Session, seed: int, infer: Callable[[], Inference]) -> list[Any]:
        """Another picture; when it cannot be used, says so and leaves everything as it was."""
        try:
            inference = infer()
        except RbvaeError as error:
            gr.Warning(str(error), title="Sorry")
            rest: list[Any] = [gr.skip()] * len(self.opening)
            rest[3] = notice((str(error),), "error")
            return rest
        session = session.opened(inference)
        return [
            session,
            figure(inference.crop, self.words.original),
            figure(inference.reconstruction, self.words.copy),
            notice(inference.warnings),
            self.resample(session, seed),
            *self._showing(session, inference.e)[1:],
        ]

    def slide(self, session: Session, *values: float) -> list[Any]:
        """The edit where the sliders are now."""
        with errors_in_words():
            session = slid(self.editor, session, values)
            return [session, self._edit_figure(session)]

    def pick(self, session: Session, seed: int, chosen: gr.SelectData) -> list[Any]:
        """The chosen random sample, in the sliders."""
        with errors_in_words():
            return self._showing(session, self.editor.sample_e(RANDOM, int(seed or 0))[chosen.index])

    def to_neutral(self, session: Session) -> list[Any]:
        """The reference: a neutral face, a plain digit."""
        with errors_in_words():
            return self._showing(session, self.editor.e_ref)

    def to_start(self, session: Session) -> list[Any]:
        """As inferred."""
        with errors_in_words():
            return self._showing(session, session.picture().e)

    def take_donor(self, session: Session, upload: dict[str, Any], strength: float) -> list[Any]:
        """An uploaded picture to copy from."""
        with errors_in_words():
            donor = self.editor.infer(read_upload(upload))
            return self.transfer(replace(session, donor=donor), strength)

    def pick_donor(self, session: Session, strength: float, chosen: gr.SelectData) -> list[Any]:
        """A made-up picture to copy from."""
        return self.transfer(replace(session, donor=self.donors[chosen.index]), strength)

    def transfer(self, session: Session, strength: float) -> list[Any]:
        """The donor's expression or style on the opened picture."""
        if session.donor is None:
            return [gr.skip()] * (2 + len(self.sliders))
        if session.inference is None:  # the donor came first: keep it until there is a picture
            return [session, *[gr.skip()] * (1 + len(self.sliders))]
        with errors_in_words():
            return self._showing(session, self.editor.transfer(session.donor, session.inference, strength).e)

    def resample(self, session: Session, seed: int) -> Any:
        """Random samples of the opened picture."""
        if session.inference is None:
            return None
        with errors_in_words():
            return [edit.crop for edit in self.editor.sample(session.inference, RANDOM, int(seed or 0))]

    def _showing(self, session: Session, e: np.ndarray) -> list[Any]:
        session, values = loaded(self.editor, session, e)
        return [session, self._edit_figure(session), *values]

    def _edit_figure(self, session: Session) -> str:
        return figure(self.editor.edit(session.picture(), session.e).crop, self.words.edit)

"""The named endpoints, for gradio_client and plain HTTP: pictures in, pictures out, nothing remembered."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import numpy as np

from app.editors import Editors
from app.rendering import errors_in_words, picture_file, read_upload
from rbvae import ConfigError, Edit, Portrait

Upload = dict[str, Any] | None
MAX_COUNT = 64


class Endpoints:
    """The functions behind the endpoints; every picture comes undecoded, as Gradio's file record."""

    def __init__(self, editors: Editors) -> None:
        self.faces = editors.faces
        self.digits = editors.digits

    def infer(self, photo: Upload) -> tuple[dict[str, Any], str, str]:
        """The face of a photo: its z, e, box [left, top, right, bottom] and warnings; its crop; the model's copy."""
        with errors_in_words():
            portrait = self._portrait(photo)
        facts = {
            "z": portrait.z.tolist(),
            "e": portrait.e.tolist(),
            "box": list(portrait.box),
            "warnings": list(portrait.warnings),
        }
        crop = picture_file(portrait.crop, "crop", edited=False)
        return facts, crop, picture_file(portrait.reconstruction, "reconstruction")

    def sample(self, photo: Upload, count: Any = 8, seed: Any = 0) -> list[str]:
        """The face of a photo with `count` random expressions (1 to 64), the same ones for the same seed."""
        with errors_in_words():
            n, chosen = whole(count, "count", 1, MAX_COUNT), whole(seed, "seed", 0, 2**32 - 1)
            edits = self.faces.sample(self._portrait(photo), n, chosen)
        return [picture_file(edit.crop, f"expression-{number}") for number, edit in enumerate(edits, start=1)]

    def transfer(self, expression: Upload, face: Upload, strength: Any = 1.0) -> str:
        """The expression of one photo on the face of another: the second photo, whole, at strength 0 to 1.5."""
        with errors_in_words():
            amount = number(strength, "strength")
            edit = self.faces.transfer(self._portrait(expression), self._portrait(face), amount)
        return picture_file(edit.photo, "edited")

    def edit(self, photo: Upload, values: Any) -> str:
        """A photo with another expression: `values` is e as a list, or changes in sigmas such as {"smile": 2}."""
        with errors_in_words():
            edit = self._edited(self._portrait(photo), values)
        return picture_file(edit.photo, "edited")

    def digits_transfer(self, digit: Upload, style: Upload, strength: Any = 1.0) -> str:
        """A digit in the style (colour, stroke width, size) of another, at strength 0 to 1.5."""
        with errors_in_words():
            amount = number(strength, "strength")
            edit = self.digits.transfer(read_upload(style), read_upload(digit), amount)
        return picture_file(edit.crop, "edited")

    def _portrait(self, photo: Upload) -> Portrait:
        return self.faces.infer(read_upload(photo))

    def _edited(self, portrait: Portrait, values: Any) -> Edit:
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except ValueError as error:
                raise ConfigError(f"values is not JSON ({error}); give a list of numbers or named changes") from error
        if isinstance(values, dict):
            sigmas = {name: number(amount, name) for name, amount in values.items()}
            return self.faces.edit(portrait, self.faces.moved(portrait.e, sigmas))
        if isinstance(values, list):
            return self.faces.edit(portrait, np.array([number(value, "values") for value in values], np.float32))
        raise ConfigError(f'values={values!r}; give a list of numbers, or named changes such as {{"smile": 2}}')


def number(value: Any, name: str) -> float:
    """A finite number; raises ConfigError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"{name}={value!r}; give a number")
    return float(value)


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number from low to high; raises ConfigError for anything else."""
    if number(value, name) != int(value) or not low <= value <= high:
        raise ConfigError(f"{name}={value!r}; give a whole number from {low} to {high}")
    return int(value)


def add_endpoints(editors: Editors) -> None:
    """Registers the endpoints in the Blocks being built; their widgets exist for the API alone and are not shown."""
    points = Endpoints(editors)
    with gr.Column(visible=False):
        _endpoint(
            points.infer, [_photo("photo")], [gr.JSON(label="facts"), _picture("crop"), _picture("reconstruction")]
        )
        counts = [gr.Number(8, label="count", precision=0), gr.Number(0, label="seed", precision=0)]
        _endpoint(points.sample, [_photo("photo"), *counts], [gr.Gallery(label="expressions")])
        pair = [_photo("expression"), _photo("face"), _strength()]
        _endpoint(points.transfer, pair, [_picture("edited photo")])
        _endpoint(points.edit, [_photo("photo"), gr.JSON(label="values")], [_picture("edited photo")])
        pair = [_photo("digit"), _photo("style"), _strength()]
        _endpoint(points.digits_transfer, pair, [_picture("edited digit")])


def _endpoint(
    function: Callable[..., Any], inputs: Sequence[gr.components.Component], outputs: Sequence[gr.components.Component]
) -> None:
    gr.on([], function, inputs, outputs, api_name=function.__name__, preprocess=False)


def _photo(label: str) -> gr.Image:
    return gr.Image(type="filepath", label=label)


def _picture(label: str) -> gr.Image:
    return gr.Image(type="filepath", label=label, interactive=False)


def _strength() -> gr.Number:
    return gr.Number(1.0, label="strength")

"""The named API endpoints for gradio_client, HTTP and MCP. They are stateless: images in, images out.

The docstrings of `Endpoints` are public: Gradio shows them to clients as API documentation and MCP tool descriptions.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder

from app.server.decoder import decoded, in_turns
from app.server.editors import Editors
from app.server.hosting import not_a_tool
from app.server.originals import transparency
from app.server.rendering import as_gradio_errors, picture_file, read_upload
from app.server.request_limits import in_cache
from app.server.state import within_reach
from rbvae import ConfigError, Portrait
from rbvae.digits.reading import over_contrast
from rbvae.editing.animation import Film, animate
from rbvae.editing.batch import NEUTRAL, Result, edit_all, expression, write_zip
from rbvae.editing.editor import Latent
from rbvae.editing.gestures import limited
from rbvae.errors import quoted, shown
from rbvae.images.decoding import MAX_SIDE

Upload = dict[str, Any] | None
CONCURRENCY = 2  # concurrent calls of all endpoints, to limit the memory that large photos take
MAX_COUNT = 64
MAX_AMOUNT = 1000  # largest absolute value of an expression's numbers
MAX_PHOTOS = 100
MAX_PIXELS = 200_000_000  # of all images returned by one call
MAX_ZIP = 300_000_000  # bytes
MAX_SECONDS, MAX_FRAMES = 20, 240  # of an animation: seconds in one direction, frames in both


class Endpoints:
    """The functions behind the endpoints. Images arrive undecoded, as Gradio file records.

    Invalid input raises gr.Error with the message of the underlying RbvaeError.
    """

    def __init__(self, editors: Editors) -> None:
        self.faces = editors.faces
        self.digits = editors.digits

    def infer(self, photo: Upload) -> tuple[dict[str, Any], str, str]:
        """Find the most prominent face in a photo and encode it.

        Args:
            photo: A photo with a face.
        Returns:
            JSON: z (identity, pose and lighting), e (expression), box [left, top, right, bottom] in pixels, warnings.
            The aligned crop of the face.
            The model's reconstruction of the crop.
        """
        with as_gradio_errors(), in_turns():
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
        """Edit the face in a photo with random expressions. The same seed gives the same expressions.

        Args:
            photo: A photo with a face.
            count: The number of expressions, 1 to 64.
            seed: An integer from 0 to 2**32 - 1.
        Returns:
            The edited photos at full size, or small images of the face if the model works on images.
        """
        with as_gradio_errors(), in_turns():
            n, seed_number = integer(count, "count", 1, MAX_COUNT), integer(seed, "seed", 0, 2**32 - 1)
            portrait = self._portrait(photo)
            in_photo = self.faces.config.observes == "code"
            if in_photo:
                check_pixels(n, portrait.source)
            edits = self.faces.sample(portrait, n, seed_number)[::-1]
        files: list[str] = []
        while edits:
            edit = edits.pop()  # drops it from the list, since an edit caches its images
            files.append(picture_file(edit.photo if in_photo else edit.crop, f"expression-{len(files) + 1}"))
        return files

    def transfer(self, expression: Upload, face: Upload, strength: Any = 1.0) -> str:
        """Transfer the expression of the face in one photo to the face in another.

        Args:
            expression: The photo whose expression is copied.
            face: The photo to edit.
            strength: 0 is unchanged, 1 is the expression of the first photo, up to 1.5 is exaggerated.
        Returns:
            The edited second photo at full size.
        """
        with as_gradio_errors(), in_turns():
            amount = number(strength, "strength")
            edit = self.faces.transfer(self._portrait(expression), self._portrait(face), amount)
        return picture_file(edit.photo, "edited")

    def edit(self, photo: Upload, values: Any) -> str:
        """Change the expression of the face in a photo. Named changes are limited to the range of the training data.

        Args:
            photo: A photo with a face.
            values: Changes such as {"smile": 2} in standard deviations, gestures such as {"gaze right": 0.5} or, in
                degrees, {"turn right": 8}, or e as a list. An unknown name lists them all.
        Returns:
            The edited photo at full size.
        """
        with as_gradio_errors(), in_turns():
            portrait = self._portrait(photo)
            edit = self.faces.edit(portrait, self._expression(values, portrait))
        return picture_file(edit.photo, "edited")

    def neutral(self, photo: Upload) -> str:
        """Give the face in a photo a neutral expression.

        Args:
            photo: A photo with a face.
        Returns:
            The edited photo at full size.
        """
        with as_gradio_errors(), in_turns():
            edit = self.faces.neutral(self._portrait(photo))
        return picture_file(edit.photo, "neutral")

    def animate(self, photo: Upload, values: Any = NEUTRAL, format: Any = "mp4", seconds: Any = 1.5) -> str:
        """Make a short animation in which the face in a photo changes its expression and changes back.

        Args:
            photo: A photo with a face.
            values: The target: "neutral", named changes such as {"smile": 2}, or e as a list of numbers.
            format: "mp4", "webp" or "gif".
            seconds: The duration of the change in one direction, 0.1 to 20. Above 6, the frame rate is lower.
        Returns:
            The animation of the whole photo, scaled down.
        """
        with as_gradio_errors(), in_turns():
            film = film_settings(seconds, format)
            portrait = self._portrait(photo)
            e = self._expression(values, portrait)
            content = animate(self.faces, portrait, [portrait.e, e], film)
        path = new_file(f"film.{film.format}")
        path.write_bytes(content)
        return str(path)

    @not_a_tool
    def batch(self, photos: list[Upload] | None, values: Any = NEUTRAL) -> tuple[str, list[dict[str, Any]]]:
        """Give the faces in many photos the same expression. Photos that fail are listed in the manifest.

        Args:
            photos: Up to 100 photos.
            values: "neutral", named changes such as {"smile": 2}, or e as a list of numbers.
        Returns:
            A ZIP with the edited photos and manifest.json.
            The manifest: for each photo ok, the file name, box, warnings and identity_shift, or the error.
        """
        with as_gradio_errors(), in_turns():
            paths = [Path(photo["path"]) for photo in photos or [] if photo and in_cache(photo.get("path"))]
            if not 1 <= len(paths) <= MAX_PHOTOS:
                raise ConfigError(f"{len(paths)} photos were given; give 1 to {MAX_PHOTOS}")
            results = edit_all(
                self.faces,
                [(path.name, functools.partial(decoded, path)) for path in paths],
                self._limited_expression(values),
            )
            path = new_file("edited.zip")
            return str(path), write_zip(limit_zip(results, path), path)

    def digits_transfer(self, digit: Upload, style: Upload, strength: Any = 1.0) -> str:
        """Render a handwritten digit in the style (colour, stroke width, size) of another.

        Args:
            digit: An image of one digit, light on dark or dark on light, drawn or photographed.
            style: An image of the digit whose style is copied.
            strength: 0 is unchanged, 1 is the style of the second digit, up to 1.5 is exaggerated.
        Returns:
            A small image of the digit in the new style.
        """
        with as_gradio_errors(), in_turns():
            amount = number(strength, "strength")
            edit = self.digits.transfer(read_digit_upload(style), read_digit_upload(digit), amount)
        return picture_file(edit.crop, "edited")

    def _expression(self, values: Any, portrait: Portrait) -> Latent:
        return expression(self.faces, self._limited_expression(values, portrait.e), portrait)

    def _limited_expression(self, values: Any, e: np.ndarray | None = None) -> Any:
        """Parse `values`, limit named changes to the training data, and warn the caller of any limit."""
        parsed = parsed_expression(values)
        if not isinstance(parsed, dict):
            return parsed
        named = {name: value for name, value in parsed.items() if name not in self.faces.gestures}
        kept, message = within_reach(self.faces, named, e)
        gestures, note = limited({name: value for name, value in parsed.items() if name not in named})
        for words in filter(None, (message, note)):
            gr.Warning(words)
        return kept | gestures

    def _portrait(self, photo: Upload) -> Portrait:
        return self.faces.infer(read_upload(photo))


def read_digit_upload(upload: Upload) -> np.ndarray:
    """Decode a picture of a digit, whose strokes may stand on nothing. Returns uint8 RGB [H, W, 3]."""
    pixels = read_upload(upload, MAX_SIDE)
    alpha = transparency(Path(upload["path"]).read_bytes()) if upload else None
    return pixels if alpha is None else over_contrast(pixels, alpha)


def parsed_expression(values: Any) -> Any:
    """Parse an expression given by a client: "neutral", named changes or a list of numbers, possibly as JSON text.

    Returns "neutral", a dict of floats or a float32 array. Raises ConfigError if it is malformed.
    """
    if isinstance(values, str) and values.strip().strip('"') != NEUTRAL:
        try:
            values = json.loads(values)
        except (ValueError, RecursionError) as error:
            raise ConfigError(
                f"values is not JSON ({shown(str(error))}); give a list of numbers or named changes"
            ) from error
    if isinstance(values, str):
        return NEUTRAL
    if isinstance(values, dict):
        return {name: number(amount, shown(name), MAX_AMOUNT) for name, amount in values.items()}
    if isinstance(values, list):
        return np.array([number(value, "values", MAX_AMOUNT) for value in values], np.float32)
    raise ConfigError(f'values={quoted(values)}; give a list of numbers, or named changes such as {{"smile": 2}}')


def limit_zip(results: Iterable[Result], path: Path) -> Iterator[Result]:
    """Yield the results. Raises ConfigError, and deletes `path`, when that file is larger than MAX_ZIP bytes."""
    for result in results:
        yield result
        if path.stat().st_size > MAX_ZIP:
            path.unlink()
            raise ConfigError(f"the edited photos are over {MAX_ZIP // 10**6} MB together; send fewer at a time")


def check_pixels(count: int, photo: np.ndarray) -> None:
    """Raise ConfigError if `count` copies of a photo, uint8 [H, W, 3], have more than MAX_PIXELS pixels."""
    height, width = photo.shape[:2]
    maximum = max(1, MAX_PIXELS // (height * width))
    if count > maximum:
        raise ConfigError(
            f"count={count} is too many for a photo of {width} x {height} pixels; ask for at most {maximum}"
        )


def film_settings(seconds: Any, format: Any) -> Film:
    """Return the settings of an animation of the whole photo.

    The frame rate is limited so that rendering takes at most about 30 s on two cores. Raises ConfigError if `seconds`
    or `format` is invalid.
    """
    if not 0.1 <= number(seconds, "seconds") <= MAX_SECONDS:
        raise ConfigError(f"seconds={quoted(seconds)}; give a number from 0.1 to {MAX_SECONDS}")
    fps = min(20, int(MAX_FRAMES / (2 * seconds)))
    return Film(seconds, fps, format=format, view="photo", size=480)


def new_file(name: str) -> Path:
    """Return a new path with this file name in Gradio's cache, which is cleaned up periodically."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name


def number(value: Any, name: str, maximum: float = 1e18) -> float:
    """Return `value` as a float. Raises ConfigError if it is not a number from -most to most."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= maximum:  # also true for NaN
        limits = f" from {-maximum:g} to {maximum:g}" if maximum == MAX_AMOUNT else ""
        raise ConfigError(f"{name}={quoted(value)}; give a number{limits}")
    return float(value)


def integer(value: Any, name: str, low: int, high: int) -> int:
    """Return `value` as an int. Raises ConfigError if it is not a whole number from low to high."""
    if number(value, name) != int(value) or not low <= value <= high:
        raise ConfigError(f"{name}={quoted(value)}; give a whole number from {low} to {high}")
    return int(value)


def add_endpoints(editors: Editors) -> None:
    """Register the endpoints in the current Blocks. Their components are hidden and exist only for the API."""
    endpoints = Endpoints(editors)
    with gr.Column(visible=False):
        _endpoint(
            endpoints.infer, [_photo("photo")], [gr.JSON(label="facts"), _picture("crop"), _picture("reconstruction")]
        )
        counts = [gr.Number(8, label="count", precision=0), gr.Number(0, label="seed", precision=0)]
        _endpoint(endpoints.sample, [_photo("photo"), *counts], [gr.Gallery(label="expressions")])
        inputs = [_photo("expression"), _photo("face"), _strength()]
        _endpoint(endpoints.transfer, inputs, [_picture("edited photo")])
        _endpoint(endpoints.edit, [_photo("photo"), _values()], [_picture("edited photo")])
        _endpoint(endpoints.neutral, [_photo("photo")], [_picture("edited photo")])
        kinds = [gr.Textbox("mp4", label="format"), gr.Number(1.5, label="seconds")]
        _endpoint(endpoints.animate, [_photo("photo"), _values(NEUTRAL), *kinds], [gr.File(label="film")])
        photos = [_photos("photos"), _values(NEUTRAL)]
        _endpoint(endpoints.batch, photos, [gr.File(label="edited photos"), gr.JSON(label="manifest")])
        inputs = [_photo("digit"), _photo("style"), _strength()]
        _endpoint(endpoints.digits_transfer, inputs, [_picture("edited digit")])


def _endpoint(
    function: Callable[..., Any], inputs: Sequence[gr.components.Component], outputs: Sequence[gr.components.Component]
) -> None:
    gr.on(
        [], function, inputs, outputs, api_name=function.__name__, preprocess=False,
        concurrency_id="pictures", concurrency_limit=CONCURRENCY,
    )  # fmt: skip


def _photo(label: str) -> gr.Image:
    return gr.Image(type="filepath", label=label)


def _picture(label: str) -> gr.Image:
    return gr.Image(type="filepath", label=label, interactive=False)


def _values(value: str | None = None) -> gr.JSON:
    """A component for an expression: named changes, a list, or JSON text of either."""
    amount = {"type": "number"}
    kinds = [{"type": "object", "additionalProperties": amount}, {"type": "array", "items": amount}]
    values = gr.JSON(json.dumps(value) if value else None, label="values")
    return _with_schema(values, {"anyOf": [*kinds, {"type": "string"}]})


def _photos(label: str) -> gr.File:
    return _with_schema(
        gr.File(label=label, file_count="multiple"), {"type": "array", "items": ImageData.model_json_schema()}
    )


def _with_schema(component: Any, schema: dict[str, Any]) -> Any:
    """Replace the JSON schema of a component. MCP clients reject those of gr.JSON and of gr.File for multiple files.

    This is not a subclass because Gradio writes a .pyi file next to the source of every component class.
    """
    component.api_info = lambda: schema
    return component


def _strength() -> gr.Number:
    return gr.Number(1.0, label="strength")

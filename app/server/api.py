"""The named endpoints, for gradio_client, plain HTTP and MCP: pictures in, pictures out, nothing remembered.

The functions' docstrings are what a program, or an assistant that uses them as tools, is told.
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

from app.server.decoder import decoded
from app.server.editors import Editors
from app.server.hosting import not_a_tool
from app.server.rendering import errors_in_words, picture_file, read_upload
from app.server.request_limits import in_cache
from app.server.state import within_reach
from rbvae import ConfigError, Portrait
from rbvae.editing.animation import Film, animate
from rbvae.editing.batch import NEUTRAL, Result, edit_all, expression, write_zip
from rbvae.errors import quoted, shown
from rbvae.images.decoding import MAX_SIDE

Upload = dict[str, Any] | None
AT_ONCE = 2  # calls of all endpoints together, so that no crowd of large photos fills the memory
MAX_COUNT = 64
MAX_AMOUNT = 1000  # of a number that says how a face is to look
MAX_PHOTOS = 100
MAX_PIXELS = 200_000_000  # of all pictures that one call returns
MAX_ZIP = 300_000_000  # bytes
MAX_SECONDS, MAX_FRAMES = 20, 240  # of a film: one way, and there and back


class Endpoints:
    """The functions behind the endpoints; every picture comes undecoded, as Gradio's file record."""

    def __init__(self, editors: Editors) -> None:
        self.faces = editors.faces
        self.digits = editors.digits

    def infer(self, photo: Upload) -> tuple[dict[str, Any], str, str]:
        """Find the most prominent face of a photo and describe it as the model does.

        Args:
            photo: A photo with a face.
        Returns:
            JSON: z (identity, pose and light), e (the expression), box [left, top, right, bottom] in pixels, warnings.
            The face as it was cut out and aligned.
            The model's copy of it.
        """
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
        """Draw the face of a photo with random expressions, the same ones for the same seed.

        Args:
            photo: A photo with a face.
            count: How many expressions, 1 to 64.
            seed: A whole number; another one gives other expressions.
        Returns:
            The photo at its own size with each expression; from a model of images, small pictures of the face.
        """
        with errors_in_words():
            n, chosen = whole(count, "count", 1, MAX_COUNT), whole(seed, "seed", 0, 2**32 - 1)
            portrait = self._portrait(photo)
            in_photo = self.faces.config.observes == "code"
            if in_photo:
                check_room(n, portrait.source)
            edits = self.faces.sample(portrait, n, chosen)[::-1]
        files = []
        while edits:
            edit = edits.pop()  # which keeps what it has drawn
            files.append(picture_file(edit.photo if in_photo else edit.crop, f"expression-{len(files) + 1}"))
        return files

    def transfer(self, expression: Upload, face: Upload, strength: Any = 1.0) -> str:
        """Put the expression of one person's photo on the face in another photo.

        Args:
            expression: The photo whose expression is copied.
            face: The photo that is edited.
            strength: From 0 (unchanged) over 1 (as in the first photo) to 1.5 (exaggerated).
        Returns:
            The second photo at its own size, edited.
        """
        with errors_in_words():
            amount = number(strength, "strength")
            edit = self.faces.transfer(self._portrait(expression), self._portrait(face), amount)
        return picture_file(edit.photo, "edited")

    def edit(self, photo: Upload, values: Any) -> str:
        """Give the face in a photo another expression; named changes are limited to what the model has seen.

        Args:
            photo: A photo with a face.
            values: Changes in standard deviations such as {"smile": 2} (a wrong name lists them all), or e as a list.
        Returns:
            The photo at its own size, edited.
        """
        with errors_in_words():
            portrait = self._portrait(photo)
            edit = self.faces.edit(portrait, self._expression(values, portrait))
        return picture_file(edit.photo, "edited")

    def neutral(self, photo: Upload) -> str:
        """Take the expression out of the face in a photo, so that it is at rest.

        Args:
            photo: A photo with a face.
        Returns:
            The photo at its own size, edited.
        """
        with errors_in_words():
            edit = self.faces.neutral(self._portrait(photo))
        return picture_file(edit.photo, "neutral")

    def animate(self, photo: Upload, values: Any = NEUTRAL, format: Any = "mp4", seconds: Any = 1.5) -> str:
        """Make a short film in which the face in a photo changes its expression and changes back.

        Args:
            photo: A photo with a face.
            values: Where it goes: "neutral", named changes such as {"smile": 2}, or e as a list of numbers.
            format: "mp4", "webp" or "gif".
            seconds: How long one way takes, 0.1 to 20; from 6 on with fewer pictures a second.
        Returns:
            The film, of the whole photo made smaller.
        """
        with errors_in_words():
            film = short_film(seconds, format)
            portrait = self._portrait(photo)
            e = self._expression(values, portrait)
            content = animate(self.faces, portrait, [portrait.e, e], film)
        path = fresh_file(f"film.{film.format}")
        path.write_bytes(content)
        return str(path)

    @not_a_tool
    def batch(self, photos: list[Upload] | None, values: Any = NEUTRAL) -> tuple[str, list[dict[str, Any]]]:
        """Give the faces in many photos one expression; photos without a face, or that cannot be read, are listed.

        Args:
            photos: Up to 100 photos.
            values: "neutral", named changes such as {"smile": 2}, or e as a list of numbers.
        Returns:
            A ZIP with the edited photos and manifest.json.
            The manifest: for each photo ok, the file's name, box, warnings and drift, or the error.
        """
        with errors_in_words():
            paths = [Path(photo["path"]) for photo in photos or [] if photo and in_cache(photo.get("path"))]
            if not 1 <= len(paths) <= MAX_PHOTOS:
                raise ConfigError(f"{len(paths)} photos were given; give 1 to {MAX_PHOTOS}")
            results = edit_all(
                self.faces, [(path.name, functools.partial(decoded, path)) for path in paths], self._wanted(values)
            )
            path = fresh_file("edited.zip")
            return str(path), write_zip(while_small(results, path), path)

    def digits_transfer(self, digit: Upload, style: Upload, strength: Any = 1.0) -> str:
        """Draw a handwritten digit in the style (colour, stroke width, size) of another.

        Args:
            digit: A picture of one digit, light on dark or dark on light.
            style: A picture of the digit whose style is copied.
            strength: From 0 (unchanged) over 1 to 1.5 (exaggerated).
        Returns:
            A small picture of the digit in its new style.
        """
        with errors_in_words():
            amount = number(strength, "strength")
            edit = self.digits.transfer(read_upload(style, MAX_SIDE), read_upload(digit, MAX_SIDE), amount)
        return picture_file(edit.crop, "edited")

    def _expression(self, values: Any, portrait: Portrait) -> np.ndarray:
        return expression(self.faces, self._wanted(values, portrait.e), portrait)

    def _wanted(self, values: Any, e: np.ndarray | None = None) -> Any:
        """As `wanted`, with named changes kept to what training saw; the caller is told of those that went further."""
        asked = wanted(values)
        if not isinstance(asked, dict):
            return asked
        kept, words = within_reach(self.faces, asked, e)
        if words:
            gr.Warning(words)
        return kept

    def _portrait(self, photo: Upload) -> Portrait:
        return self.faces.infer(read_upload(photo))


def wanted(values: Any) -> Any:
    """An expression as programs give it -> as rbvae.editing.batch takes it. Raises ConfigError."""
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


def while_small(results: Iterable[Result], path: Path) -> Iterator[Result]:
    """The results, as long as the file they are written to is no larger than MAX_ZIP; raises ConfigError then."""
    for result in results:
        yield result
        if path.stat().st_size > MAX_ZIP:
            path.unlink()
            raise ConfigError(f"the edited photos are over {MAX_ZIP // 10**6} MB together; send fewer at a time")


def check_room(count: int, photo: np.ndarray) -> None:
    """Raises ConfigError for so many copies of a photo that together they have more than MAX_PIXELS."""
    height, width = photo.shape[:2]
    most = max(1, MAX_PIXELS // (height * width))
    if count > most:
        raise ConfigError(f"count={count} is too many of a photo of {width} x {height} pixels; ask for {most} at most")


def short_film(seconds: Any, format: Any) -> Film:
    """A film of the whole photo, with no more frames than two cores draw in half a minute; raises ConfigError."""
    if not 0.1 <= number(seconds, "seconds") <= MAX_SECONDS:
        raise ConfigError(f"seconds={quoted(seconds)}; give a number from 0.1 to {MAX_SECONDS}")
    fps = min(20, int(MAX_FRAMES / (2 * seconds)))
    return Film(seconds, fps, format=format, view="photo", size=480)


def fresh_file(name: str) -> Path:
    """A place for a result in Gradio's own cache, which empties itself."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name


def number(value: Any, name: str, most: float = 1e18) -> float:
    """A number from -most to most; raises ConfigError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= most:  # NaN is not, either
        limits = f" from {-most:g} to {most:g}" if most == MAX_AMOUNT else ""
        raise ConfigError(f"{name}={quoted(value)}; give a number{limits}")
    return float(value)


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number from low to high; raises ConfigError for anything else."""
    if number(value, name) != int(value) or not low <= value <= high:
        raise ConfigError(f"{name}={quoted(value)}; give a whole number from {low} to {high}")
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
        _endpoint(points.edit, [_photo("photo"), _values()], [_picture("edited photo")])
        _endpoint(points.neutral, [_photo("photo")], [_picture("edited photo")])
        kinds = [gr.Textbox("mp4", label="format"), gr.Number(1.5, label="seconds")]
        _endpoint(points.animate, [_photo("photo"), _values(NEUTRAL), *kinds], [gr.File(label="film")])
        many = [_photos("photos"), _values(NEUTRAL)]
        _endpoint(points.batch, many, [gr.File(label="edited photos"), gr.JSON(label="manifest")])
        pair = [_photo("digit"), _photo("style"), _strength()]
        _endpoint(points.digits_transfer, pair, [_picture("edited digit")])


def _endpoint(
    function: Callable[..., Any], inputs: Sequence[gr.components.Component], outputs: Sequence[gr.components.Component]
) -> None:
    gr.on(
        [], function, inputs, outputs, api_name=function.__name__, preprocess=False,
        concurrency_id="pictures", concurrency_limit=AT_ONCE,
    )  # fmt: skip


def _photo(label: str) -> gr.Image:
    return gr.Image(type="filepath", label=label)


def _picture(label: str) -> gr.Image:
    return gr.Image(type="filepath", label=label, interactive=False)


def _values(value: str | None = None) -> gr.JSON:
    """An expression: named changes, a list, or text that is either."""
    amount = {"type": "number"}
    kinds = [{"type": "object", "additionalProperties": amount}, {"type": "array", "items": amount}]
    values = gr.JSON(json.dumps(value) if value else None, label="values")
    return _described(values, {"anyOf": [*kinds, {"type": "string"}]})


def _photos(label: str) -> gr.File:
    return _described(
        gr.File(label=label, file_count="multiple"), {"type": "array", "items": ImageData.model_json_schema()}
    )


def _described(component: Any, schema: dict[str, Any]) -> Any:
    """The component with another JSON schema: MCP clients refuse the stock ones of gr.JSON and of several gr.File.

    Not a subclass: for each of those Gradio writes a .pyi file beside the source.
    """
    component.api_info = lambda: schema
    return component


def _strength() -> gr.Number:
    return gr.Number(1.0, label="strength")

"""Pictures between the browser and Python: uploads in, data URLs and files out, and errors in words."""

from __future__ import annotations

import base64
import io
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.utils import get_upload_folder
from PIL import Image

from app.server.decoder import decoded
from app.server.request_limits import unforeseen
from rbvae import ImageError, RbvaeError
from rbvae.errors import shown
from rbvae.images.ai_metadata import AI_NOTE, encode

LONGEST_SENTENCE = 600  # letters; the names of a checkpoint's directions are among them
LOSSLESS = 256  # pixels of a side up to which a picture costs little as PNG


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Hands the text of an RbvaeError to the API's caller; anything else is told, and logged, as the bug it is."""
    try:
        yield
    except RbvaeError as error:
        traceback.clear_frames(error.__traceback__)  # which hold the photo for as long as the error lives
        raise gr.Error(sentence(error), print_exception=False) from error
    except Exception as error:  # Gradio would print its words, which may quote what was sent
        raise gr.Error(unforeseen(error).words, print_exception=False) from error


def sentence(error: RbvaeError) -> str:
    """Its text in one line of readable length, whatever of a request it quotes."""
    return shown(str(error), LONGEST_SENTENCE)


def read_upload(upload: dict[str, Any] | None, max_side: int = 0) -> np.ndarray:
    """What a gr.Image hands over with preprocess=False -> uint8 RGB, decoded by app.server.decoder.

    Raises ImageError for no file, and for one that is no picture.
    """
    if not upload or not upload.get("path"):
        raise ImageError("no picture was given; upload a JPEG, PNG or WebP file")
    return decoded(Path(upload["path"]), max_side=max_side)


def jpeg(image: Image.Image, edited: bool = True) -> bytes:
    """A JPEG for the page to show; a small one keeps all its colour. rbvae.images.ai_metadata writes files to keep."""
    encoded = io.BytesIO()
    fine = {"quality": 95, "subsampling": 0} if max(image.size) <= LOSSLESS else {"quality": 92}
    image.save(encoded, "JPEG", comment=AI_NOTE.encode() if edited else b"", **fine)
    return encoded.getvalue()


def data_url(image: Image.Image, edited: bool = True) -> str:
    """A picture as a data: URL. It holds its own bytes: no file, and no second request while a slider moves."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(image, edited=edited)).decode()}"


def picture_file(image: Image.Image, name: str, edited: bool = True) -> str:
    """A JPEG (PNG for a crop) without EXIF, noted as AI-edited, in Gradio's own cache, which empties itself."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    small = max(image.size) <= LOSSLESS
    path = folder / f"{name}.{'png' if small else 'jpg'}"
    if edited:
        path.write_bytes(encode(image, "PNG" if small else "JPEG"))
    else:
        image.save(path, **({} if small else {"quality": 92}))
    return str(path)

"""Conversion between uploads, arrays, data URLs and files, and the error messages sent to clients."""

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
from app.server.refusals import internal_error
from rbvae import ImageError, RbvaeError
from rbvae.errors import shown
from rbvae.images.ai_metadata import AI_NOTE, encode

MAX_MESSAGE = 600  # characters; a message may list the directions of a checkpoint
LOSSLESS = 256  # largest side, in pixels, of an image that is small enough as PNG


@contextmanager
def as_gradio_errors() -> Iterator[None]:
    """Convert exceptions to gr.Error: an RbvaeError keeps its message, any other is logged and reported as a bug."""
    try:
        yield
    except RbvaeError as error:
        traceback.clear_frames(error.__traceback__)  # the frames would keep the photo in memory
        raise gr.Error(one_line(error), print_exception=False) from error
    except Exception as error:  # Gradio would print its message, which may contain user data
        raise gr.Error(internal_error(error).message, print_exception=False) from error


def one_line(error: RbvaeError) -> str:
    """Return the message of an error as one line of limited length."""
    return shown(str(error), MAX_MESSAGE)


def read_upload(upload: dict[str, Any] | None, max_side: int = 0) -> np.ndarray:
    """Decode the value of a gr.Image with preprocess=False. Returns uint8 RGB [H, W, 3].

    Raises ImageError if there is no file or it cannot be decoded.
    """
    if not upload or not upload.get("path"):
        raise ImageError("no picture was given; upload a JPEG, PNG or WebP file")
    return decoded(Path(upload["path"]), max_side=max_side)


def jpeg(image: Image.Image, edited: bool = True) -> bytes:
    """Encode an image as JPEG for display, small ones without chroma subsampling.

    Use `rbvae.images.ai_metadata.encode` for files to download.
    """
    encoded = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if max(image.size) <= LOSSLESS else {"quality": 92}
    image.save(encoded, "JPEG", comment=AI_NOTE.encode() if edited else b"", **options)
    return encoded.getvalue()


def data_url(image: Image.Image, edited: bool = True) -> str:
    """Encode an image as a JPEG data: URL, which needs no file and no second request."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(image, edited=edited)).decode()}"


def picture_file(image: Image.Image, name: str, edited: bool = True) -> str:
    """Write an image to Gradio's cache, which is cleaned up periodically, and return the path.

    The format is PNG for small images and JPEG otherwise, without EXIF. If `edited`, the metadata says that an AI
    edited it.
    """
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    small = max(image.size) <= LOSSLESS
    path = folder / f"{name}.{'png' if small else 'jpg'}"
    if edited:
        path.write_bytes(encode(image, "PNG" if small else "JPEG"))
    else:
        options: dict[str, Any] = {} if small else {"quality": 92}
        image.save(path, **options)
    return str(path)

"""Pictures between the browser and Python: uploads in, HTML figures and files out, and errors in words."""

from __future__ import annotations

import base64
import html
import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.utils import get_upload_folder
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rbvae import ImageError, RbvaeError
from rbvae.images import load_photo

AI_NOTE = "Edited by AI (rbvae)"
LOSSLESS = 256  # pixels of a side up to which a picture costs little as PNG


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Hands the text of an RbvaeError to the API's caller; anything else surfaces as the bug it is."""
    try:
        yield
    except RbvaeError as error:
        raise gr.Error(str(error), print_exception=False) from error


def read_upload(upload: dict[str, Any] | None) -> np.ndarray:
    """What a gr.Image hands over with preprocess=False -> uint8 RGB; our own decoder reads it, and refuses in words.

    Raises ImageError for no file, and for one that is no picture.
    """
    if not upload or not upload.get("path"):
        raise ImageError("no picture was given; upload a JPEG, PNG or WebP file")
    return load_photo(Path(upload["path"]))


def figure(image: Image.Image | None, caption: str) -> str:
    """A captioned picture as HTML. It holds its own bytes: no file, and no second request while a slider moves."""
    if image is None:
        return f'<figure><div class="empty"></div><figcaption>{html.escape(caption)}</figcaption></figure>'
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=95, method=1)
    source = f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
    text = html.escape(caption)
    return f'<figure><img src="{source}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def notice(sentences: tuple[str, ...], kind: str = "warning") -> str:
    """Sentences for the visitor as HTML; nothing for none."""
    lines = "".join(f"<p>{html.escape(sentence[:1].upper() + sentence[1:])}.</p>" for sentence in sentences)
    return f'<div class="notice {kind}" role="status">{lines}</div>' if lines else ""


def picture_file(image: Image.Image, name: str, edited: bool = True) -> str:
    """A JPEG (PNG for a crop) without EXIF, noted as AI-edited, in Gradio's own cache, which empties itself."""
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    small = max(image.size) <= LOSSLESS
    path = folder / f"{name}.{'png' if small else 'jpg'}"
    note = AI_NOTE if edited else ""
    if small:
        text = PngInfo()
        text.add_text("Comment", note)
        image.save(path, pnginfo=text)
    else:
        image.save(path, quality=92, comment=note.encode())
    return str(path)

"""The generator weights and the blend mask for rendering in the browser while a slider moves.

Neither contains a photo. The browser receives z and e of the opened image; the encoders stay on the server.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import safetensors.torch
from PIL import Image

from app.server.request_limits import CHUNK_BYTES
from rbvae.editing import Editor
from rbvae.faces.pasting import face_mask

LARGEST = 12_000_000  # bytes; a larger generator is too slow to download and to run in a browser
OFF = ("0", "no", "off", "false")


@dataclass(frozen=True)
class GeneratorFile:
    """The weights of a generator as half-precision safetensors, and a version string that identifies them."""

    content: bytes
    version: str

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content in parts small enough not to count as large answers in `app.server.request_limits`."""
        for start in range(0, len(self.content), CHUNK_BYTES):
            yield self.content[start : start + CHUNK_BYTES]


@functools.lru_cache(maxsize=4)
def generator_file(editor: Editor) -> GeneratorFile | None:
    """Return an editor's generator for `app/js/generator.js`.

    Returns None if the server has to render instead: for a model of codes, a generator that is too large, or
    RBVAE_DRAW_IN_BROWSER=no.
    """
    if editor.config.observes != "image":
        return None
    weights = {name: weight.half().contiguous() for name, weight in editor.model.generator.state_dict().items()}
    size = sum(weight.nbytes for weight in weights.values())
    wanted = os.environ.get("RBVAE_DRAW_IN_BROWSER", "yes").lower() not in OFF
    if not wanted or size > LARGEST or editor.config.channels != 3:
        return None
    content = safetensors.torch.save(weights, {"patch": str(editor.config.patch)})
    return GeneratorFile(content, hashlib.sha256(content).hexdigest()[:16])


def mask_url(size: int) -> str:
    """Return the mask that blends an edit into the photo, as a data: URL of a grey PNG of `size` x `size` pixels."""
    encoded = io.BytesIO()
    Image.fromarray((255 * face_mask(size)).round().astype("uint8")).save(encoded, "PNG")
    return f"data:image/png;base64,{base64.b64encode(encoded.getvalue()).decode()}"

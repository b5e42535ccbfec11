"""The generator and the mask for the page, which draws in the visitor's own browser while a slider moves.

Neither holds a photo: z and e of the opened picture go to its own visitor, and the rest stays here.
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

from app.server.request_limits import PART
from rbvae.editing import Editor
from rbvae.faces.pasting import face_mask

LARGEST = 12_000_000  # bytes a visitor may be sent; larger models would draw too slowly in a browser, too
OFF = ("0", "no", "off", "false")


@dataclass(frozen=True)
class GeneratorFile:
    """A generator's weights in half precision, as safetensors, and a name for just these weights."""

    content: bytes
    version: str

    async def parts(self) -> AsyncIterator[bytes]:
        """The content in pieces that take no room of their own (app.server.request_limits)."""
        for start in range(0, len(self.content), PART):
            yield self.content[start : start + PART]


@functools.lru_cache(maxsize=4)
def generator_file(editor: Editor) -> GeneratorFile | None:
    """An editor's generator for app/js/generator.js, which draws images.

    None for a model of codes, where it is too large, or where RBVAE_DRAW_IN_BROWSER says no: then the server draws.
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
    """Where an edit goes into the photo, as a grey PNG of the crop's size in a data: URL."""
    encoded = io.BytesIO()
    Image.fromarray((255 * face_mask(size)).round().astype("uint8")).save(encoded, "PNG")
    return f"data:image/png;base64,{base64.b64encode(encoded.getvalue()).decode()}"

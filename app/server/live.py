"""What the page needs to draw edits in the browser: the page's model, and a file for each face that is opened.

Neither contains a photo. The encoders stay on the server.
"""

from __future__ import annotations

import functools
import hashlib

from starlette.responses import Response

from rbvae import ConfigError, Inference, Portrait, PortraitEditor
from rbvae.editing import Editor
from rbvae.editing.portrait_file import PortraitFiles

TYPE = "application/octet-stream"
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}  # the address changes with the model


@functools.lru_cache(maxsize=4)
def portrait_files(editor: Editor) -> PortraitFiles | None:
    """Return the writer of an editor's files; None if browsers do not draw its edits, as for a model of images."""
    return PortraitFiles(editor) if isinstance(editor, PortraitEditor) and editor.faces else None


def prepare(editor: Editor) -> None:
    """Compute what the files of all faces share, which takes a second, so that the first visitor does not wait."""
    if files := portrait_files(editor):
        _ = files.model.by_code


def model_address(editor: Editor) -> str:
    """Return the address of the page's model, relative to the page; "" if there is none."""
    files = portrait_files(editor)
    version = hashlib.sha256(files.packed_model).hexdigest()[:16] if files else ""
    return f"page/{editor.kind}/model?{version}" if files else ""


def live_file(editor: Editor, inference: Inference, donor: Inference | None = None) -> bytes:
    """Return the file of an opened face, or that of the mouth of a `donor`; empty if it lends no teeth.

    Raises ConfigError if browsers do not draw edits of this picture.
    """
    files = portrait_files(editor)
    if files is None or not isinstance(inference, Portrait):
        raise ConfigError("edits of this picture are drawn by the server; ask for them there")
    return files.mouth(inference, donor) if isinstance(donor, Portrait) else files.of(inference)


def model_response(editor: Editor | None) -> Response | None:
    """Return the answer with the page's model; None if there is none."""
    files = portrait_files(editor) if editor is not None else None
    return Response(files.packed_model, media_type=TYPE, headers=FOREVER) if files else None

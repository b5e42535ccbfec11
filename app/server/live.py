"""What a browser needs to draw edits itself: the page's model, the file of a portrait, and the engine in app/js/live.

Neither file holds a photo: the browser has it already.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
from typing import Any

from app.server.bundle import SCRIPTS, bundle
from rbvae import ConfigError, Portrait, PortraitEditor
from rbvae.editing import Editor

ENGINE, ENTRY = SCRIPTS / "live", "stage.js"
MODULE = "rbvae.editing.portrait_file"


@functools.lru_cache(maxsize=4)
def portrait_files(editor: Editor) -> Any:
    """Return the writer of portraits' files, or None if this checkpoint, or this version of the app, has none."""
    known = (ENGINE / ENTRY).is_file() and importlib.util.find_spec(MODULE) is not None
    if not known or not isinstance(editor, PortraitEditor) or editor.faces is None:
        return None
    return importlib.import_module(MODULE).PortraitFiles(editor)


def live_setup(editor: Editor) -> dict[str, str] | None:
    """Return what the page needs to start the engine: addresses below page/ and the name of an action; or None."""
    if portrait_files(editor) is None:
        return None
    script = f"js/live-{bundle(ENGINE, ENTRY).version}.js"
    return {"script": script, "model": f"{editor.kind}/model-{model_version(editor)}", "portrait": "portrait"}


@functools.lru_cache(maxsize=4)
def model_version(editor: Editor) -> str:
    """Return a name that changes with the weights of the generator."""
    digest = hashlib.sha256()
    for weights in editor.model.generator.state_dict().values():
        digest.update(weights.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def model_file(editor: Editor) -> bytes | None:
    """Return the file of the page's model, computed on first use; None if there is none."""
    files = portrait_files(editor)
    return None if files is None else bytes(files.packed_model)


def portrait_file(editor: Editor, portrait: Portrait) -> bytes:
    """Return the file of a portrait. Raises ConfigError if the server has to draw."""
    files = portrait_files(editor)
    if files is None:
        raise ConfigError("this checkpoint is drawn by the server; reload the page")
    return bytes(files.of(portrait))

"""One expression on many photos: a result for each as it is done, and a ZIP with a list of what became of them."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from rbvae.editing import PortraitEditor
from rbvae.editing.edits import Edit, Inference, Portrait
from rbvae.editing.warnings import drift_words
from rbvae.errors import ConfigError, RbvaeError, quoted
from rbvae.images.ai_metadata import AI_NOTE, encode
from rbvae.images.decoding import Photo

NEUTRAL = "neutral"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".heic")


@dataclass(frozen=True)
class Result:
    """What became of one photo: its `edit`, how far that drifted, or why there is none; `share` of all that is done."""

    name: str
    share: float
    edit: Edit | None = None
    drift: float = 0.0
    error: str = ""

    def entry(self, file: str = "") -> dict[str, Any]:
        """Its line in the manifest."""
        if self.edit is None or not isinstance(self.edit.inference, Portrait):
            return {"photo": self.name, "ok": False, "error": self.error}
        portrait = self.edit.inference
        return {
            "photo": self.name,
            "ok": True,
            "file": file,
            "box": [round(edge, 1) for edge in portrait.box],
            "warnings": list(portrait.warnings),
            "drift": round(self.drift, 3),
            "drift_in_words": drift_words(self.drift),
        }


def expression(editor: PortraitEditor, wanted: Any, portrait: Portrait, strength: float = 1.0) -> np.ndarray:
    """The e to give a portrait: "neutral", named sigmas such as {"smile": 2}, an Inference's, or e itself [D_e].

    `strength` goes from the portrait's own expression (0) to the wanted one (1) and beyond. Raises ConfigError.
    """
    if isinstance(wanted, Mapping):
        return editor.moved(portrait.e, {name: strength * sigmas for name, sigmas in wanted.items()})
    if isinstance(wanted, str) and wanted != NEUTRAL:
        raise ConfigError(
            f'expression={quoted(wanted)}; give "neutral", named changes such as {{"smile": 2}}, or a list e'
        )
    aim = editor.e_ref if isinstance(wanted, str) else wanted.e if isinstance(wanted, Inference) else wanted
    return editor.blended(portrait.e, aim, strength)


def edit_all(
    editor: PortraitEditor,
    photos: Iterable[tuple[str, Photo | Callable[[], Photo]]],
    wanted: Any = NEUTRAL,
    strength: float = 1.0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Result]:
    """The most prominent face of each named photo with one `expression`; what cannot be read or has no face is said.

    Instead of a photo there may be a function that gives it when its turn comes.

    Stops before the next photo once `cancelled()` is true. Raises ConfigError at once for an expression that cannot be.
    """
    named = list(photos)
    blank = np.zeros(editor.config.dim_e, np.float32)
    nobody = Portrait(np.zeros(editor.config.dim_z, np.float32), blank, editor.blank, lambda: editor.blank)
    expression(editor, wanted, nobody, strength)
    return _results(editor, named, wanted, strength, cancelled)


def _results(
    editor: PortraitEditor,
    named: list[tuple[str, Photo | Callable[[], Photo]]],
    wanted: Any,
    strength: float,
    cancelled: Callable[[], bool],
) -> Iterator[Result]:
    for number, (name, photo) in enumerate(named, start=1):
        if cancelled():
            return
        share = number / len(named)
        try:
            portrait = editor.infer(photo() if callable(photo) else photo)
            edit = editor.edit(portrait, expression(editor, wanted, portrait, strength))
            yield Result(name, share, edit, editor.drift(edit))
        except RbvaeError as error:
            yield Result(name, share, error=str(error))


def photos_in(folder: str | Path) -> list[tuple[str, Path]]:
    """The pictures in a folder and below, by name; raises ConfigError where there are none."""
    folder = Path(folder)
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise ConfigError(f"no pictures in {folder}; give a folder with JPEG, PNG or WebP files")
    return [(str(path.relative_to(folder)), path) for path in found]


def write_zip(
    results: Iterable[Result],
    target: str | Path | IO[bytes],
    keep_detail: bool = True,
    progress: Callable[[Result], None] | None = None,
) -> list[dict[str, Any]]:
    """The edited photos as JPEG, marked and without EXIF, and manifest.json; returns the manifest's entries.

    Written as the results come, one photo in memory at a time.
    """
    entries = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number, result in enumerate(results, start=1):
            file = f"{number:04d}-{_plain(result.name)}.jpg"
            if result.edit is not None:
                archive.writestr(file, encode(result.edit.photo if keep_detail else result.edit.replaced))
            entries.append(result.entry(file))
            if progress:
                progress(result)
        archive.writestr("manifest.json", json.dumps({"note": AI_NOTE, "photos": entries}, indent=2) + "\n")
    return entries


def _plain(name: str) -> str:
    """A file name that every system takes."""
    return re.sub(r"[^\w-]+", "_", Path(name.replace("\\", "/")).stem)[:60] or "photo"

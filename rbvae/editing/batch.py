"""One expression for many photos: results as they are ready, and a ZIP of the edits with a manifest."""

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
from rbvae.editing.editor import Latent
from rbvae.editing.edits import Edit, Inference, Portrait
from rbvae.editing.warnings import identity_shift_words
from rbvae.errors import ConfigError, RbvaeError, quoted, shown_path
from rbvae.images.ai_metadata import AI_NOTE, encode
from rbvae.images.decoding import Photo
from rbvae.images.folders import pictures_in

NEUTRAL = "neutral"


@dataclass(frozen=True)
class Result:
    """The result for one photo: `edit` and `identity_shift`, or `error`; `share` is the progress of the whole batch."""

    name: str
    share: float
    edit: Edit | None = None
    identity_shift: float = 0.0
    error: str = ""

    def entry(self, file: str = "") -> dict[str, Any]:
        """Return the photo's entry in the manifest."""
        if self.edit is None or not isinstance(self.edit.inference, Portrait):
            return {"photo": self.name, "ok": False, "error": self.error}
        portrait = self.edit.inference
        return {
            "photo": self.name,
            "ok": True,
            "file": file,
            "box": [round(edge, 1) for edge in portrait.box],
            "warnings": list(self.edit.warnings),
            "identity_shift": round(self.identity_shift, 3),
            "identity_shift_in_words": identity_shift_words(self.identity_shift),
        }


def expression(editor: PortraitEditor, wanted: Any, portrait: Portrait, strength: float = 1.0) -> Latent:
    """Return the e [D_e] that gives a portrait the `wanted` expression, or an Expression if it has a gesture.

    `wanted` is "neutral", changes by name such as {"smile": 2, "gaze right": 0.5}, an Inference, or e itself [D_e].
    `strength` 0 keeps the portrait's own expression and 1 gives the wanted one. Raises ConfigError if either is
    invalid.
    """
    if isinstance(wanted, Mapping):
        return editor.wanted(portrait, wanted, strength)
    if isinstance(wanted, str) and wanted != NEUTRAL:
        raise ConfigError(
            f'expression={quoted(wanted)}; give "neutral", named changes such as {{"smile": 2}}, or a list e'
        )
    if isinstance(wanted, Inference):
        return editor.transferred_e(portrait, wanted.e, strength)
    return editor.blended(portrait.e, editor.neutral_e(portrait) if isinstance(wanted, str) else wanted, strength)


def edit_all(
    editor: PortraitEditor,
    photos: Iterable[tuple[str, Photo | Callable[[], Photo]]],
    wanted: Any = NEUTRAL,
    strength: float = 1.0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Result]:
    """Edit the most prominent face of each photo to one `expression`; the Result of a photo that fails has an `error`.

    `photos` are pairs of a name and a photo, or a function that loads it when needed. Stops before the next photo once
    `cancelled()` is true. Raises ConfigError immediately if the expression is invalid.
    """
    named = list(photos)
    blank = np.zeros(editor.config.dim_e, np.float32)
    blank_portrait = Portrait(np.zeros(editor.config.dim_z, np.float32), blank, editor.blank, lambda: editor.blank)
    expression(editor, wanted, blank_portrait, strength)
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
            yield Result(name, share, edit, editor.identity_shift(edit))
        except RbvaeError as error:
            yield Result(name, share, error=str(error))


def photos_in(folder: str | Path) -> list[tuple[str, Path]]:
    """List the pictures in a folder and its subfolders, sorted by path; raises ConfigError if there are none."""
    return named_photos(Path(folder))[0]


def named_photos(folder: Path) -> tuple[list[tuple[str, Path]], str]:
    """List pictures as `photos_in` does; also returns a sentence on the files that are left out, or ""."""
    pictures = pictures_in(folder)
    if not pictures.paths:
        others = f" ({pictures.left_out()})" if pictures.others else ""
        raise ConfigError(f"no pictures in {shown_path(folder)}{others}; give a folder with JPEG, PNG or WebP files")
    return [(str(path.relative_to(folder)), path) for path in pictures.paths], pictures.left_out()


def write_zip(
    results: Iterable[Result],
    target: str | Path | IO[bytes],
    keep_detail: bool = True,
    progress: Callable[[Result], None] | None = None,
) -> list[dict[str, Any]]:
    """Write a ZIP of the edited photos, as JPEG marked as AI-edited and without EXIF, and manifest.json.

    Results are written as they arrive, so that only one photo is in memory. If writing is interrupted, the ZIP holds
    the photos that are ready, and its manifest says that it is not finished. Returns the entries of the manifest.
    """
    entries: list[dict[str, Any]] = []
    finished = False
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        try:
            for number, result in enumerate(results, start=1):
                file = f"{number:04d}-{_safe_name(result.name)}.jpg"
                if result.edit is not None:
                    archive.writestr(file, encode(result.edit.photo if keep_detail else result.edit.replaced))
                entries.append(result.entry(file))
                if progress:
                    progress(result)
            finished = True
        finally:
            about = {"note": AI_NOTE, "finished": finished, "photos": entries}
            archive.writestr("manifest.json", json.dumps(about, indent=2) + "\n")
    return entries


def _safe_name(name: str) -> str:
    """Return a file name that is valid on every system."""
    return re.sub(r"[^\w-]+", "_", Path(name.replace("\\", "/")).stem)[:60] or "photo"

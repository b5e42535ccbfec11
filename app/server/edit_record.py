"""The record of an edit: plain data from which the server and the browser make the same picture.

Undo steps, versions, links and presets hold such records. A record goes from the picture's own e towards an expression
(or a style), by the share `amount` of the way:

- `tile`: a named expression of `app.server.tiles`;
- `seed`: a random e, drawn for this picture;
- `e`: the e of another picture, transferred; `donor` is that picture's key, for its teeth;
- none of them: it stays at its own e.

Then `named` directions (in sigmas) are added, `gesture` moves eyes and head, and `parts` says where in the face the
start may change it. `teeth` is the key of a second photo of the same person, which shows their teeth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.server.state import numbers
from app.server.tiles import MOUTH_OPEN, tiles
from rbvae import ConfigError, Edit, Inference, Portrait, PortraitEditor
from rbvae.editing import Editor
from rbvae.editing.editor import NO_GESTURES, Latent
from rbvae.editing.gestures import STILL, Expression, Gesture
from rbvae.editing.parts import PARTS
from rbvae.errors import quoted

MOST = 1.5  # largest amount
MOST_NAMED = 20.0  # sigmas
FIELDS = ("tile", "amount", "seed", "e", "donor", "teeth", "named", "gesture", "parts", "mode", "label")


@dataclass(frozen=True)
class EditRecord:
    """One edit; see the module. `e` is float32 [D_e] or None."""

    tile: str = ""
    amount: float = 1.0
    seed: int | None = None
    e: np.ndarray | None = None
    donor: str = ""
    teeth: str = ""
    named: Mapping[str, float] = field(default_factory=dict)
    gesture: Gesture = STILL
    parts: tuple[str, ...] = PARTS

    @classmethod
    def of(cls, editor: Editor, given: Any) -> EditRecord:
        """Read a record from JSON. Raises ConfigError for unknown fields and values that the editor cannot draw."""
        if not isinstance(given, dict) or any(name not in FIELDS for name in given):
            raise ConfigError(f"edit={quoted(given)}; give an object with fields among {', '.join(FIELDS)}")
        starts = [name for name in ("tile", "seed", "e") if given.get(name) not in (None, "")]
        if len(starts) > 1:
            raise ConfigError(f"an edit starts from one thing, not from {' and '.join(starts)}; leave the others out")
        gesture = _gesture(given.get("gesture") or {})
        if not (gesture.still or editor.gestures):
            raise ConfigError(NO_GESTURES)
        e = given.get("e")
        return cls(
            tile=_tile(editor, given.get("tile") or ""),
            amount=float(numbers([given.get("amount", 1.0)], 1, "amount").clip(0, MOST)[0]),
            seed=_seed(given.get("seed")),
            e=None if e is None else numbers(e, editor.config.dim_e, "e", 100),
            donor=_text(given.get("donor"), "donor"),
            teeth=_text(given.get("teeth"), "teeth"),
            named=_named(editor, given.get("named") or {}),
            gesture=gesture,
            parts=_parts(given.get("parts") or PARTS),
        )

    def e_of(self, editor: Editor, inference: Inference) -> np.ndarray:
        """Return the e [D_e] that this edit gives a picture."""
        start = self.start_e(editor, inference)
        return editor.moved(start, self.named) if self.named else start

    def start_e(self, editor: Editor, inference: Inference) -> np.ndarray:
        """Return the e [D_e] that it starts from, before the named directions."""
        own = target = inference.e
        if self.tile:
            target = tiles(editor)[self.tile].e_of(editor, inference)
        elif self.seed is not None:
            target = editor.sample_e(1, self.seed, inference if isinstance(inference, Portrait) else None)[0]
        elif self.e is not None:
            target = editor.transferred_e(inference, self.e)
        return own if self.amount == 0 else target if self.amount == 1 else editor.blended(own, target, self.amount)

    def latent(self, editor: Editor, inference: Inference) -> Latent:
        """Return e with the gesture, if there is one. `parts` limit what the edit starts from, and no slider."""
        start = self.start_e(editor, inference)
        e = editor.moved(start, self.named) if self.named else start
        is_partly_limited = bool(self.named and editor.gestures and set(self.parts) != set(PARTS))
        gesture = self.whole_gesture(editor)
        if gesture.still and not is_partly_limited:
            return e
        return Expression(e, gesture, start if is_partly_limited else None)

    def whole_gesture(self, editor: Editor) -> Gesture:
        """Return the gesture together with how much wider a tile opens the eyes, if they may change."""
        if not self.tile or "eyes" not in self.parts:
            return self.gesture
        wide = tiles(editor)[self.tile].wide * min(1.0, self.amount)
        return replace(self.gesture, close_eyes=max(-1.0, self.gesture.close_eyes - wide)) if wide else self.gesture

    def drawn(self, editor: Editor, inference: Inference, teeth_from: Portrait | None = None) -> Edit:
        """Draw this edit of a picture; `teeth_from` is the photo that `teeth` or else `donor` names."""
        latent = self.latent(editor, inference)
        if not isinstance(editor, PortraitEditor):
            return editor.edit(inference, latent)
        return editor.edits(inference, [latent], self.parts, teeth_from, self.closing(editor))[0]

    def closing(self, editor: Editor) -> float | None:
        """Return how far the lips close, in [0, 1], or None where the editor decides.

        In a tile with closed lips they stay closed until a slider opens the mouth by a sigma.
        """
        if not self.tile:
            return None
        opened = max(0.0, *(self.named.get(name, 0.0) for name in MOUTH_OPEN))
        return tiles(editor)[self.tile].closed * min(1.0, self.amount) * max(0.0, 1.0 - opened)


def _tile(editor: Editor, name: Any) -> str:
    known = tiles(editor)
    if name and (not isinstance(name, str) or name not in known):
        raise ConfigError(f"tile={quoted(name)}; give one of {', '.join(known)}")
    return str(name)


def _seed(seed: Any) -> int | None:
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32):
        raise ConfigError(f"seed={quoted(seed)}; give a whole number from 0")
    return seed


def _text(value: Any, name: str) -> str:
    if value is not None and (not isinstance(value, str) or len(value) > 100):
        raise ConfigError(f"{name}={quoted(value)}; give the key of an opened picture")
    return value or ""


def _named(editor: Editor, named: Any) -> dict[str, float]:
    if not isinstance(named, dict):
        raise ConfigError(f"named={quoted(named)}; give an object of numbers by name")
    values = numbers(list(named.values()), len(named), "named").clip(-MOST_NAMED, MOST_NAMED).tolist()
    return {editor.direction(name).name: value for name, value in zip(named, values, strict=True)}


def _gesture(given: Any) -> Gesture:
    fields = {str(name).replace(" ", "_"): value for name, value in given.items()} if isinstance(given, dict) else None
    if fields is None or any(name not in Gesture.__dataclass_fields__ for name in fields):
        raise ConfigError(f"gesture={quoted(given)}; give an object of numbers by name")
    return Gesture(**fields)


def _parts(parts: Any) -> tuple[str, ...]:
    if not isinstance(parts, (list, tuple)) or any(part not in PARTS for part in parts):
        raise ConfigError(f"parts={quoted(parts)}; give one or more of {', '.join(PARTS)}")
    return tuple(parts)

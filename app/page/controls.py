"""The sliders of the Fine-tune mode, with plain names, in groups: directions of e and gestures of eyes and head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rbvae.editing import Editor
from rbvae.editing.gestures import RANGES


@dataclass(frozen=True)
class Control:
    """The words of a slider: the names it may have, its label, and what its ends are called."""

    names: Sequence[str]
    label: str
    less: str = ""
    more: str = ""


MOUTH, EYES, BROWS, HEAD = "Mouth", "Eyes", "Brows", "Head"
FACES = (
    (MOUTH, Control(("smile",), "Smile", "less", "more")),
    (MOUTH, Control(("mouth open", "jaw open"), "Mouth", "closed", "open")),
    (MOUTH, Control(("pucker",), "Lips", "wide", "pursed")),
    (MOUTH, Control(("upper lip",), "Upper lip", "down", "raised")),
    (EYES, Control(("close eyes",), "Eyelids", "wide open", "closed")),
    (EYES, Control(("squint",), "Squint", "less", "more")),
    (EYES, Control(("gaze right",), "Look sideways", "left", "right")),
    (EYES, Control(("gaze up",), "Look up or down", "down", "up")),
    (EYES, Control(("wink left",), "Wink, left in the picture")),
    (EYES, Control(("wink right",), "Wink, right in the picture")),
    (BROWS, Control(("brows up",), "Brows", "down", "up")),
    (BROWS, Control(("frown",), "Frown", "smooth", "frown")),
    (HEAD, Control(("turn right",), "Turn", "left", "right")),
    (HEAD, Control(("turn up",), "Nod", "down", "up")),
    (HEAD, Control(("tilt right",), "Tilt", "left", "right")),
)
REPLACED = {"blink": "close eyes"}  # directions that a gesture does better
DIGITS = {
    "scale": Control((), "Size", "small", "large"),
    "width": Control((), "Stroke", "thin", "thick"),
    "red": Control((), "Red", "less", "more"),
    "green": Control((), "Green", "less", "more"),
    "blue": Control((), "Blue", "less", "more"),
}
GROUPS = (MOUTH, EYES, BROWS, HEAD)


def controls(editor: Editor, directions: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the sliders that an editor can draw, as (group, sliders)."""
    known = {row["name"]: {**row, "index": index} for index, row in enumerate(directions)}
    if editor.kind == "digits":
        order = sorted(known, key=lambda name: list(DIGITS).index(name) if name in DIGITS else len(DIGITS))
        return [("Style", [_direction(known[name], DIGITS.get(name)) for name in order])]
    groups: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    used = {name for name, gesture in REPLACED.items() if gesture in editor.gestures}
    for group, control in FACES:
        name = next((name for name in control.names if name in known or name in editor.gestures), None)
        if name is None:
            continue
        used.add(name)
        groups[group].append(_direction(known[name], control) if name in known else _gesture(name, control))
    others = [_direction(row, None) for name, row in known.items() if name not in used]
    return [(group, sliders) for group, sliders in (*groups.items(), ("More", others)) if sliders]


def _direction(row: dict[str, Any], control: Control | None) -> dict[str, Any]:
    words = control or Control((), row["name"].capitalize())
    ends = {"low": row["low"], "high": row["high"], "index": row["index"]}
    return {"field": "named", "name": row["name"], **_words(words), **ends}


def _gesture(name: str, control: Control) -> dict[str, Any]:
    low, high = RANGES[name]
    return {"field": "gesture", "name": name, **_words(control), "low": low, "high": high}


def _words(control: Control) -> dict[str, str]:
    return {"label": control.label, "less": control.less, "more": control.more}

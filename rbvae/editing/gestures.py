"""Gestures: edits of eyes and head by name, which move the photo's own pixels and are no directions of e."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from rbvae.editing.edits import MeshEdit
from rbvae.errors import ConfigError, quoted
from rbvae.faces.gaze import gaze_move, lid_moves
from rbvae.faces.mesh import POINTS
from rbvae.faces.turning import Turn

LARGEST_TURN = 12.0  # degrees
RANGES = {  # of the values by name; those of turns are degrees
    "close eyes": (-1.0, 1.0),
    "wink left": (0.0, 1.0),
    "wink right": (0.0, 1.0),
    "gaze right": (-1.0, 1.0),
    "gaze up": (-1.0, 1.0),
    "turn right": (-LARGEST_TURN, LARGEST_TURN),
    "turn up": (-LARGEST_TURN, LARGEST_TURN),
    "tilt right": (-LARGEST_TURN, LARGEST_TURN),
}


@dataclass(frozen=True)
class Gesture:
    """What eyes and head do besides the expression e. Left and right are those of the picture; 0 changes nothing.

    `close_eyes` is 1 for closed eyes and -1 for wide ones; `wink_left` and `wink_right` close one eye. `gaze_right` and
    `gaze_up` in -1..1 move the irises as far as looks natural. `turn_right`, `turn_up` and `tilt_right` turn the head
    by degrees: where it faces, and where its top leans. By name, `gaze_right` is "gaze right", and so on. Raises
    ConfigError for a value outside RANGES.
    """

    close_eyes: float = 0.0
    wink_left: float = 0.0
    wink_right: float = 0.0
    gaze_right: float = 0.0
    gaze_up: float = 0.0
    turn_right: float = 0.0
    turn_up: float = 0.0
    tilt_right: float = 0.0

    def __post_init__(self) -> None:
        for (name, (low, high)), value in zip(RANGES.items(), self._given, strict=True):
            is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                unit = "degrees" if high == LARGEST_TURN else "a number"
                raise ConfigError(f"{name}={quoted(value)}; give {unit} from {low:g} to {high:g}")

    @property
    def _given(self) -> tuple[float, ...]:
        return tuple(getattr(self, one.name) for one in fields(self))

    @property
    def values(self) -> np.ndarray:
        """The values in the order of RANGES, float64 [8]."""
        return np.array(self._given, np.float64)

    @classmethod
    def of(cls, values: np.ndarray) -> Gesture:
        """Create a gesture from values [8] in the order of RANGES, limited to them."""
        return cls(*(float(np.clip(value, *ends)) for value, ends in zip(values, RANGES.values(), strict=True)))

    @property
    def still(self) -> bool:
        """Whether the gesture changes nothing."""
        return not self.values.any()

    @property
    def turns(self) -> bool:
        """Whether the gesture turns the head."""
        return bool(self.turn_right or self.turn_up or self.tilt_right)

    def scaled(self, strength: float) -> Gesture:
        """Return the gesture times `strength`, limited to RANGES."""
        return Gesture.of(strength * self.values)


STILL = Gesture()


@dataclass(frozen=True)
class Expression:
    """An expression e [D_e] with a gesture; editors take it wherever they take e.

    Where an edit is limited to parts of the face, `limited` [D_e] is the e up to which that holds, by default e: the
    way from there to e changes the whole face.
    """

    e: np.ndarray
    gesture: Gesture = STILL
    limited: np.ndarray | None = None


def split(named: Mapping[str, float]) -> tuple[dict[str, float], Gesture]:
    """Split named changes such as {"smile": 1, "gaze right": 0.5} into those of e, in sigmas, and a gesture.

    Raises ConfigError if a value of the gesture is out of range.
    """
    of_gesture = {name.replace(" ", "_"): value for name, value in named.items() if name in RANGES}
    return {name: value for name, value in named.items() if name not in RANGES}, Gesture(**of_gesture)


def limited(named: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """Limit the values of gestures by name to RANGES; returns them and a message on those that were limited, or ""."""
    kept = {name: min(max(value, RANGES[name][0]), RANGES[name][1]) for name, value in named.items()}
    notes = [f"{name} {value:g} became {kept[name]:g}" for name, value in named.items() if kept[name] != value]
    return kept, f"limited to what looks natural: {', '.join(notes)}" if notes else ""


def with_gesture(edit: MeshEdit, gesture: Gesture) -> MeshEdit:
    """Return an edit with a gesture on top of its change."""
    face = edit.inference.observed
    if gesture.still or face is None:
        return edit
    moves, gaze = edit.change.moves.copy(), np.zeros((2, 2))
    points = face.view.points.copy()
    points[:POINTS] += moves
    for eye, wink in enumerate((gesture.wink_left, gesture.wink_right)):
        gaze[eye] = gaze_move(points, eye, gesture.gaze_right, gesture.gaze_up)
        moves += lid_moves(points, eye, float(np.clip(gesture.close_eyes + wink, -1, 1)), gaze[eye])
    turn = None
    if gesture.turns:
        turn = Turn.of(points[:POINTS], face.pose, gesture.turn_right, gesture.turn_up, gesture.tilt_right)
    return replace(edit, change=replace(edit.change, moves=moves, gaze=gaze), turn=turn)

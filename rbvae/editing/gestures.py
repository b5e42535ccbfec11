"""Gestures: edits of eyes and head by name that are not directions of e, and expressions that have both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from rbvae.errors import ConfigError, quoted
from rbvae.editing.face_model import ObservedFace
from rbvae.faces.gaze import gaze_move, lid_moves
from rbvae.faces.rendering import Change
from dataclasses import replace

RANGES = {
    "close eyes": (-1.0, 1.0),
    "wink left": (0.0, 1.0),
    "wink right": (0.0, 1.0),
    "gaze right": (-1.0, 1.0),
    "gaze up": (-1.0, 1.0),
    "turn right": (-12.0, 12.0),
    "turn up": (-12.0, 12.0),
    "tilt right": (-12.0, 12.0),
}


@dataclass(frozen=True)
class Gesture:
    close_eyes: float = 0.0
    wink_left: float = 0.0
    wink_right: float = 0.0
    gaze_right: float = 0.0
    gaze_up: float = 0.0
    turn_right: float = 0.0
    turn_up: float = 0.0
    tilt_right: float = 0.0


def split(named):
    g = {k.replace(' ', '_'): v for k, v in named.items() if k in RANGES}
    return {k: v for k, v in named.items() if k not in RANGES}, Gesture(**g)


def with_eyes(change: Change, points: np.ndarray, gesture: Gesture) -> Change:
    """Return a change to which the gesture of the eyes is added, in a photo with landmarks [478, 3]."""
    moves, gaze = change.moves.copy(), np.zeros((2, 2))
    for eye, wink in enumerate((gesture.wink_left, gesture.wink_right)):
        gaze[eye] = gaze_move(points, eye, gesture.gaze_right, gesture.gaze_up)
        closed = float(np.clip(gesture.close_eyes + wink, -1, 1))
        moves += lid_moves(points, eye, closed, gaze[eye])
    return replace(change, moves=moves, gaze=gaze)

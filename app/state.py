"""What one visitor is editing, and how sliders and e translate into each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rbvae import ConfigError, Direction, Inference
from rbvae.editing import Editor

SLIDERS = 8  # directions shown, those that move the picture most
WIDEST = 4.0  # sigmas
STEP = 0.05
KEPT_FOR = 3600  # seconds a visitor's state outlives its last change


@dataclass(frozen=True)
class Session:
    """The opened picture, the e being shown, and `base`: that e as it would be with every slider at 0."""

    inference: Inference | None = None
    base: np.ndarray | None = None
    e: np.ndarray | None = None
    donor: Inference | None = None  # whose expression or style is copied

    def opened(self, inference: Inference) -> Session:
        """Another picture, unedited; the donor stays."""
        return replace(self, inference=inference, base=inference.e, e=inference.e)

    def picture(self) -> Inference:
        """The opened picture; raises ConfigError when there is none."""
        if self.inference is None:
            raise ConfigError("nothing to edit yet; choose a picture first")
        return self.inference


def shown_directions(editor: Editor) -> tuple[Direction, ...]:
    """The directions that get a slider."""
    return editor.directions[:SLIDERS]


def slider_range(direction: Direction) -> tuple[float, float]:
    """Where the data lies along a direction, in sigmas, at least -2..2 and rounded outwards to halves."""
    low = math.floor(min(direction.low, -2.0) * 2) / 2
    high = math.ceil(max(direction.high, 2.0) * 2) / 2
    return max(low, -WIDEST), min(high, WIDEST)


def slid(editor: Editor, session: Session, values: Sequence[float]) -> Session:
    """The session after its sliders were set to `values` sigmas."""
    session.picture()
    names = [direction.name for direction in shown_directions(editor)]
    return replace(session, e=editor.moved(session.base, dict(zip(names, values, strict=True))))


def loaded(editor: Editor, session: Session, e: np.ndarray) -> tuple[Session, list[float]]:
    """The session showing `e`, and the slider values that express it as a change of the picture's own e.

    What the sliders cannot express goes into `base`, so that they always add up to `e` exactly.
    """
    directions = shown_directions(editor)
    if not directions:
        return replace(session, base=e, e=e), []
    steps = np.stack([direction.sigma * direction.vector for direction in directions])  # [K, D_e]
    exact, *_ = np.linalg.lstsq(steps.T, e - session.picture().e, rcond=None)
    low, high = np.array([slider_range(direction) for direction in directions]).T
    values = (exact.clip(low, high) / STEP).round() * STEP
    base = (e - values @ steps).astype(np.float32)
    return replace(session, base=base, e=e), [round(float(value), 2) for value in values]

"""Smooth transitions."""

from __future__ import annotations

import numpy as np


def smoothstep(t: np.ndarray | float) -> np.ndarray:
    """Return 3 t^2 - 2 t^3, which rises smoothly from 0 to 1, for t in [0, 1]."""
    return np.asarray(t * t * (3 - 2 * t))


def ramp(value: np.ndarray | float, start: np.ndarray | float, end: np.ndarray | float) -> np.ndarray:
    """Return 0 up to `start`, 1 from `end` on, and linear values between; `end` may be the smaller one."""
    return np.clip((np.asarray(value, np.float32) - start) / (end - start), 0, 1)

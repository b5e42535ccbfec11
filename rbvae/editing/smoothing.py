"""Smoothing of measurements over time: the one-euro filter of Casiez, Roussel and Vogel (CHI 2012)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OneEuro:
    """Settings of the filter.

    `rest` is the cutoff in Hz while a value rests (the paper's f_cmin), `beta` how much it rises with the value's
    speed, in Hz for each unit a second, and `speed` the cutoff in Hz for that speed itself (the paper's f_cd).
    """

    rest: float
    beta: float
    speed: float = 1.0


def one_euro(values: np.ndarray, times: np.ndarray, settings: OneEuro) -> np.ndarray:
    """Smooth values [N, ...] measured at `times` [N], in seconds: little noise at rest, little lag in motion.

    Each number has its own cutoff. `times` increase, but not necessarily evenly.
    """
    smooth = np.array(values, np.float64)
    speed = np.zeros_like(smooth[0])
    for now in range(1, len(smooth)):
        interval = max(float(times[now] - times[now - 1]), 1e-6)
        change = (smooth[now] - smooth[now - 1]) / interval  # smooth[now] is still as measured
        speed += _weight(settings.speed, interval) * (change - speed)
        cutoff = settings.rest + settings.beta * np.abs(speed)
        smooth[now] = smooth[now - 1] + _weight(cutoff, interval) * (smooth[now] - smooth[now - 1])
    return smooth


def both_ways(values: np.ndarray, times: np.ndarray, settings: OneEuro) -> np.ndarray:
    """Smooth values [N, ...] forwards and backwards in time and average, which cancels the filter's lag."""
    back = one_euro(values[::-1], -times[::-1], settings)[::-1]
    return (one_euro(values, times, settings) + back) / 2


def _weight(cutoff: float | np.ndarray, interval: float) -> np.ndarray:
    """Return the weight of a new value in a low-pass filter with a cutoff in Hz, after an interval in seconds."""
    turns = 2 * np.pi * np.asarray(cutoff) * interval
    return turns / (turns + 1)

"""Claims about the one-euro filter: what rests gets calm, what moves is followed, at any frame rate."""

import numpy as np
import pytest

from rbvae.editing.smoothing import OneEuro, both_ways, one_euro

TIMES = np.arange(90) / 30
SETTINGS = OneEuro(rest=1.0, beta=1.0)


def noisy(values: np.ndarray, size: float = 0.05) -> np.ndarray:
    return values + np.random.default_rng(0).normal(0, size, values.shape)


@pytest.mark.parametrize("smooth", [one_euro, both_ways])
def test_noise_at_rest_falls_to_less_than_half(smooth):
    values = noisy(np.zeros((90, 3)))
    after = smooth(values, TIMES, SETTINGS)
    assert after[10:].std() < values[10:].std() / 2
    assert np.abs(np.diff(after, axis=0)).mean() < np.abs(np.diff(values, axis=0)).mean() / 5


def test_a_constant_stays_as_it_is_and_the_input_too():
    values = np.full((5, 2), 3.0)
    assert np.array_equal(both_ways(values, TIMES[:5], SETTINGS), values)
    moving = noisy(np.zeros((5, 2)))
    kept = moving.copy()
    one_euro(moving, TIMES[:5], SETTINGS)
    assert np.array_equal(moving, kept)


def test_a_step_arrives_and_both_ways_neither_late_nor_early():
    step = np.where(TIMES[:, None] < 1.5, 0.0, 0.2)
    late, even = one_euro(step, TIMES, SETTINGS)[:, 0], both_ways(step, TIMES, SETTINGS)[:, 0]
    assert abs(even[-1] - 0.2) < 0.01 and abs(even[0]) < 0.01
    assert np.interp(0.1, late, TIMES) > 1.5
    assert abs(np.interp(0.1, even, TIMES) - 1.48) < 0.02  # between the last frame before the step and the first after


def test_fast_motion_is_held_back_less_than_slow_motion():
    slow, fast = (noisy(np.sin(2 * np.pi * rate * TIMES)[:, None], 0.0) for rate in (1.0, 5.0))
    stiff, loose = OneEuro(1.0, 0.0), OneEuro(1.0, 2.0, 3.0)
    kept = [np.abs(one_euro(values, TIMES, loose)).max() for values in (slow, fast)]
    lost = [np.abs(one_euro(values, TIMES, stiff)).max() for values in (slow, fast)]
    assert lost[1] < 0.4 < 0.8 < kept[1] and kept[0] > lost[0]


def test_the_result_depends_on_time_not_on_the_number_of_frames():
    often, seldom = np.arange(120) / 60, np.arange(60) / 30
    dense, sparse = (one_euro(np.sin(3 * at)[:, None], at, SETTINGS)[:, 0] for at in (often, seldom))
    assert np.abs(np.interp(seldom, often, dense) - sparse)[5:].max() < 0.1
    mixed = np.sort(np.random.default_rng(1).choice(often, 60, replace=False))
    uneven = one_euro(np.sin(3 * mixed)[:, None], mixed, SETTINGS)[:, 0]
    assert np.abs(np.interp(mixed, often, dense) - uneven)[5:].max() < 0.1

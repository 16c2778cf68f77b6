"""Intervals hold what they promise where designs are exchangeable, and say when they cannot."""

from __future__ import annotations

import numpy as np
import pytest

from designlib.configs.tables import Transform
from designlib.intervals import LEVEL, calibrate, coverage, intervals
from designlib.types import InputError


def drawn(number: int, seed: int, *, log: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions whose errors are twice their spread, wide for some designs, narrow for others."""
    rng = np.random.default_rng(seed)
    mean, spread = rng.normal(size=number), rng.choice([0.1, 1.0], number)
    value = mean + 2 * spread * rng.standard_t(4, number)
    if log:
        return np.exp(mean), np.exp(mean) * spread, np.exp(value)
    return mean, spread, value


@pytest.mark.parametrize("transform", ["none", "log"])
def test_new_designs_lie_inside_as_often_as_stated(transform: Transform) -> None:
    held = []
    for seed in range(200):
        mean, spread, value = drawn(140, seed, log=transform == "log")
        known, new = slice(0, 40), slice(40, None)
        made = calibrate(mean[known], spread[known], value[known], transform)
        held.append(coverage(*intervals(made, mean[new], spread[new]), value[new]))
    # At least the level on average, and at most 1 / (n + 1) more; 4 standard errors of 200 means.
    error = 4 * np.std(held) / np.sqrt(len(held))
    assert LEVEL - error <= np.mean(held) <= LEVEL + 1 / 41 + error


def test_a_wider_spread_gives_a_wider_interval() -> None:
    mean, spread, value = drawn(500, 0, log=False)
    low, high = intervals(calibrate(mean, spread, value), np.zeros(2), np.array([0.1, 1.0]))
    assert (high - low)[1] > 1.5 * (high - low)[0]


def test_by_hand_without_spread() -> None:
    made = calibrate(np.zeros(9), np.zeros(9), np.arange(9.0), level=0.8)
    low, high = intervals(made, np.array([10.0]), np.zeros(1))
    assert (low[0], high[0]) == (3.0, 17.0)


def test_too_few_designs_give_no_interval() -> None:
    made = calibrate(np.zeros(8), np.ones(8), np.ones(8))
    assert np.isnan(intervals(made, np.zeros(3), np.ones(3))).all()
    assert coverage(*intervals(made, np.zeros(3), np.ones(3)), np.zeros(3)) is None
    assert np.isnan(intervals(calibrate(np.zeros(0), np.zeros(0), np.zeros(0)), np.zeros(1), np.ones(1))).all()


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="all finite"):
        calibrate(np.zeros(2), np.ones(2), np.array([1.0, np.nan]))
    with pytest.raises(InputError, match="between 0 and 1, not 90"):
        calibrate(np.zeros(2), np.ones(2), np.ones(2), level=90.0)

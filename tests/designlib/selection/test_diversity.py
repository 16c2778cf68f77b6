"""Greedy choices against brute force, and their size."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from designlib.randomness import numpy_generator
from designlib.selection.diversity import choose_determinantal, choose_representative


def near(places: np.ndarray):
    def similarity(rows: Sequence[int]) -> np.ndarray:
        return np.exp(-(np.abs(places[list(rows)][:, None] - places[None]) ** 2))

    return similarity


def log_det(rows: Sequence[int], quality: np.ndarray, places: np.ndarray) -> float:
    kernel = np.exp((quality[:, None] + quality[None]) / 2) * near(places)(range(len(places)))
    return float(np.linalg.slogdet(kernel[np.ix_(rows, rows)])[1])


@pytest.mark.parametrize("seed", range(5))
def test_each_determinantal_step_adds_most_volume(seed: int) -> None:
    generator = numpy_generator(seed, "places")
    places, quality = generator.normal(size=12) * 2, generator.normal(size=12)
    taken = choose_determinantal(quality, near(places), 5)
    for count in range(1, 6):
        before = taken[: count - 1]
        others = [row for row in range(12) if row not in before]
        best = max(others, key=lambda row: log_det([*before, row], quality, places))
        assert taken[count - 1] == best


@pytest.mark.parametrize("seed", range(5))
def test_each_representative_step_gains_most(seed: int) -> None:
    generator = numpy_generator(seed, "places")
    places, quality = generator.normal(size=15) * 2, generator.normal(size=15)
    taken = choose_representative(quality, near(places), 4)
    value, alike = np.exp(quality), near(places)(range(15)).astype(np.float32)

    def worth(rows: Sequence[int]) -> float:
        covered = (value / value.sum() * alike[:, list(rows)].max(1)).sum()
        return float(covered + value[list(rows)].sum() / value.max() / 4)

    for count in range(1, 5):
        before = taken[: count - 1]
        best = max(worth([*before, row]) for row in range(15) if row not in before)
        assert worth(taken[:count]) == pytest.approx(best, abs=1e-6)
    # Submodular and monotone: greedy is within 1 - 1/e of the best of all sets.
    best_of_all = max(worth(rows) for rows in combinations(range(15), 4))
    assert worth(taken) >= (1 - 1 / np.e) * best_of_all


@pytest.mark.parametrize("choose", [choose_determinantal, choose_representative])
def test_of_two_alike_only_one_is_taken_early(choose) -> None:
    places, quality = np.array([0.0, 0.0, 5.0]), np.array([1.0, 0.99, 0.9])
    assert sorted(choose(quality, near(places), 2)) == [0, 2]


@pytest.mark.parametrize("choose", [choose_determinantal, choose_representative])
def test_quotas_hold(choose) -> None:
    places, quality = np.arange(6.0) * 9, np.arange(6.0)[::-1].copy()
    quota = (["a", "a", "a", "b", "b", None], 1)
    assert sorted(choose(quality, near(places), 6, [quota])) == [0, 3, 5]


def test_designs_that_are_the_same_add_no_volume() -> None:
    assert len(choose_determinantal(np.zeros(4), near(np.zeros(4)), 3)) == 1


@pytest.mark.parametrize("choose", [choose_determinantal, choose_representative])
def test_a_hundred_thousand_designs_take_seconds(choose) -> None:
    generator = numpy_generator(0, "many")
    places, quality = generator.normal(size=100_000) * 50, generator.normal(size=100_000)
    began = time.process_time()
    taken = choose(quality, near(places), 96)
    assert len(set(taken)) == 96
    assert time.process_time() - began < 60

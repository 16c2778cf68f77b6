"""Expectations of more data hold what then comes out."""

from __future__ import annotations

import numpy as np
import pytest

from designlib.analysis.data_curve import fit_power_law, subset_sizes
from designlib.types import InputError


def measured(sizes: list[int], seed: int, exponent: float = 0.4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.1 + 3 * np.array(sizes) ** -exponent + 0.01 * rng.normal(size=len(sizes))


@pytest.mark.parametrize("exponent", [0.2, 0.4, 0.8])
def test_the_interval_from_half_of_the_data_holds_what_all_of_it_gives(exponent: float) -> None:
    sizes = [n for n in subset_sizes(2000) for _ in range(3)]
    held, gained = 0, 0
    for seed in range(100):
        law = fit_power_law(sizes, measured(sizes, seed, exponent))
        expected = law.error(4000)
        held += expected.low <= measured([4000], 1000 + seed, exponent)[0] <= expected.high
        gain = law.gain(2000, 2000)
        true = 3 * 2000**-exponent - 3 * 4000**-exponent
        gained += gain.low <= true <= gain.high
    assert held >= 84
    assert gained >= 75


def test_more_data_gain_more_and_never_lose() -> None:
    sizes = [n for n in subset_sizes(800) for _ in range(2)]
    law = fit_power_law(sizes, measured(sizes, 0))
    few, many = law.gain(800, 100), law.gain(800, 1000)
    assert 0 <= few.low <= few.middle <= few.high
    assert few.middle < many.middle
    assert law.weight.sum() == pytest.approx(1)


def test_errors_that_do_not_fall_promise_no_gain() -> None:
    sizes = [n for n in subset_sizes(800) for _ in range(2)]
    law = fit_power_law(sizes, np.tile([0.5, 0.51], 4))
    assert law.gain(800, 1000).high < 0.02


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(InputError, match="not 3 trainings of 3 sizes"):
        fit_power_law([1, 2, 3], np.ones(3))
    with pytest.raises(InputError, match="above 0"):
        fit_power_law([1, 2, 3, 3], np.zeros(4))

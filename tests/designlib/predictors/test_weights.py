"""What counts how much in training: noisy measurements less, the campaign's own rounds more."""

from __future__ import annotations

import numpy as np
import pytest

from designlib.predictors.training import noise_weights, repeated_rows


def test_noisy_measurements_count_less_and_the_mean_stays_one() -> None:
    error = np.array([0.1, 1.0, 1.0, 1.0, 10.0])
    weights = noise_weights(error)
    np.testing.assert_allclose(weights.mean(), 1)
    assert (np.diff(weights) <= 0).all()
    # However precise, a measurement counts at most twice the usual one.
    assert weights[0] < 2 * weights[1]
    np.testing.assert_allclose(weights[4] / weights[1], 2 / (1 + 100))


def test_unknown_errors_count_as_the_usual_one() -> None:
    weights = noise_weights(np.array([1.0, np.nan, 1.0, 3.0]))
    assert weights[1] == weights[0]
    assert noise_weights(np.full(3, np.nan)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_own_designs_make_up_their_share_and_all_others_stay(share: float) -> None:
    own = np.arange(1000) % 50 == 0
    rows = repeated_rows(own, share)
    counts = np.bincount(rows, minlength=1000)
    assert (counts[~own] == 1).all()
    assert len(set(counts[own])) == 1
    found = own[rows].mean()
    assert share <= found < share + 0.02


def test_nothing_is_repeated_where_it_is_not_needed() -> None:
    own = np.arange(10) < 5
    for flags, share in ((own, 0.3), (own, 0.0), (own & False, 0.5), (own | True, 0.5)):
        assert repeated_rows(flags, share).tolist() == list(range(10))

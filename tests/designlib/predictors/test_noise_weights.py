"""Weights by the errors of measurements."""

from __future__ import annotations

import numpy as np

from designlib.predictors.training import noise_weights


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

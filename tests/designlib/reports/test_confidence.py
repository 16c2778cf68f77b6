"""What a report says of intervals, applicability and the gain that validation models confirm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from designlib.reports.summary import confidence_lines, gain_confirmed, summarise_confidence
from designlib.selection.intervals import calibrate

TEST = pd.DataFrame({"fold": "test", "predicted_mean": np.zeros(10), "predicted_std": 1.0})
TEST = TEST.assign(validation_score=0.0, value=np.arange(10.0))
BATCH = pd.DataFrame({"predicted_mean": [4.0, 6.0], "validation_score": [3.0, 1.0]}).assign(
    interval_low=[0.0, 2.0],
    interval_high=[8.0, 10.0],
    applicability=[0.01, 0.5],
    true_value=[9.0, 3.0],
)


def test_figures_by_hand() -> None:
    made = calibrate(np.zeros(10), np.ones(10), np.arange(10.0), level=0.5)
    figures = summarise_confidence(BATCH, TEST, made, maximise=True)
    assert figures.coverage_of_test_designs == 0.6
    assert figures.coverage_of_true_values == 0.5
    assert figures.median_width == 8.0
    assert figures.extrapolated_share == 0.5
    assert figures.gain_confirmed == pytest.approx(0.4)
    told = {label: value for label, value, _ in confidence_lines(figures)}
    assert told["Coverage of 90% intervals"] == "60%"
    assert told["Coverage of 90% intervals, candidates"] == "50%"
    assert told["Predicted gain confirmed"] == "40%"


def test_without_enough_designs_or_an_oracle_nothing_is_claimed() -> None:
    made = calibrate(np.zeros(3), np.ones(3), np.arange(3.0))
    unknown = BATCH.assign(interval_low=np.nan, interval_high=np.nan, true_value=np.nan)
    figures = summarise_confidence(unknown, TEST, made, maximise=True)
    assert figures.coverage_of_test_designs is None
    assert figures.median_width is None
    assert figures.coverage_of_true_values is None
    assert "too few" in confidence_lines(figures)[0][2]


@pytest.mark.parametrize(("maximise", "share"), [(True, 0.4), (False, None)])
def test_a_gain_has_a_direction(maximise: bool, share: float | None) -> None:
    assert gain_confirmed(BATCH, TEST, maximise=maximise) == (share and pytest.approx(share))
    turned = BATCH.assign(predicted_mean=[-4.0, -6.0], validation_score=[-3.0, -1.0])
    assert gain_confirmed(turned, TEST, maximise=not maximise) == (share and pytest.approx(share))

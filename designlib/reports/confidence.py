"""Whether the intervals of a round hold what they promise, and whether its gain is confirmed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from designlib.reports.round_figures import ConfidenceFigures
from designlib.selection import LEVEL, Calibration, coverage, intervals

__all__ = ["EXTRAPOLATED", "confidence_lines", "gain_confirmed", "summarise_confidence"]

EXTRAPOLATED = 0.05
"""Applicability below which a prediction is called an extrapolation."""


def summarise_confidence(
    batch: pd.DataFrame, checked: pd.DataFrame, calibration: Calibration, *, maximise: bool
) -> ConfidenceFigures:
    """Return the figures of intervals, applicability and gain.

    ``checked`` are measured designs with predictions; those of its test fold check the intervals.
    """
    test = checked[checked["fold"] == "test"]
    ends = intervals(
        calibration, test["predicted_mean"].to_numpy(), test["predicted_std"].to_numpy()
    )
    low, high = (batch[n].to_numpy(dtype=np.float64) for n in ("interval_low", "interval_high"))
    covered = None
    if "true_value" in batch and batch["true_value"].notna().any():
        covered = coverage(low, high, batch["true_value"].to_numpy(dtype=np.float64))
    return ConfidenceFigures(
        level=LEVEL,
        calibrated_by=calibration.designs,
        coverage_of_test_designs=coverage(*ends, test["value"].to_numpy()),
        median_width=float(np.median(high - low)) if np.isfinite(low).all() else None,
        applicability_median=float(batch["applicability"].median()),
        extrapolated_share=float((batch["applicability"] < EXTRAPOLATED).mean()),
        gain_confirmed=gain_confirmed(batch, test, maximise=maximise),
        coverage_of_true_values=covered,
    )


def gain_confirmed(batch: pd.DataFrame, measured: pd.DataFrame, *, maximise: bool) -> float | None:
    """Return the share of the ensemble's predicted gain that the validation models predict too.

    A gain is the mean score of the batch less that of ``measured``, designs that neither ensemble
    nor validation models have learned from, each judged by itself. None without a predicted gain.

    >>> batch = pd.DataFrame({"predicted_mean": [4.0, 6.0], "validation_score": [3.0, 3.0]})
    >>> measured = pd.DataFrame({"predicted_mean": [1.0], "validation_score": [1.0]})
    >>> gain_confirmed(batch, measured, maximise=True)
    0.5
    """
    if measured.empty or batch["validation_score"].isna().any():
        return None
    sign = 1.0 if maximise else -1.0
    columns = ("predicted_mean", "validation_score")
    gains = [sign * float(batch[name].mean() - measured[name].mean()) for name in columns]
    return gains[1] / gains[0] if gains[0] > 0 else None


def confidence_lines(figures: ConfidenceFigures) -> list[tuple[str, str, str]]:
    """Return label, value and note of each line of a report about confidence."""
    level = f"{figures.level:.0%}"
    lines = []
    if figures.coverage_of_test_designs is None:
        note = f"{figures.calibrated_by} designs to calibrate by are too few"
        lines.append((f"Intervals of {level}", "none", note))
    else:
        note = (
            f"of the test designs; {figures.calibrated_by:,} other designs calibrated the "
            "intervals. Candidates are chosen for high predictions, so fewer of theirs may hold"
        )
        share = f"hold {figures.coverage_of_test_designs:.0%}"
        lines.append((f"Intervals of {level}", share, note))
    if (true := figures.coverage_of_true_values) is not None:
        lines.append((f"Intervals of {level}, candidates", f"hold {true:.0%}", "of true values"))
    lines.append(
        (
            "Applicability, median",
            f"{figures.applicability_median:.2f}",
            f"{figures.extrapolated_share:.0%} of the candidates are below {EXTRAPOLATED}: "
            "hardly any measured design is as unusual to the predictors, so read their predictions "
            "as extrapolations and order them to learn",
        )
    )
    if figures.gain_confirmed is not None:
        note = (
            "share of the predicted gain over test designs that the validation models predict too"
        )
        lines.append(("Predicted gain confirmed", f"{figures.gain_confirmed:.0%}", note))
    return lines

"""Predictions against what was then measured, and whether standard deviations match the errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from designlib.predictors import rank_correlation
from designlib.selection import coverage

__all__ = ["EXPECTED_WITHIN", "calibration_by_round"]

EXPECTED_WITHIN = {1: 0.683, 2: 0.954}
"""Share of a normal distribution within so many standard deviations."""


def calibration_by_round(candidates: pd.DataFrame) -> pd.DataFrame:
    """Return one row per round with at least one measured candidate.

    ``candidates`` has ``round``, ``predicted_mean``, ``predicted_std`` and ``measured_value``,
    the last one NaN where nothing is known. Columns of the result: round, designs, bias (measured
    less predicted, mean), rmse, rank_correlation (0 for fewer than three designs), within_1 and
    within_2 (share of the measured values within one and two standard deviations of the
    prediction), and std_factor: the root mean square of the errors in standard deviations, by which
    these would have to be multiplied to match; infinite where they are zero. Where candidates have
    intervals, in_interval is the share of the measured values inside them, NaN where none is known.
    """
    rows = []
    known = candidates[candidates["measured_value"].notna()]
    for number, batch in known.groupby("round"):
        predicted = batch["predicted_mean"].to_numpy(dtype=np.float64)
        measured = batch["measured_value"].to_numpy(dtype=np.float64)
        std = batch["predicted_std"].to_numpy(dtype=np.float64)
        error = measured - predicted
        with np.errstate(divide="ignore", invalid="ignore"):
            in_stds = np.where(error == 0, 0.0, np.abs(error) / std)
        correlation = rank_correlation(predicted, measured) if len(batch) > 2 else 0.0
        rows.append(
            {
                "round": number,
                "designs": len(batch),
                "bias": float(error.mean()),
                "rmse": float(np.sqrt((error**2).mean())),
                "rank_correlation": correlation,
                **{f"within_{k}": float((in_stds <= k).mean()) for k in EXPECTED_WITHIN},
                "std_factor": float(np.sqrt((in_stds**2).mean())),
                **_inside(batch, measured),
            }
        )
    return pd.DataFrame(rows)


def _inside(batch: pd.DataFrame, measured: np.ndarray) -> dict[str, float]:
    if "interval_low" not in batch:
        return {}
    low, high = (batch[n].to_numpy(dtype=np.float64) for n in ("interval_low", "interval_high"))
    share = coverage(low, high, measured)
    return {"in_interval": np.nan if share is None else share}

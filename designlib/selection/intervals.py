"""Prediction intervals with checked coverage: split conformal, scaled by standard deviations."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from designlib.config import Transform
from designlib.predictors import learning_errors, learning_scale
from designlib.selection.scoring import FIRST
from designlib.types import InputError

LEVEL = 0.9
"""Share of values that intervals are made to hold."""
_FROM_ROUNDS = 19
"""Measured candidates from which on they have a say in how wide intervals are."""

_Values = Float[np.ndarray, "designs"]


class Calibration(NamedTuple):
    """What turns predictions and standard deviations into intervals."""

    factor: float
    """Half the width of an interval, in scales; infinite where too few designs tell it."""
    floor: float
    """What is added to every standard deviation to make it a scale; 1 where all are 0, as those of
    a single predictor."""
    transform: Transform
    """The scale on which errors are compared: logarithms where these were learned."""
    designs: int
    """How many designs it is from."""


def calibrate(
    mean: _Values,
    std: _Values,
    value: _Values,
    transform: Transform = "none",
    level: float = LEVEL,
    floor: float | None = None,
) -> Calibration:
    r"""Return the calibration by designs with known values on which no predictor was trained.

    Scores are :math:`r_i = |y_i - \mu_i| / (\sigma_i + \sigma_0)` with the median standard
    deviation :math:`\sigma_0`, which keeps members that agree by chance from giving an interval of
    no width. The factor is the :math:`\lceil (n + 1) a \rceil`-th smallest of :math:`n`, so that
    the interval of another design of the same kind holds its value with a probability of at least
    the level :math:`a` (Vovk et al. 2005; Papadopoulos et al. 2008; Lei et al. 2018). Designs that
    are chosen for their predictions are not of the same kind: nothing is promised for them.
    ``floor`` is given where it is that of another calibration.

    Raises InputError for NaN, and for a level that is not between 0 and 1.

    >>> ones = np.ones(9)
    >>> calibrate(0 * ones, ones, np.arange(9.0)).factor
    4.0
    >>> calibrate(0 * ones[:8], ones[:8], np.arange(8.0)).factor
    inf
    """
    if not 0 < level < 1:
        raise InputError(f"the level of intervals is between 0 and 1, not {level}")
    if not all(np.isfinite(column).all() for column in (mean, std, value)):
        raise InputError("intervals need finite predictions, standard deviations and values")
    centre, width = _on_scale(mean, std, transform)
    if floor is None:
        floor = float(np.median(width)) if len(width) else 0.0
        floor = floor if floor > 0 else 1.0
    known = learning_scale(torch.tensor(value), transform).numpy()
    scores = np.sort(np.abs(known - centre) / (width + floor))
    rank = math.ceil((len(scores) + 1) * level)
    factor = float(scores[rank - 1]) if rank <= len(scores) else math.inf
    return Calibration(factor, floor, transform, len(scores))


def calibration_of(checked: pd.DataFrame, transform: Transform) -> Calibration:
    """Return what the errors of the ensemble on designs that it has not seen say of the next ones.

    ``checked`` are these designs with predictions. The validation split decides; once enough
    candidates of earlier rounds were measured, which are more like the next ones, the wider of
    theirs and its intervals counts. Errors are compared on the scale of the predictors, logarithms
    or not.
    """
    usual = _calibrated(checked[checked["fold"] == "validation"], transform)
    later = checked[checked["round"] > 0]
    if len(later) < _FROM_ROUNDS:
        return usual
    return max(usual, _calibrated(later, transform, usual.floor), key=lambda made: made.factor)


def _calibrated(
    known: pd.DataFrame, transform: Transform, floor: float | None = None
) -> Calibration:
    mean, std = known[FIRST.mean].to_numpy(), known[FIRST.std].to_numpy()
    return calibrate(mean, std, known["value"].to_numpy(), transform, floor=floor)


def intervals(calibration: Calibration, mean: _Values, std: _Values) -> tuple[_Values, _Values]:
    """Return the lower and the upper end for each design; NaN where nothing can be said."""
    if math.isinf(calibration.factor):
        unknown = np.full(len(mean), np.nan)
        return unknown, unknown.copy()
    centre, width = _on_scale(mean, std, calibration.transform)
    half = calibration.factor * (width + calibration.floor)
    low, high = centre - half, centre + half
    return (np.exp(low), np.exp(high)) if calibration.transform == "log" else (low, high)


def coverage(low: _Values, high: _Values, value: _Values) -> float | None:
    """Return the share of known values inside their intervals; None where none is known.

    >>> coverage(np.zeros(3), np.ones(3), np.array([0.5, 2.0, np.nan]))
    0.5
    """
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(value)
    if not known.any():
        return None
    return float(((low <= value) & (value <= high))[known].mean())


def _on_scale(mean: _Values, std: _Values, transform: Transform) -> tuple[_Values, _Values]:
    middle, deviation = torch.tensor(mean), torch.tensor(std)
    width = learning_errors(deviation, middle, transform)
    return learning_scale(middle, transform).numpy(), width.numpy()

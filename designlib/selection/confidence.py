"""How far the predictions of a batch can be trusted: intervals and applicability as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from designlib.config import Transform
from designlib.predictors import Trajectory
from designlib.randomness import numpy_generator
from designlib.selection.applicability import applicability, unusualness
from designlib.selection.intervals import Calibration, calibrate, intervals
from designlib.selection.scoring import FIRST
from designlib.spaces import DesignSpace
from designlib.types import Relaxed

__all__ = ["CHECKED", "calibration_of", "confidence_columns"]

CHECKED = ("test", "validation", "validation_model")
"""Folds that the members have not learned from."""
_LEARNED, _KNOWN = 1024, 512
"""Designs that stand for those that were learned from, and for those that were not."""
_OWN_ROUNDS = 19
"""Measured candidates from which on they have a say in how wide intervals are."""


def calibration_of(checked: pd.DataFrame, transform: Transform) -> Calibration:
    """Return what the errors of the ensemble on designs that it has not seen say of the next ones.

    ``checked`` are these designs with predictions. The validation split decides; once enough
    candidates of earlier rounds were measured, which are more like the next ones, the wider of
    theirs and its intervals counts. Errors are compared on the scale of the predictors, logarithms
    or not.
    """
    usual = _calibrated(checked[checked["fold"] == "validation"], transform)
    own = checked[checked["round"] > 0]
    if len(own) < _OWN_ROUNDS:
        return usual
    return max(usual, _calibrated(own, transform, usual.floor), key=lambda made: made.factor)


def confidence_columns(
    batch: pd.DataFrame,
    checked: pd.DataFrame,
    folds: pd.DataFrame,
    space: DesignSpace,
    ensemble: Sequence[Trajectory],
) -> dict[str, np.ndarray]:
    """Return the columns of the candidate table that say how far predictions can be trusted.

    Those of the first objective, by every checkpoint of its ensemble.
    """
    mean, std = batch[FIRST.mean].to_numpy(), batch[FIRST.std].to_numpy()
    low, high = intervals(calibration_of(checked, ensemble[0].spec.transform), mean, std)

    def relaxed(designs: pd.Series) -> Relaxed:
        return space.relax(space.encode(designs.tolist()))

    learned = _some(folds.loc[folds["fold"] == "predictor", "design"], _LEARNED)
    known = _some(checked.loc[checked["fold"] == "validation", "design"], _KNOWN)
    found, usual = unusualness(
        ensemble, relaxed(learned), [relaxed(batch["design"]), relaxed(known)]
    )
    return {
        "interval_low": low,
        "interval_high": high,
        "applicability": applicability(found, usual),
        "feature_distance": found.feature_distance,
        "family_energy": found.family_energy,
    }


def _calibrated(
    known: pd.DataFrame, transform: Transform, floor: float | None = None
) -> Calibration:
    mean, std = known[FIRST.mean].to_numpy(), known[FIRST.std].to_numpy()
    return calibrate(mean, std, known["value"].to_numpy(), transform, floor=floor)


def _some(designs: pd.Series, number: int) -> pd.Series:
    """Return so many of the designs, drawn without regard to their values; all if there are few."""
    if len(designs) <= number:
        return designs
    drawn = numpy_generator(0, "applicability").choice(len(designs), number, replace=False)
    return designs.iloc[np.sort(drawn)]

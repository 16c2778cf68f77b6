"""Filters that say of each design why it is out.

Frames carry predictions in the units of the measured value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.config import SelectionConfig
from designlib.selection.frames import refuse_nan, require
from designlib.selection.scoring import FIRST, ScoreColumns

__all__ = ["filter_designs", "rejection_counts", "std_limit"]

_Filter = tuple[str, np.ndarray, Callable[[pd.DataFrame], list[str]]]
"""Kind of reason, which rows it rejects, and the details of the rejected rows."""


def filter_designs(
    frame: pd.DataFrame,
    config: SelectionConfig,
    *,
    measured_scores: Float[np.ndarray, "measured"],
    maximise: bool,
    units: str = "letters",
    pending: Collection[str] = (),
    max_std: float | None = None,
    columns: ScoreColumns = FIRST,
) -> pd.DataFrame:
    """Return the frame with ``rejected_because``: why a design is out, empty when it stays.

    Reads ``distance_to_measured``, ``nearest_measured``, standard deviation and validation score
    in ``columns``, and every ``constraint_<name>`` column ("ok" or what is
    broken). ``measured_scores`` are the validation model's predictions for the measured
    designs that it was trained on; ``units`` are those of distances; ``pending`` the designs that
    were proposed before and not yet measured. ``max_std`` is the `std_limit` of all designs where
    the frame is a part of them. Several reasons are joined by "; ", and each reads
    "kind: detail", see `rejection_counts`.

    Raises InputError for a missing column or an unknown number.
    """
    numeric = ["distance_to_measured", columns.validation, columns.std]
    require(frame, [*numeric, "nearest_measured"])
    for column in numeric:
        refuse_nan(column, frame[column].to_numpy(dtype=np.float64))
    refuse_nan("measured_scores", measured_scores)
    if max_std is None:
        max_std = std_limit(frame[columns.std].to_numpy(), config)
    reasons = [""] * len(frame)
    for kind, broken, details in [
        *_constraint_filters(frame),
        *_distance_filters(frame, config, units),
        _pending_filter(frame, pending),
        _validation_filter(frame, config, columns.validation, measured_scores, maximise),
        _std_filter(frame, config, columns.std, max_std),
    ]:
        rows = np.flatnonzero(broken)
        for row, detail in zip(rows.tolist(), details(frame.iloc[rows]), strict=True):
            reasons[row] += f"{'; ' if reasons[row] else ''}{kind}: {detail}"
    return frame.assign(rejected_because=pd.array(reasons, dtype="str"))


def std_limit(stds: Float[np.ndarray, "designs"], config: SelectionConfig) -> float:
    """Return the largest standard deviation that a design may have; infinite when any may.

    Raises InputError for NaN.
    """
    refuse_nan("predicted_std", stds)
    # The largest value itself must pass when nothing is to be rejected.
    if config.max_std_quantile == 1 or len(stds) == 0:
        return float("inf")
    return float(np.quantile(stds, config.max_std_quantile))


def rejection_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Return how many designs each kind of reason rejected, most frequent first.

    A design with two reasons counts under both.

    >>> rejection_counts(pd.DataFrame({"rejected_because": ["", "a: 1", "a: 2; b: 3"]}))
    {'a': 2, 'b': 1}
    """
    require(frame, ["rejected_because"])
    kinds = [
        reason.split(": ", 1)[0]
        for text in frame["rejected_because"].tolist()
        if text
        for reason in text.split("; ")
    ]
    return dict(sorted(Counter(kinds).items(), key=lambda item: (-item[1], item[0])))


def _constraint_filters(frame: pd.DataFrame) -> list[_Filter]:
    """One filter per constraint column; separators inside a verdict would split the reason."""
    return [
        (
            f"constraint {column.removeprefix('constraint_')}",
            (frame[column] != "ok").to_numpy(),
            lambda rows, column=column: [
                str(said).replace(";", ",") for said in rows[column].tolist()
            ],
        )
        for column in frame.columns
        if column.startswith("constraint_")
    ]


def _distance_filters(frame: pd.DataFrame, config: SelectionConfig, units: str) -> list[_Filter]:
    distance = frame["distance_to_measured"].to_numpy()
    near, far = config.min_from_measured, config.max_from_measured
    filters: list[_Filter] = [
        (
            "too close to a measured design",
            distance < near,
            lambda rows: [f"{where}, at least {near} wanted" for where in _where(rows, units)],
        )
    ]
    if far is not None:
        filters.append(
            (
                "too far from measured designs",
                distance > far,
                lambda rows: [f"{where}, at most {far} wanted" for where in _where(rows, units)],
            )
        )
    return filters


def _pending_filter(frame: pd.DataFrame, pending: Collection[str]) -> _Filter:
    broken = (
        frame["design"].isin(set(pending)).to_numpy() if pending else np.zeros(len(frame), bool)
    )
    return (
        "waits for a measurement",
        broken,
        lambda rows: ["proposed in an earlier round"] * len(rows),
    )


def _validation_filter(
    frame: pd.DataFrame,
    config: SelectionConfig,
    column: str,
    measured_scores: Float[np.ndarray, "measured"],
    maximise: bool,
) -> _Filter:
    sign = 1.0 if maximise else -1.0
    limit = sign * float(np.quantile(sign * measured_scores, config.validation_quantile))
    wanted = (
        f"{'at least' if maximise else 'at most'} {limit:.4g} wanted "
        f"(quantile {config.validation_quantile:g} of measured designs)"
    )
    return (
        "validation model disagrees",
        sign * frame[column].to_numpy() < sign * limit,
        lambda rows: [f"it predicts {score:.4g}, {wanted}" for score in rows[column].tolist()],
    )


def _std_filter(frame: pd.DataFrame, config: SelectionConfig, column: str, limit: float) -> _Filter:
    wanted = f"at most {limit:.4g} wanted (quantile {config.max_std_quantile:g} of sampled designs)"
    return (
        "ensemble members disagree",
        frame[column].to_numpy() > limit,
        lambda rows: [
            f"their standard deviation is {std:.4g}, {wanted}" for std in rows[column].tolist()
        ],
    )


def _where(rows: pd.DataFrame, units: str) -> list[str]:
    one = re.sub(r"s\b", "", units, count=1)
    places = zip(
        rows["distance_to_measured"].tolist(), rows["nearest_measured"].tolist(), strict=True
    )
    return [f"{far} {one if far == 1 else units} from {nearest}" for far, nearest in places]

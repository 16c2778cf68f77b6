"""Filters that say of each design why it is out.

Frames carry predictions in the units of the measured value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.config import SelectionConfig
from designlib.selection.scoring import FIRST, ScoreColumns
from designlib.types import InputError

_Filter: TypeAlias = tuple[str, np.ndarray, Callable[[int], str]]
"""Kind of reason, which rows it rejects, and the detail of a rejected row."""


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
    for kind, broken, detail in chain(
        _filters(frame, config, units, pending),
        _prediction_filters(frame, config, columns, measured_scores, maximise, max_std),
    ):
        for row in np.flatnonzero(broken).tolist():
            reasons[row] += f"{'; ' if reasons[row] else ''}{kind}: {detail(row)}"
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


def _filters(
    frame: pd.DataFrame, config: SelectionConfig, units: str, pending: Collection[str]
) -> Iterator[_Filter]:
    """Yield one filter per constraint, those of distances, and that of pending designs."""
    for column in frame.columns:
        if column.startswith("constraint_"):
            verdicts = frame[column].to_numpy()
            # Separators inside a verdict would split the reason.
            yield (
                f"constraint {column.removeprefix('constraint_')}",
                verdicts != "ok",
                lambda row, verdicts=verdicts: str(verdicts[row]).replace(";", ","),
            )
    distance = frame["distance_to_measured"].to_numpy()
    nearest = frame["nearest_measured"].to_numpy()
    one = re.sub(r"s\b", "", units, count=1)

    def where(row: int) -> str:
        return f"{distance[row]} {one if distance[row] == 1 else units} from {nearest[row]}"

    near, far = config.min_from_measured, config.max_from_measured
    yield (
        "too close to a measured design",
        distance < near,
        lambda row: f"{where(row)}, at least {near} wanted",
    )
    if far is not None:
        yield (
            "too far from measured designs",
            distance > far,
            lambda row: f"{where(row)}, at most {far} wanted",
        )
    if pending:
        yield (
            "waits for a measurement",
            frame["design"].isin(set(pending)).to_numpy(),
            lambda _: "proposed in an earlier round",
        )


def _prediction_filters(
    frame: pd.DataFrame,
    config: SelectionConfig,
    columns: ScoreColumns,
    measured_scores: Float[np.ndarray, "measured"],
    maximise: bool,
    max_std: float,
) -> Iterator[_Filter]:
    """Yield the filters by validation score and by standard deviation."""
    validation, std = frame[columns.validation].to_numpy(), frame[columns.std].to_numpy()
    sign = 1.0 if maximise else -1.0
    limit = sign * float(np.quantile(sign * measured_scores, config.validation_quantile))
    yield (
        "validation model disagrees",
        sign * validation < sign * limit,
        lambda row: (
            f"it predicts {validation[row]:.4g}, "
            f"{'at least' if maximise else 'at most'} {limit:.4g} wanted "
            f"(quantile {config.validation_quantile:g} of measured designs)"
        ),
    )
    yield (
        "ensemble members disagree",
        std > max_std,
        lambda row: (
            f"their standard deviation is {std[row]:.4g}, at most {max_std:.4g} wanted "
            f"(quantile {config.max_std_quantile:g} of sampled designs)"
        ),
    )


def require(frame: pd.DataFrame, columns: list[str]) -> None:
    """Raise InputError where the frame lacks one of the columns."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(f"the frame of designs lacks the columns {', '.join(missing)}")


def refuse_nan(name: str, values: Float[np.ndarray, "rows"]) -> None:
    """Raise InputError naming the first row whose value is not a number."""
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise InputError(f"{name} is NaN in row {row + 1} of {len(values)}")

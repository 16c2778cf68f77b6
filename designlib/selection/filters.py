"""Which sampled designs are out, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.selection.config import SelectionConfig
from designlib.types import InputError

__all__ = ["filter_designs", "no_nan", "rejection_counts", "require"]


def filter_designs(
    frame: pd.DataFrame,
    config: SelectionConfig,
    *,
    measured_heldout: Float[np.ndarray, "measured"],
    maximise: bool,
    units: str = "letters",
    pending: Collection[str] = (),
) -> pd.DataFrame:
    """Return the frame with ``rejected_because``: why a design is out, empty when it stays.

    Reads ``distance_to_measured``, ``nearest_measured``, ``heldout_score``,
    ``predicted_spread`` and every ``constraint_<name>`` column ("ok" or what is
    broken). ``measured_heldout`` are the held-out scorer's values for the measured
    training designs; ``units`` are those of distances; ``pending`` the designs that were proposed
    before and not yet measured. Several reasons are joined by "; ", and each reads
    "kind: detail", see `rejection_counts`.

    Raises InputError for a missing column or an unknown number.
    """
    numeric = ["distance_to_measured", "heldout_score", "predicted_spread"]
    require(frame, [*numeric, "nearest_measured"])
    for column in numeric:
        no_nan(column, frame[column].to_numpy(dtype=np.float64))
    no_nan("measured_heldout", measured_heldout)
    reasons = [""] * len(frame)
    for kind, broken, detail in [
        *_constraint_filters(frame),
        *_distance_filters(frame, config, units),
        _pending_filter(frame, pending),
        _heldout_filter(frame, config, measured_heldout, maximise),
        _spread_filter(frame, config),
    ]:
        rows = np.flatnonzero(broken).tolist()
        for at, row in zip(rows, _records(frame.iloc[rows]), strict=True):
            reasons[at] += f"{'; ' if reasons[at] else ''}{kind}: {detail(row)}"
    return frame.assign(rejected_because=pd.array(reasons, dtype="str"))


def rejection_counts(frame: pd.DataFrame) -> dict[str, int]:
    """Return how many designs each kind of reason rejected, most frequent first.

    A design with two reasons counts under both.

    >>> rejection_counts(pd.DataFrame({"rejected_because": ["", "a: 1", "a: 2; b: 3"]}))
    {'a': 2, 'b': 1}
    """
    require(frame, ["rejected_because"])
    kinds = [
        reason.split(": ", 1)[0]
        for text in frame["rejected_because"]
        if text
        for reason in text.split("; ")
    ]
    return dict(sorted(Counter(kinds).items(), key=lambda item: (-item[1], item[0])))


def require(frame: pd.DataFrame, columns: list[str]) -> None:
    """Raise InputError unless the frame has these columns."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(f"the frame of designs lacks the columns {', '.join(missing)}")


def no_nan(name: str, values: Float[np.ndarray, "rows"]) -> None:
    """Raise InputError, naming the row, where a value is NaN."""
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise InputError(f"{name} is NaN in row {row + 1} of {len(values)}")


_Filter = tuple[str, np.ndarray, Callable[[dict[str, object]], str]]
"""Kind of reason, which rows it rejects, and the detail for one row."""


def _constraint_filters(frame: pd.DataFrame) -> list[_Filter]:
    """One filter per constraint column; separators inside a verdict would split the reason."""
    return [
        (
            f"constraint {column.removeprefix('constraint_')}",
            frame[column].to_numpy() != "ok",
            lambda row, column=column: str(row[column]).replace(";", ","),
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
            lambda row: f"{_where(row, units)}, at least {near} wanted",
        )
    ]
    if far is not None:
        said = "too far from measured designs"
        filters.append(
            (said, distance > far, lambda row: f"{_where(row, units)}, at most {far} wanted")
        )
    return filters


def _pending_filter(frame: pd.DataFrame, pending: Collection[str]) -> _Filter:
    broken = (
        frame["design"].isin(set(pending)).to_numpy() if pending else np.zeros(len(frame), bool)
    )
    return ("waits for a measurement", broken, lambda _: "proposed in an earlier round")


def _heldout_filter(
    frame: pd.DataFrame,
    config: SelectionConfig,
    measured_heldout: Float[np.ndarray, "measured"],
    maximise: bool,
) -> _Filter:
    sign = 1.0 if maximise else -1.0
    limit = sign * float(np.quantile(sign * measured_heldout, config.heldout_quantile))
    return (
        "held-out scorer disagrees",
        sign * frame["heldout_score"].to_numpy() < sign * limit,
        lambda row: (
            f"it predicts {row['heldout_score']:.4g}, {'at least' if maximise else 'at most'} "
            f"{limit:.4g} wanted (quantile {config.heldout_quantile:g} of measured designs)"
        ),
    )


def _spread_filter(frame: pd.DataFrame, config: SelectionConfig) -> _Filter:
    spread = frame["predicted_spread"].to_numpy()
    limit = float(np.quantile(spread, config.max_spread_quantile)) if len(spread) else 0.0
    return (
        "ensemble members disagree",
        # The largest value itself must pass when nothing is to be rejected.
        (spread > limit) & (config.max_spread_quantile < 1),
        lambda row: (
            f"their spread is {row['predicted_spread']:.4g}, at most {limit:.4g} wanted "
            f"(quantile {config.max_spread_quantile:g} of sampled designs)"
        ),
    )


def _where(row: dict[str, object], units: str) -> str:
    distance = row["distance_to_measured"]
    counted = re.sub(r"s\b", "", units, count=1) if distance == 1 else units
    return f"{distance} {counted} from {row['nearest_measured']}"


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict(orient="records")]

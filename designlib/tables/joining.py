"""A measured table and what was measured since, as one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from designlib.config import CANONICAL_COLUMNS
from designlib.tables.measured import MeasuredTable

ROUND_COLUMN = "measured_in_round"
"""Round after which a design was measured; 0 for the table that a campaign starts from."""


def join_results(table: MeasuredTable, results: pd.DataFrame) -> MeasuredTable:
    """Return the table with the results of later rounds, and a column that says which round.

    ``results`` has one row per design with ``design``, ``value``, ``spread``, ``replicates``,
    ``error`` and ``round``, and further value columns under the names that the table has. A design
    that is in both gets the mean over all its replicates; a new one is added, with the usual weight
    of a measurement of this table where it has weights.
    """
    frame = table.frame.assign(**{ROUND_COLUMN: 0.0}).set_index("design")
    new = results.set_index("design")
    again = new.index.intersection(frame.index)
    frame = frame.astype({"replicates": "int64"})
    if len(again):
        further = [name for name in new.columns if name not in {*CANONICAL_COLUMNS, "round"}]
        pooled = _pooled(frame.loc[again], new.loc[again], further)
        for column in pooled:
            frame.loc[again, column] = pooled[column]
    usual = float((frame["weight"] / frame["replicates"]).median())
    added = new.loc[new.index.difference(frame.index)]
    added = added.assign(weight=usual * added["replicates"], **{ROUND_COLUMN: added["round"]})
    joined = pd.concat([frame, added.reindex(columns=frame.columns)]).sort_index()
    joined = joined.astype({"replicates": "int64"}).rename_axis("design").reset_index()
    further = [name for name in joined.columns if name not in CANONICAL_COLUMNS]
    joined = joined[[*CANONICAL_COLUMNS, *further]].astype({"design": "str"})
    rows_read = table.rows_read + int(results["replicates"].sum())
    return replace(table, frame=joined, rows_read=rows_read)


def reveal_results(table: MeasuredTable, results: pd.DataFrame) -> MeasuredTable:
    """Return a table that is its own oracle, with a column that says which rows were revealed.

    The values stay, as the oracle's answers are these values.
    """
    revealed = results.set_index("design")["round"].reindex(table.frame["design"])
    column = revealed.fillna(0).to_numpy(dtype=np.float64)
    return replace(table, frame=table.frame.assign(**{ROUND_COLUMN: column}))


def _pooled(old: pd.DataFrame, new: pd.DataFrame, further: list[str]) -> pd.DataFrame:
    """Return value, spread, replicates, error, weight and round of both sets of replicates.

    And the means of further values, whose replicates are as many.
    """
    n, m = old["replicates"].astype(float), new["replicates"].astype(float)
    total = n + m
    apart = new["value"] - old["value"]
    squares = (
        (n - 1) * old["spread"].fillna(0) ** 2
        + (m - 1) * new["spread"].fillna(0) ** 2
        + n * m / total * apart**2
    )
    means = {
        name: (old[name] + m / total * (new[name] - old[name])).fillna(new[name]).fillna(old[name])
        for name in further
        if name in old
    }
    return pd.DataFrame(
        {
            **means,
            # Written from the old value, so that equal values average to exactly that value.
            "value": old["value"] + m / total * apart,
            "spread": np.sqrt(squares / (total - 1)),
            "replicates": total.astype("int64"),
            "error": np.hypot(n * old["error"], m * new["error"]) / total,
            "weight": old["weight"] * total / n,
            ROUND_COLUMN: new["round"].astype(float),
        }
    )

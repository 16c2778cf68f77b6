"""Replicates of one design to one row: means, spreads and errors over runs of equal designs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float64, Int64

from designlib.config import CANONICAL_COLUMNS
from designlib.tables.raw import compute


@dataclass(frozen=True)
class _Runs:
    """Runs of rows that belong to one design: where each begins and how long it is."""

    starts: Int64[np.ndarray, " designs"]
    counts: Int64[np.ndarray, " designs"]

    def sum(self, rows: Float64[np.ndarray, " rows"]) -> Float64[np.ndarray, " designs"]:
        return np.add.reduceat(rows, self.starts)

    def spread_out(self, runs: Float64[np.ndarray, " designs"]) -> Float64[np.ndarray, " rows"]:
        return np.repeat(runs, self.counts)

    def shares(self, weights: Float64[np.ndarray, " rows"]) -> Float64[np.ndarray, " rows"]:
        """Return the weights scaled to sum to one in each run, without overflow on the way."""
        scaled = weights / self.spread_out(np.maximum.reduceat(weights, self.starts))
        return scaled / self.spread_out(self.sum(scaled))

    def mean(
        self, rows: Float64[np.ndarray, " rows"], shares: Float64[np.ndarray, " rows"]
    ) -> Float64[np.ndarray, " designs"]:
        """Return the weighted mean of each run; of equal values it is exactly that value."""
        first = rows[self.starts]
        return first + self.sum(shares * (rows - self.spread_out(first)))

    def root_sum_square(
        self, rows: Float64[np.ndarray, " rows"]
    ) -> Float64[np.ndarray, " designs"]:
        """Return the root of each run's sum of squares of positive numbers, however small."""
        largest = np.maximum.reduceat(rows, self.starts)
        return largest * np.sqrt(self.sum(np.square(rows / self.spread_out(largest))))

    def spread(self, rows: Float64[np.ndarray, " rows"]) -> Float64[np.ndarray, " designs"]:
        """Return the sample standard deviation of each run, NaN for a run of one."""
        mean = self.mean(rows, self.shares(np.ones(len(rows))))
        squares = self.sum(np.square(rows - self.spread_out(mean)))
        freedom = np.where(self.counts > 1, self.counts - 1.0, np.nan)
        return np.sqrt(squares / freedom)


def aggregate(
    designs: pa.Array,
    values: dict[str, Float64[np.ndarray, " rows"]],
    error: Float64[np.ndarray, " rows"] | None,
    weight: Float64[np.ndarray, " rows"] | None,
) -> pd.DataFrame:
    """Return the frame of a measured table: one row per distinct design, sorted by design.

    The first of ``values`` is the objective. The result does not depend on the order of rows.
    """
    encoded = compute("dictionary_encode", designs)
    alphabetical = compute("array_sort_indices", encoded.dictionary)
    rank = np.empty(len(alphabetical), dtype=np.int64)
    rank[alphabetical.to_numpy()] = np.arange(len(rank))
    codes = rank[encoded.indices.to_numpy()]
    # Sorted by the numbers too, so that sums add up in one order whatever that of the rows was.
    numbers = [*values.values(), *(column for column in (error, weight) if column is not None)]
    order = np.lexsort((*reversed(numbers), codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    runs = _Runs(starts, np.diff(starts, append=len(codes)))

    objective, *further = (column[order] for column in values.values())
    plain = runs.shares(np.ones(len(codes)) if weight is None else weight[order])
    if weight is None and error is not None:
        # The ratio to the smallest error of the run is squared: 1 / e^2 itself can overflow.
        best = runs.spread_out(np.minimum.reduceat(error[order], starts))
        shares = runs.shares(np.square(best / error[order]))
    else:
        shares = plain
    absent = np.full(len(starts), np.nan)
    canonical = (
        encoded.dictionary.take(alphabetical).to_pandas(),
        runs.mean(objective, shares),
        runs.spread(objective),
        runs.counts,
        absent if error is None else runs.root_sum_square(shares * error[order]),
        absent if weight is None else runs.sum(weight[order]),
    )
    frame = pd.DataFrame(dict(zip(CANONICAL_COLUMNS, canonical, strict=True)))
    for name, column in zip(list(values)[1:], further, strict=True):
        frame[name] = runs.mean(column, plain)
    return frame.astype({"design": "str"})

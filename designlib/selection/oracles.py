"""Ground truth for simulated campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.config import TruthKind
from designlib.spaces import DesignSpace, nearest_measured
from designlib.types import Designs, InputError

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor


@dataclass(frozen=True)
class Oracle:
    """A measured table that answers for designs in place of a measurement."""

    values: pd.Series = field(repr=False)
    """Measured value, indexed by design."""
    space: DesignSpace
    """The designs."""
    kind: TruthKind = "table"
    """``table`` knows the designs of the table. ``nearest`` answers with the value of the nearest
    one, of equally near ones the first, where a table covers a space densely but not wholly.
    ``forest`` is a random forest on all of them, 100 trees of a third of the shares or one-hot
    letters, as Design-Bench judges superconductors (Trabucco et al., ICML 2022); it never predicts
    above the best measured value."""
    maximise: bool = True
    """Whether large values are the good ones."""

    def measure(self, designs: Sequence[str]) -> Float[np.ndarray, "designs"]:
        """Return the values that count as true; NaN where there is none."""
        if self.kind == "table":
            return self.values.reindex(list(designs)).to_numpy(dtype=np.float64, copy=True)
        encoded = self.space.encode(list(designs))
        if self.kind == "nearest":
            near = nearest_measured(self.space, encoded, self._table)
            return self.values.to_numpy(dtype=np.float64)[near.row]
        return self._forest.predict(self._features(encoded)).astype(np.float64)

    def percentiles(self, measured: Float[np.ndarray, "designs"]) -> Float[np.ndarray, "designs"]:
        """Return where true values stand among those of the table, in percent; 100 is the best.

        NaN stays NaN. Exact where the table holds every design of the space.
        """
        known = ~np.isnan(measured)
        percentiles = measured.copy()
        table = self.values.to_numpy(dtype=np.float64)
        percentiles[known] = true_percentile(table, measured[known], maximise=self.maximise)
        return percentiles

    @cached_property
    def _table(self) -> Designs:
        return self.space.encode(self.values.index.tolist())

    @cached_property
    def _forest(self) -> RandomForestRegressor:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(100, max_features=1 / 3, random_state=0)
        return forest.fit(self._features(self._table), self.values.to_numpy())

    def _features(self, designs: Designs) -> Float[np.ndarray, "designs features"]:
        return self.space.relax(designs).flatten(1).numpy()


def true_percentile(
    values: Float[np.ndarray, "table"], x: Float[np.ndarray, "designs"], *, maximise: bool = True
) -> Float[np.ndarray, "designs"]:
    """Return where each ``x`` stands in a complete table of true values, in percent; 100 is best.

    A value of the table gets its mid-rank, ``scipy.stats.rankdata(values) / n * 100``;
    a value that is not in the table gets the share of the table that it beats.
    With ``maximise=False`` small values are the good ones.

    Raises InputError for an empty table and for NaN.
    """
    if len(values) == 0:
        raise InputError("a percentile needs a table of at least one true value")
    if np.isnan(values).any() or np.isnan(x).any():
        raise InputError("a percentile needs true values that are all known; NaN was given")
    sign = 1.0 if maximise else -1.0
    table = np.sort(sign * values)
    below = np.searchsorted(table, sign * x, side="left")
    up_to = np.searchsorted(table, sign * x, side="right")
    rank = np.where(up_to > below, (below + up_to + 1) / 2, below)
    return rank / len(table) * 100

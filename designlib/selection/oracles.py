"""Ground truth for simulated campaigns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.config import TruthKind
from designlib.spaces import DesignSpace, nearest_measured
from designlib.types import Designs, InputError

__all__ = ["ForestOracle", "NearestOracle", "Oracle", "TableOracle", "oracle_of", "true_percentile"]


class Oracle(ABC):
    """A table of true values that answers for designs in place of a measurement."""

    values: pd.Series
    """Measured value, indexed by design."""
    maximise: bool

    @abstractmethod
    def measure(self, designs: Sequence[str]) -> Float[np.ndarray, "designs"]:
        """Return the values that count as true; NaN where there is none."""

    def percentiles(self, measured: Float[np.ndarray, "designs"]) -> Float[np.ndarray, "designs"]:
        """Return where true values stand among those of the table, in percent; 100 is the best.

        NaN stays NaN. Exact where the table holds every design of the space.
        """
        known = ~np.isnan(measured)
        percentiles = measured.copy()
        table = self.values.to_numpy(dtype=np.float64)
        percentiles[known] = true_percentile(table, measured[known], maximise=self.maximise)
        return percentiles


@dataclass(frozen=True)
class TableOracle(Oracle):
    """A measured table that answers for the designs it holds."""

    values: pd.Series = field(repr=False)
    maximise: bool = True

    def measure(self, designs: Sequence[str]) -> Float[np.ndarray, "designs"]:
        """Return the true values; NaN for designs that were never measured."""
        return self.values.reindex(list(designs)).to_numpy(dtype=np.float64, copy=True)


@dataclass(frozen=True)
class NearestOracle(Oracle):
    """A measured table that answers with the value of the nearest design that it holds.

    It stands in for a measurement where the table covers a space densely but not wholly; of equally
    near designs the first in the order of the table counts.
    """

    values: pd.Series = field(repr=False)
    space: DesignSpace
    maximise: bool = True

    @cached_property
    def _table(self) -> Designs:
        return self.space.encode(self.values.index.tolist())

    def measure(self, designs: Sequence[str]) -> Float[np.ndarray, "designs"]:
        """Return the value of the nearest measured design of each."""
        near = nearest_measured(self.space, self.space.encode(list(designs)), self._table)
        return self.values.to_numpy(dtype=np.float64)[near.row]


@dataclass(frozen=True)
class ForestOracle(Oracle):
    """A random forest trained on every measured design, as Design-Bench judges superconductors.

    It takes shares of components or one-hot letters, 100 trees of a third of the features, and is
    no measurement: it never predicts above the best measured value. Trabucco et al., ICML 2022.
    """

    values: pd.Series = field(repr=False)
    space: DesignSpace
    maximise: bool = True

    @cached_property
    def _forest(self):  # noqa: ANN202 - a type of scikit-learn, which is slow to import
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(100, max_features=1 / 3, random_state=0)
        return forest.fit(self._features(self.values.index.tolist()), self.values.to_numpy())

    def _features(self, designs: Sequence[str]) -> Float[np.ndarray, "designs features"]:
        return self.space.relax(self.space.encode(list(designs))).flatten(1).numpy()

    def measure(self, designs: Sequence[str]) -> Float[np.ndarray, "designs"]:
        """Return what the forest predicts."""
        return self._forest.predict(self._features(designs)).astype(np.float64)


def oracle_of(kind: TruthKind, values: pd.Series, space: DesignSpace, *, maximise: bool) -> Oracle:
    """Return the oracle of a kind for measured values that are indexed by design."""
    match kind:
        case "table":
            return TableOracle(values, maximise)
        case "nearest":
            return NearestOracle(values, space, maximise)
        case "forest":
            return ForestOracle(values, space, maximise)


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

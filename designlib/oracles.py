"""Ground truth for simulated campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float

from designlib.scoring import true_percentile

__all__ = ["TableOracle"]


@dataclass(frozen=True)
class TableOracle:
    """A measured table that answers for the designs it holds.

    Percentiles are exact where the table holds every design of the space.
    """

    values: pd.Series = field(repr=False)
    """Measured value, indexed by design."""
    maximise: bool = True

    def measure(self, designs: Sequence[str]) -> Float[np.ndarray, "designs"]:
        """Return the true values; NaN for designs that were never measured."""
        return self.values.reindex(list(designs)).to_numpy(dtype=np.float64, copy=True)

    def percentiles(self, designs: Sequence[str]) -> Float[np.ndarray, "designs"]:
        """Return the percentile of each design, 100 is the best; NaN where it is unknown."""
        found = self.measure(designs)
        known = ~np.isnan(found)
        table = self.values.to_numpy(dtype=np.float64)
        found[known] = true_percentile(table, found[known], maximise=self.maximise)
        return found

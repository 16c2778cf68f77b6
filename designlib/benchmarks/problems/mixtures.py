"""Measured mixtures: a table of compositions in steps, of which a part is seen and all is judged.

As in the campaigns `oer` and `blends`: the predictor sees a random share of the table, drawn by the
seed, and the whole table says what a proposal is worth: its own row, where every composition that
is allowed was measured, or else the nearest row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import TrainingConfig
from designlib.constraints import AtMostComponents, Constraint
from designlib.predictors import FACTOR, PointNetwork
from designlib.selection import Oracle
from designlib.spaces import SimplexSpace
from designlib.tables import random_rows
from designlib.types import InputError, Points, Scores

_WIDTH = 64
_TRAINING = TrainingConfig(members=1, steps=600, batch_size=48)


@dataclass(frozen=True, eq=False)
class MeasuredMixtures(ValuedProblem):
    """The design of a mixture with a good measured value.

    Attributes
    ----------
    values
        Measured value of each composition of the table, indexed by the composition as text.
    space
        The grid of compositions.
    truth
        What answers for a composition: its row, or the nearest one.
    maximise
        Whether large values are wanted.
    logarithm
        Whether values are learned and told as logarithms, which needs values above zero.
    most_components
        Largest number of components in a design; None for any.
    share
        Share of the table that the predictor sees.

    Raises
    ------
    InputError
        A share out of range, or a space without a grid.
    """

    name: str
    values: pd.Series = field(repr=False)
    space: SimplexSpace
    truth: Literal["table", "nearest"]
    maximise: bool = True
    logarithm: bool = False
    most_components: int | None = None
    share: float = 0.1
    training: TrainingConfig = field(default=_TRAINING, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.space.grid_steps is None:
            raise InputError(
                f"a share above 0 to 1 and compositions of a grid are needed, not {self.share:g} "
                f"and {self.space}"
            )

    @property
    def constraint(self) -> Constraint | None:
        """Few enough components, where that is asked for."""
        if self.most_components is None:
            return None
        return AtMostComponents(self.space, self.most_components)

    def network(self, seed: int) -> PointNetwork:
        """Return a new predictor."""
        return PointNetwork(self.space.columns, _WIDTH, FACTOR, seed)

    def training_data(self, seed: int) -> tuple[Points, Scores]:
        """Return the share of the table that the seed draws, values as `oracle` gives them."""
        designs = self.values.index.tolist()
        rows = random_rows(designs, self.share, seed)
        seen = self.space.encode(
            [design for design, kept in zip(designs, rows, strict=True) if kept]
        )
        return seen, self._scaled(self.values.to_numpy(dtype=np.float64)[rows])

    @cached_property
    def _oracle(self) -> Oracle:
        return Oracle(self.values, self.space, self.truth, self.maximise)

    def value(self, designs: Points) -> Scores:
        """Return measured values, larger is better: negative or logarithms where this is so.

        -inf for a composition that the table does not answer for.
        """
        known = self._scaled(self._oracle.measure(self.space.decode(designs)))
        return known.nan_to_num(nan=-torch.inf)

    def percentiles(self, designs: Points) -> Float[np.ndarray, "designs"]:
        """Return where designs stand in the whole table; 100 is the best."""
        return self._oracle.percentiles(self._oracle.measure(self.space.decode(designs)))

    @property
    def optimum(self) -> float:
        """The best value of the table, as `oracle` gives it."""
        return float(self._scaled(self.values.to_numpy(dtype=np.float64)).max())

    def success(self, designs: Points) -> torch.Tensor:
        """Return which designs are in the best hundredth of the table."""
        return torch.from_numpy(self.percentiles(designs) >= 99.0)

    def _scaled(self, values: Float[np.ndarray, "rows"]) -> Scores:
        scaled = torch.from_numpy(np.asarray(values, dtype=np.float64).copy())
        scaled = scaled.log() if self.logarithm else scaled
        return scaled if self.maximise else -scaled

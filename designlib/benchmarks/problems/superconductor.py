"""Superconductors: compositions with a high critical temperature, by Design-Bench's protocol.

Critical temperatures of Stanev et al., npj Computational Materials 4, 29 (2018), where 0 means that
none was reported. The predictor sees the worse 80 %, less a tenth that no predictor sees; a random
forest trained on everything is the oracle (Trabucco et al. 2022). It extrapolates nothing and knows
no chemistry, and a composition is not yet a material.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import TrainingConfig
from designlib.constraints import AtMostComponents
from designlib.notation import ELEMENTS, element_shares
from designlib.predictors import PointNetwork
from designlib.randomness import numpy_generator
from designlib.selection import true_percentile
from designlib.spaces import SimplexSpace
from designlib.tables import visible_rows
from designlib.types import InputError, Points, Scores

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

_DECIMALS = 6
_POOL_SEED = 2018
_WIDTH = 256
_FACTOR = 10.0
_TRAINING = TrainingConfig(members=1, steps=3000, batch_size=128, learning_rate=2e-3, emphasis=0.0)


def read_compositions(
    formulas: Sequence[str], temperatures: Float[np.ndarray, "rows"]
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return measured compositions, and why rows were refused, by their number from 1.

    A row of the frame is a composition: a column per element that occurs, in the order of atomic
    numbers, with its share of the atoms, and ``tc``, the critical temperature in kelvin, averaged
    over all formulas of the same composition to 1e-6. Rows without a reported temperature
    (0) are left out, and so are formulas that cannot be read, each with its reason.

    Raises InputError for a temperature that is negative or not a number, and where nothing is left.
    """
    refused, shares, kelvin = dict[int, str](), [], []
    for row, (formula, tc) in enumerate(zip(formulas, temperatures, strict=True), start=1):
        if not tc >= 0:
            raise InputError(f"row {row} ({formula}): a critical temperature of {tc:g} K")
        if tc == 0:
            refused[row] = "no critical temperature was reported"
            continue
        try:
            shares.append(element_shares(formula))
        except InputError as error:
            refused[row] = str(error)
            continue
        kelvin.append(float(tc))
    if not shares:
        raise InputError("no row has both a formula that can be read and a critical temperature")
    found = {element for row in shares for element in row}
    columns = [element for element in ELEMENTS if element in found]
    table = pd.DataFrame(shares, columns=columns).fillna(0.0)
    # The same composition written with other amounts must not be both learned and ranked.
    groups = table.round(_DECIMALS).assign(tc=kelvin).groupby(columns, as_index=False, sort=False)
    merged = groups["tc"].mean()
    rounded = merged[columns].to_numpy(dtype=np.float64)
    exact = pd.DataFrame(rounded / rounded.sum(1, keepdims=True), columns=columns)
    return exact.assign(tc=merged["tc"].to_numpy()), refused


@dataclass(frozen=True, eq=False)
class Superconductor(ValuedProblem):
    """The design of a composition with a high critical temperature.

    Attributes
    ----------
    table
        Compositions and ``tc`` in kelvin, as `read_compositions` returns them.
    share
        The worst share that the predictor may learn from.
    components
        Largest number of elements in a design.
    pool_share
        Share of all compositions, drawn once for all seeds, that the predictor never sees and
        that it has to rank. Design-Bench has no such pool; 0 leaves it out.
    trees
        Trees of the oracle.

    Raises
    ------
    InputError
        A share or number out of range.
    """

    table: pd.DataFrame = field(repr=False)
    share: float = 0.8
    components: int = 8
    pool_share: float = 0.1
    trees: int = 100
    training: TrainingConfig = field(default=_TRAINING, repr=False)

    name = "superconductor"

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and 0 <= self.pool_share < 1 and self.trees >= 1):
            raise InputError(
                "0 < share <= 1, 0 <= pool_share < 1 and trees >= 1 are needed, not "
                f"{self.share:g}, {self.pool_share:g} and {self.trees}"
            )
        # An impossible number of components is an error now, not in the middle of a run.
        _ = self.constraint

    @property
    def space(self) -> SimplexSpace:
        """Shares of all elements that occur."""
        return self.constraint.space

    @property
    def constraint(self) -> AtMostComponents:
        """Few enough elements."""
        elements = tuple(name for name in self.table.columns if name != "tc")
        return AtMostComponents(SimplexSpace(elements), self.components)

    def network(self, seed: int) -> PointNetwork:
        """Return a new predictor."""
        return PointNetwork(self.space.columns, _WIDTH, _FACTOR, seed)

    @cached_property
    def compositions(self) -> Points:
        """All measured compositions, float64."""
        shares = self.table[list(self.space.components)].to_numpy(dtype=np.float64)
        return torch.from_numpy(shares.copy())

    @cached_property
    def temperatures(self) -> Scores:
        """Their critical temperatures in kelvin, float64."""
        return torch.from_numpy(self.table["tc"].to_numpy(dtype=np.float64, copy=True))

    @cached_property
    def in_pool(self) -> Bool[Tensor, "rows"]:
        """Which compositions are never learned from, so that they can be ranked."""
        order = numpy_generator(_POOL_SEED, "pool").permutation(len(self.table))
        pool = torch.zeros(len(self.table), dtype=torch.bool)
        pool[torch.from_numpy(order[: round(self.pool_share * len(self.table))])] = True
        return pool

    @cached_property
    def visible(self) -> Bool[Tensor, "rows"]:
        """Which compositions the predictor may learn from: the worse share, less the pool."""
        worse = visible_rows(self.table["tc"], self.share, maximise=True)
        return torch.tensor(worse) & ~self.in_pool

    def training_data(self, seed: int) -> tuple[Points, Scores]:
        """Return compositions with temperatures in kelvin, the same for every seed."""
        del seed
        return self.compositions[self.visible], self.temperatures[self.visible]

    @cached_property
    def _forest(self) -> RandomForestRegressor:
        # It is slow to import.
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(self.trees, max_features=1 / 3, random_state=0)
        return forest.fit(self.compositions.numpy(), self.temperatures.numpy())

    def value(self, designs: Points) -> Scores:
        """Return the temperature in kelvin that a random forest trained on everything predicts."""
        return torch.from_numpy(self._forest.predict(designs.double().numpy()))

    @property
    def optimum(self) -> float:
        """The highest measured temperature, in kelvin, above which the oracle never predicts."""
        return float(self.temperatures.max())

    def percentiles(self, designs: Points) -> Float[np.ndarray, "designs"]:
        """Return where the oracle's values stand among all measured ones; 100 is above all."""
        return true_percentile(self.temperatures.numpy(), self.oracle(designs).numpy())

    def success(self, designs: Points) -> Bool[Tensor, "designs"]:
        """Return which designs are better, by the oracle, than all that was learned from."""
        return self.oracle(designs) > self.temperatures[self.visible].max()

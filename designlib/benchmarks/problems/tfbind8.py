"""TF Bind 8: how strongly SIX6 binds each DNA 8-mer, by the protocol of Design-Bench.

All 65,536 values are measured (Barrera et al., Science 351, 1450, 2016), so what is found is
judged exactly. The predictor sees the worse half only (Trabucco et al. 2022). Long runs of any
sampler end at the same designs: the task is a smoke test.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from designlib.benchmarks.problems.base import ValuedProblem
from designlib.config import TrainingConfig
from designlib.notation import DNA
from designlib.selection import true_percentile
from designlib.spaces import SequenceSpace
from designlib.tables import visible_rows
from designlib.types import InputError, Letters, Scores

_SPACE = SequenceSpace(DNA, 8)
_TRAINING = TrainingConfig(members=1, emphasis=0.0)
_DESIGNS = len(_SPACE.alphabet) ** _SPACE.length


@dataclass(frozen=True, eq=False)
class TfBind8(ValuedProblem):
    """The design of an 8-mer that binds as strongly as any.

    Attributes
    ----------
    values
        E-score of every 8-mer in alphabetical order, float64, larger is stronger;
        `from_table` makes it of a table.
    share
        The worst share of all 8-mers that the predictor may learn from. Equal values stay
        together, and so do the two strands of a molecule, whose values are equal.
    """

    values: Float[Tensor, "designs"] = field(repr=False)
    share: float = 0.5
    training: TrainingConfig = field(default=_TRAINING, repr=False)

    name = "tfbind8"
    space = _SPACE
    constraint = None

    def __post_init__(self) -> None:
        if len(self.values) != _DESIGNS or bool(self.values.isnan().any()):
            raise InputError(
                f"TF Bind 8 needs the values of all {_DESIGNS:,} 8-mers; "
                f"{int((~self.values.isnan()).sum()):,} are given"
            )
        if not 0 < self.share <= 1:
            raise InputError(f"the share to learn from is {self.share:g}; above 0 and at most 1")

    @classmethod
    def from_table(cls, values: pd.Series, share: float = 0.5) -> TfBind8:
        """Return the problem for a measured value per 8-mer, indexed by it, in any order.

        Raises InputError where an 8-mer is missing or has no value.
        """
        ordered = values.reindex(_SPACE.decode(_all_designs()))
        return cls(torch.from_numpy(ordered.to_numpy(dtype=np.float64, copy=True)), share)

    @property
    def visible(self) -> Bool[Tensor, "designs"]:
        """Which 8-mers, in alphabetical order, the predictor may learn from."""
        shown = visible_rows(pd.Series(self.values.numpy()), self.share, maximise=True)
        return torch.tensor(shown)

    @property
    def optimum(self) -> float:
        """The largest value of all."""
        return float(self.values.max())

    def training_data(self, seed: int) -> tuple[Letters, Scores]:
        """Return the worse share of the 8-mers with their values, the same for every seed."""
        del seed
        shown = self.visible
        return _all_designs()[shown], self.values[shown]

    def value(self, designs: Letters) -> Scores:
        """Return the measured values."""
        return self.values[(designs * _PLACES).sum(1)]

    def percentiles(self, designs: Letters) -> Float[np.ndarray, "designs"]:
        """Return where designs stand among all 65,536, exactly; 100 is the best."""
        return true_percentile(self.values.numpy(), self.oracle(designs).numpy())

    def success(self, designs: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs are better than all that the predictor could learn from."""
        return self.oracle(designs) > self.values[self.visible].max()


_PLACES = len(_SPACE.alphabet) ** torch.arange(_SPACE.length - 1, -1, -1)


def _all_designs() -> Letters:
    """Return every 8-mer in alphabetical order."""
    return torch.arange(_DESIGNS)[:, None] // _PLACES % len(_SPACE.alphabet)

r"""Several objectives as one score: weighted, within limits, specific, or along a Pareto front.

Predictors learn each objective o on its own, as a standardised score :math:`z_o`, of which more is
better; :math:`v_o = c_o + s_o z_o` is the value on the scale of learning, with a negative
:math:`s_o` where small values are wanted. The combinations, of which more is better as well:

=============  ================================================================================
weighted       :math:`\sum_o w_o z_o / \sum_o |w_o|`
limits         :math:`z_1 - \lambda \sum_o \max(0, d_o)` with :math:`d_o` by how many standard
               deviations :math:`v_o` misses what is asked
specificity    :math:`\pm (v_1 - \max_o v_o) / |s_1|`, on-target less the worst off-target; where
               small values are wanted, less the smallest one, with the other sign
front          :math:`-\max_o \lambda_o (z_o^* - z_o) - 0.05 \sum_o \lambda_o (z_o^* - z_o)` for
               several weights :math:`\lambda`, towards a point :math:`z^*` beyond the best
               measured values (augmented Chebyshev, Knowles 2006)
=============  ================================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias

from pydantic import ConfigDict, Field, model_validator

if TYPE_CHECKING:  # settings are read by commands and servers that need no PyTorch
    import numpy as np
    from jaxtyping import Float
    from torch import Tensor

    from designlib.types import Scores
from designlib.config.base import Config

__all__ = [
    "Further",
    "Goals",
    "LimitedGoals",
    "ObjectivesConfig",
    "ParetoGoals",
    "Scale",
    "Scored",
    "SpecificityGoals",
    "WeightedGoals",
]

_MOST = 4

_Column = Annotated[
    str,
    Field(
        min_length=1,
        title="Column",
        description="One of the value columns of the table after the first one.",
    ),
]
_Direction = Annotated[
    Literal["maximise", "minimise"],
    Field(title="Direction", description="Which values of this column are wanted."),
]
_Bound = Annotated[float | None, Field(ge=-1e30, le=1e30)]


class Further(NamedTuple):
    """An objective beside the first one."""

    column: str
    maximise: bool


class Scale(NamedTuple):
    """How a standardised score stands for values of one objective: centre + scale * score."""

    centre: float
    scale: float
    """Negative where small values are wanted."""
    to_learn: Callable[[float], float] = float
    """A value as the predictor learns it, such as its logarithm."""


class Scored(NamedTuple):
    """Standardised scores of designs by each objective, the first one first; more is better.

    Attributes
    ----------
    scores
        The scores.
    scales
        What they stand for.
    ideal
        The best standardised scores that were measured.
    walk
        Which of the scores that chains follow is meant, from 0 to less than ``Goals.walks``.
    """

    scores: Float[Tensor, "objectives designs"]
    scales: Sequence[Scale]
    ideal: Float[Tensor, "objectives"]
    walk: int = 0


class Goals(Config, ABC):
    """What is wanted of several objectives; the first is the table's first value column."""

    @property
    def walks(self) -> int:
        """Number of different scores that chains follow."""
        return 1

    @abstractmethod
    def further(self, maximise: bool) -> tuple[Further, ...]:
        """Return the objectives after the first, which is to be maximised or not."""

    @abstractmethod
    def combined(self, given: Scored) -> Scores:
        """Return one score per design, of which more is better."""

    def verdicts(self, values: Mapping[str, Float[np.ndarray, "designs"]]) -> list[str] | None:
        """Return "ok" or what is missed for each design; None where nothing is demanded."""
        del values
        return None

    @model_validator(mode="after")
    def _columns_differ(self) -> Goals:
        names = [further.column for further in self.further(True)]
        if not 1 <= len(names) < _MOST:
            raise ValueError(f"1 to {_MOST - 1} further objectives are possible, not {len(names)}")
        if len(set(names)) < len(names):
            raise ValueError(f"a column is named twice: {', '.join(names)}")
        return self


class FrontColumn(Config):
    """A further objective with a direction of its own."""

    column: _Column
    direction: _Direction = "maximise"

    @property
    def further(self) -> Further:
        """The column, and whether large values of it are wanted."""
        return Further(self.column, self.direction == "maximise")


class WeightedColumn(FrontColumn):
    """A further objective of a weighted sum."""

    weight: float = Field(
        default=1.0, gt=0, le=1000, title="Weight", description="Per standard deviation."
    )


class WeightedGoals(Goals):
    """A weighted sum of objectives, each in standard deviations of what was measured."""

    model_config = ConfigDict(title="Weighted sum")

    first_weight: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        title="Weight of the first",
        description="Weight of the first value column, per standard deviation.",
    )
    weighted: tuple[WeightedColumn, ...] = Field(
        title="Further objectives", description="The other value columns that count.", min_length=1
    )

    def further(self, maximise: bool) -> tuple[Further, ...]:  # noqa: ARG002 - their own
        """Return the other columns, each in its own direction."""
        return tuple(o.further for o in self.weighted)

    def combined(self, given: Scored) -> Scores:
        """Return the weighted mean of the standardised scores."""
        weights = given.scores.new_tensor([self.first_weight, *(o.weight for o in self.weighted)])
        return (weights[:, None] * given.scores).sum(0) / weights.sum()


class Limit(Config):
    """What is demanded of a further objective."""

    column: _Column
    at_least: _Bound = Field(
        default=None, title="At least", description="Smallest value allowed; empty: any."
    )
    at_most: _Bound = Field(
        default=None, title="At most", description="Largest value allowed; empty: any."
    )

    @model_validator(mode="after")
    def _asks_something(self) -> Limit:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"limit on {self.column}: give at_least or at_most, one of them")
        return self


class LimitedGoals(Goals):
    """The first objective, as long as the others are within limits."""

    model_config = ConfigDict(title="Within limits")

    limits: tuple[Limit, ...] = Field(
        title="Limits",
        description="At least or at most a value, in the units of its column.",
        min_length=1,
    )
    strictness: float = Field(
        default=3.0,
        gt=0,
        le=1000,
        title="Strictness",
        description="How many standard deviations of the first objective a limit counts that is "
        "missed by one of its own, while designs are drawn. Candidates have to meet it.",
    )

    def further(self, maximise: bool) -> tuple[Further, ...]:  # noqa: ARG002 - their own
        """Return the limited columns; large values are wanted of those with a lower limit."""
        return tuple(Further(limit.column, limit.at_least is not None) for limit in self.limits)

    def combined(self, given: Scored) -> Scores:
        """Return the first score less what the limits are missed by."""
        total = given.scores[0]
        missed = zip(self.limits, given.scores[1:], given.scales[1:], strict=True)
        for limit, score, scale in missed:
            asked = limit.at_least if limit.at_least is not None else limit.at_most
            assert asked is not None  # noqa: S101 - one of them is given
            bound = (scale.to_learn(asked) - scale.centre) / scale.scale
            total = total - self.strictness * (bound - score).clamp(min=0)
        return total

    def verdicts(self, values: Mapping[str, Float[np.ndarray, "designs"]]) -> list[str]:
        """Return which limit each design misses by its predicted values."""
        verdicts = ["ok"] * len(values[self.limits[0].column])
        for limit in self.limits:
            low, high = limit.at_least, limit.at_most
            for row, value in enumerate(values[limit.column].tolist()):
                if low is not None and value < low:
                    verdicts[row] = f"{limit.column} is {value:.4g}, at least {low:g} wanted"
                elif high is not None and value > high:
                    verdicts[row] = f"{limit.column} is {value:.4g}, at most {high:g} wanted"
        return verdicts


class SpecificityGoals(Goals):
    """The first objective less the worst of the off-targets, all of one unit."""

    model_config = ConfigDict(title="Specificity")

    off_targets: tuple[_Column, ...] = Field(
        title="Off-targets",
        description="Value columns of what should not respond, in the unit of the first one.",
        min_length=1,
    )

    def further(self, maximise: bool) -> tuple[Further, ...]:
        """Return the off-targets, of which the opposite is wanted."""
        return tuple(Further(column, not maximise) for column in self.off_targets)

    def combined(self, given: Scored) -> Scores:
        """Return on-target less the worst off-target, in standard deviations of the first."""
        scores = given.scores
        values = scores.new_tensor([[scale.centre] for scale in given.scales])
        values = values + scores.new_tensor([[scale.scale] for scale in given.scales]) * scores
        first = given.scales[0].scale
        sign = 1.0 if first > 0 else -1.0
        signed = sign * values
        return (signed[0] - signed[1:].amax(0)) / abs(first)


class ParetoGoals(Goals):
    """All trade-offs that nothing beats: the Pareto front of the objectives."""

    model_config = ConfigDict(title="Pareto front")

    front: tuple[FrontColumn, ...] = Field(
        title="Objectives of the front",
        description="The other value columns, beside the first one.",
        min_length=1,
    )
    directions: int = Field(
        default=5,
        ge=2,
        le=64,
        title="Directions",
        description="How many trade-offs are drawn towards; blocks of 128 chains take turns.",
    )

    @property
    def walks(self) -> int:
        """Number of trade-offs."""
        return len(self._weights())

    def further(self, maximise: bool) -> tuple[Further, ...]:  # noqa: ARG002 - their own
        """Return the other columns, each in its own direction."""
        return tuple(o.further for o in self.front)

    def combined(self, given: Scored) -> Scores:
        """Return the augmented Chebyshev score of one trade-off."""
        weights = given.scores.new_tensor(self._weights()[given.walk])[:, None]
        ideal = given.ideal.to(given.scores)[:, None]
        missing = weights * (ideal + _BEYOND - given.scores)
        return -missing.amax(0) - _AUGMENTED * missing.sum(0)

    def _weights(self) -> list[list[float]]:
        """Return weights evenly over the simplex, the middle of it first."""
        objectives = len(self.front) + 1
        parts = next(n for n in range(1, 65) if len(_simplex(objectives, n)) >= self.directions)
        room = 1 - objectives * _LEAST  # no objective is given up wholly
        shares = _simplex(objectives, parts)
        grid = [[_LEAST + room * share / parts for share in row] for row in shares]
        grid.sort(key=lambda row: fsum((weight - 1 / objectives) ** 2 for weight in row))
        return grid[: self.directions]


_BEYOND = 1.0
_AUGMENTED = 0.05
_LEAST = 0.05

ObjectivesConfig: TypeAlias = WeightedGoals | LimitedGoals | SpecificityGoals | ParetoGoals


def _simplex(objectives: int, parts: int) -> list[list[int]]:
    """Return all ways to share ``parts`` out."""
    if objectives == 1:
        return [[parts]]
    return [
        [first, *rest]
        for first in range(parts + 1)
        for rest in _simplex(objectives - 1, parts - first)
    ]

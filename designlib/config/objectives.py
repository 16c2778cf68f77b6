"""Settings of several objectives: weighted, within limits, specific, or along a Pareto front.

The scores that they stand for are computed by `designlib.sampling.objectives`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import fsum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import ConfigDict, Field, model_validator

if TYPE_CHECKING:  # settings are read by commands and servers that need no NumPy
    import numpy as np
    from jaxtyping import Float

from designlib.config.base import Config, Range, notice

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


class Objective(NamedTuple):
    """A value column and what is wanted of it; the first one has the empty name."""

    column: str
    maximise: bool


class ObjectiveSettings(Config, ABC):
    """What is wanted of several objectives; the first is the table's first value column."""

    @property
    def walks(self) -> int:
        """Number of different scores that chains follow."""
        return 1

    @abstractmethod
    def further(self, maximise: bool) -> tuple[Objective, ...]:
        """Return the objectives after the first, which is to be maximised or not."""

    def verdicts(self, values: Mapping[str, Float[np.ndarray, "designs"]]) -> list[str] | None:
        """Return "ok" or what is missed for each design; None where nothing is demanded."""
        del values
        return None

    @model_validator(mode="after")
    def _columns_differ(self) -> ObjectiveSettings:
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
    def further(self) -> Objective:
        """The column, and whether large values of it are wanted."""
        return Objective(self.column, self.direction == "maximise")


class WeightedColumn(FrontColumn):
    """A further objective of a weighted sum."""

    weight: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="Per standard deviation, beside 1 for the first value column.",
    )


class WeightedConfig(ObjectiveSettings):
    """A weighted sum of objectives, each in standard deviations of what was measured."""

    model_config = ConfigDict(title="Weighted sum")

    weighted: tuple[WeightedColumn, ...] = Field(
        title="Further objectives", description="The other value columns that count.", min_length=1
    )

    @model_validator(mode="before")
    @classmethod
    def _first_counts_one(cls, values: Any) -> Any:
        """Release 0.1 had a ``first_weight``; the weights are relative."""
        if not isinstance(values, Mapping) or "first_weight" not in values:
            return values
        notice("first_weight is now 1; the other weights are divided by it")
        now = dict(values)
        first = float(now.pop("first_weight"))
        now["weighted"] = [
            {**dict(one), "weight": float(dict(one).get("weight", 1)) / first}
            for one in now.get("weighted", ())
        ]
        return now

    def further(self, maximise: bool) -> tuple[Objective, ...]:
        """Return the other columns, each in its own direction."""
        del maximise
        return tuple(o.further for o in self.weighted)


class Limit(Range):
    """The smallest or largest value wanted of a further objective, in the unit of its column."""

    renamed: ClassVar[Mapping[str, str]] = {"at_least": "low", "at_most": "high"}

    column: _Column

    @property
    def bound(self) -> float:
        """The limit, whichever side it is on."""
        return next(bound for bound in (self.low, self.high) if bound is not None)

    @model_validator(mode="after")
    def _asks_something(self) -> Limit:
        if (self.low is None) == (self.high is None):
            raise ValueError(f"limit on {self.column}: give low or high, one of them")
        return self


class LimitsConfig(ObjectiveSettings):
    """The first objective, as long as the others are within limits."""

    model_config = ConfigDict(title="Within limits")
    retired: ClassVar[Mapping[str, str]] = {
        "strictness": "a standard deviation beyond a limit counts as three of the first objective"
    }

    limits: tuple[Limit, ...] = Field(
        description="The other value columns, each with its limit.", min_length=1
    )

    def further(self, maximise: bool) -> tuple[Objective, ...]:
        """Return the limited columns; large values are wanted of those with a lower limit."""
        del maximise
        return tuple(Objective(limit.column, limit.low is not None) for limit in self.limits)

    def verdicts(self, values: Mapping[str, Float[np.ndarray, "designs"]]) -> list[str]:
        """Return which limit each design misses by its predicted values."""
        verdicts = ["ok"] * len(values[self.limits[0].column])
        for limit in self.limits:
            low, high = limit.limits
            for row, value in enumerate(values[limit.column].tolist()):
                if value < low:
                    verdicts[row] = f"{limit.column} is {value:.4g}, at least {low:g} wanted"
                elif value > high:
                    verdicts[row] = f"{limit.column} is {value:.4g}, at most {high:g} wanted"
        return verdicts


class SpecificityConfig(ObjectiveSettings):
    """The first objective less the worst of the off-targets, all of one unit."""

    model_config = ConfigDict(title="Specificity")

    off_targets: tuple[_Column, ...] = Field(
        title="Off-targets",
        description="Value columns of what should not respond, in the unit of the first one.",
        min_length=1,
    )

    def further(self, maximise: bool) -> tuple[Objective, ...]:
        """Return the off-targets, of which the opposite is wanted."""
        return tuple(Objective(column, not maximise) for column in self.off_targets)


class ParetoConfig(ObjectiveSettings):
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
        description="How many trade-offs are drawn towards; blocks of 128 chains take turns.",
    )

    @property
    def walks(self) -> int:
        """Number of trade-offs."""
        return len(self.trade_offs())

    def further(self, maximise: bool) -> tuple[Objective, ...]:
        """Return the other columns, each in its own direction."""
        del maximise
        return tuple(o.further for o in self.front)

    def trade_offs(self) -> list[list[float]]:
        """Return the weights of each trade-off, evenly over the simplex, the middle of it first."""
        objectives = len(self.front) + 1
        parts = next(n for n in range(1, 65) if len(_simplex(objectives, n)) >= self.directions)
        room = 1 - objectives * _LEAST  # no objective is given up wholly
        shares = _simplex(objectives, parts)
        grid = [[_LEAST + room * share / parts for share in row] for row in shares]
        grid.sort(key=lambda row: fsum((weight - 1 / objectives) ** 2 for weight in row))
        return grid[: self.directions]


_LEAST = 0.05

ObjectivesConfig: TypeAlias = WeightedConfig | LimitsConfig | SpecificityConfig | ParetoConfig


def _simplex(objectives: int, parts: int) -> list[list[int]]:
    """Return all ways to share ``parts`` out."""
    if objectives == 1:
        return [[parts]]
    return [
        [first, *rest]
        for first in range(parts + 1)
        for rest in _simplex(objectives - 1, parts - first)
    ]

"""Continuous variables, each between two limits or free."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.spaces.base import named, require_columns, require_each
from designlib.types import InputError, Points


@dataclass(frozen=True)
class BoxSpace:
    """Vectors of real numbers inside a box, of which any side may be open.

    Raises InputError for no variable, limits of different number, or a lower limit that is not
    below its upper one.

    Examples
    --------
    >>> BoxSpace.cube(3, -1.0, 1.0).columns
    3
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    """Smallest and largest value of each variable, both included; ``-inf`` and
    ``inf`` leave a side open.
    """
    names: tuple[str, ...] = ()
    """What the variables are called; x1, x2, ... by default."""

    def __post_init__(self) -> None:
        if not self.lower or len(self.lower) != len(self.upper):
            raise InputError(
                f"a box needs as many lower as upper limits and at least one of each, not "
                f"{len(self.lower)} and {len(self.upper)}"
            )
        if self.names and len(self.names) != len(self.lower):
            raise InputError(f"{len(self.names)} names for {len(self.lower)} variables")
        for name, low, high in zip(self.labels, self.lower, self.upper, strict=True):
            if not low < high:
                raise InputError(
                    f"variable {name} has limits {low:g} and {high:g}; the first must be smaller"
                )

    @classmethod
    def cube(cls, variables: int, lower: float = -math.inf, upper: float = math.inf) -> BoxSpace:
        """Return a box with the same limits for every variable."""
        return cls((lower,) * variables, (upper,) * variables)

    @property
    def columns(self) -> int:
        """The number of variables."""
        return len(self.lower)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the variables are called."""
        return self.names or tuple(f"x{index + 1}" for index in range(len(self.lower)))

    def limits(self) -> tuple[Float[Tensor, "variables"], Float[Tensor, "variables"]]:
        """Return the lower and the upper limits in float64."""
        lower, upper = self.lower, self.upper
        return torch.tensor(lower, dtype=torch.float64), torch.tensor(upper, dtype=torch.float64)

    def check(self, designs: Points) -> None:
        """Raise InputError for another number of variables, NaN, or a value out of limits."""
        require_columns(designs, self.columns, "variables")
        lower, upper = (limit.to(designs) for limit in self.limits())
        require_each(
            (designs >= lower) & (designs <= upper) & designs.isfinite(),
            lambda row, column: (
                f"{self.labels[column]} = {float(designs[row, column]):g}; finite values from "
                f"{self.lower[column]:g} to {self.upper[column]:g} are accepted"
            ),
        )

    def decode(self, designs: Points) -> list[str]:
        """Return each design as ``name=value`` pairs."""
        return named(self.labels, designs, lambda value: f"{value:.6g}")

    def relax(self, designs: Points, dtype: torch.dtype = torch.float32) -> Points:
        """Return a copy of the designs in the given floating type."""
        return designs.to(dtype, copy=True)

    def random(self, n: int, generator: torch.Generator) -> Points:
        """Return ``n`` designs in float64: uniform, or standard normal where a side is open.

        A variable that is open on one side gets the absolute value of a standard normal
        number as its distance from the limit.
        """
        lower, upper = self.limits()
        shape = (n, self.columns)
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        normal = torch.randn(shape, generator=generator, dtype=torch.float64)
        closed = lower + uniform * (upper - lower)
        one_sided = torch.where(lower.isfinite(), lower + normal.abs(), upper - normal.abs())
        both_open = lower.isinf() & upper.isinf()
        some_open = lower.isinf() | upper.isinf()
        return torch.where(some_open, torch.where(both_open, normal, one_sided), closed)

"""Variables that take one of a few values each: steps of a number, or categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from designlib.spaces.base import require_columns, require_each
from designlib.types import DeviceTensors, InputError, Points, Relaxed


@dataclass(frozen=True)
class Levels:
    """The values that one variable can take, at least two.

    ``numbers`` are those of an ordered variable, in the order of the labels; a variable without
    them is categorical.
    """

    name: str
    labels: tuple[str, ...]
    numbers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise InputError(
                f"variable {self.name!r} needs at least two different levels, not "
                f"{', '.join(self.labels) or 'none'}"
            )
        if self.numbers and len(self.numbers) != len(self.labels):
            raise InputError(
                f"variable {self.name!r} has {len(self.numbers)} numbers for "
                f"{len(self.labels)} levels"
            )

    @property
    def width(self) -> int:
        """How many numbers stand for a level in a predictor's input."""
        return 1 if self.numbers else len(self.labels)

    def at(self, places: Sequence[float]) -> list[float] | list[str]:
        """Return the numbers of an ordered variable, or else the labels, at some places."""
        if self.numbers:
            return [self.numbers[int(place)] for place in places]
        return [self.labels[int(place)] for place in places]

    @cached_property
    def places(self) -> dict[str, float]:
        """Place of each label, as designs hold it."""
        return {label: float(place) for place, label in enumerate(self.labels)}


@dataclass(frozen=True)
class LevelSpace:
    """All combinations of the levels of some variables.

    A design holds the place of a level for each variable, from 0, as a float64 number. To a
    predictor an ordered variable is its number, and a categorical one is one-hot.

    >>> space = LevelSpace((Levels("T", ("20", "40", "60"), (20.0, 40.0, 60.0)),
    ...                     Levels("solvent", ("DMF", "THF"))))
    >>> designs = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
    >>> space.decode(designs), space.relax(designs).tolist()
    (['T=60, solvent=THF'], [[60.0, 0.0, 1.0]])
    """

    variables: tuple[Levels, ...]
    _tables: DeviceTensors = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.variables:
            raise InputError("a space of levels needs at least one variable")
        counts = torch.tensor([len(variable.labels) for variable in self.variables])
        rows = torch.block_diag(*(_rows(variable) for variable in self.variables))
        tables = DeviceTensors(counts, counts.cumsum(0) - counts, rows)
        object.__setattr__(self, "_tables", tables)

    @property
    def columns(self) -> int:
        """The number of variables."""
        return len(self.variables)

    @property
    def inputs(self) -> int:
        """How many numbers stand for a design in a predictor's input."""
        return sum(variable.width for variable in self.variables)

    def tables(
        self, device: torch.device
    ) -> tuple[Int[Tensor, "variables"], Int[Tensor, "variables"], Float[Tensor, "levels inputs"]]:
        """Return how many levels each variable has, where its first one is, and their inputs.

        The levels of all variables are numbered one after the other; the inputs of a level are 0
        outside those of its own variable, so that those of a design are the sum over its levels.
        """
        counts, first, rows = self._tables.on(device)
        return counts, first, rows

    def check(self, designs: Points) -> None:
        """Raise InputError for another number of variables or a place where no level is."""
        require_columns(designs, self.columns, "variables")
        counts, _, _ = self.tables(designs.device)
        require_each(
            (designs >= 0) & (designs < counts) & (designs == designs.round()),
            lambda row, column: (
                f"level {float(designs[row, column]):g} of {self.variables[column].name}; whole "
                f"numbers from 0 to {len(self.variables[column].labels) - 1} are accepted"
            ),
        )

    def decode(self, designs: Points) -> list[str]:
        """Return each design as ``name=level`` pairs."""
        return [
            ", ".join(
                f"{v.name}={v.labels[int(p)]}" for v, p in zip(self.variables, row, strict=True)
            )
            for row in designs.tolist()
        ]

    def relax(self, designs: Points, dtype: torch.dtype = torch.float32) -> Relaxed:
        """Return numbers of ordered variables, and one-hot rows of the others, side by side."""
        _, first, rows = self.tables(designs.device)
        return rows[designs.long() + first].sum(1).to(dtype)

    def random(self, n: int, generator: torch.Generator) -> Points:
        """Return ``n`` uniformly random designs."""
        counts, _, _ = self.tables(torch.device("cpu"))
        noise = torch.rand((n, self.columns), generator=generator, dtype=torch.float64)
        return (noise * counts).floor().clamp(max=counts - 1.0)


def _rows(variable: Levels) -> Float[Tensor, "levels width"]:
    if variable.numbers:
        return torch.tensor(variable.numbers, dtype=torch.float64)[:, None]
    return torch.eye(len(variable.labels), dtype=torch.float64)

"""Mixed designs: a composition, quantities that are set, and choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from designlib.notation import Choice, Quantity, as_text
from designlib.spaces.base import named
from designlib.spaces.boxes import BoxSpace
from designlib.spaces.levels import Levels, LevelSpace
from designlib.spaces.simplex import SimplexSpace
from designlib.types import InputError, Points, Relaxed


class Subspace(NamedTuple):
    """A space of some columns of a design."""

    space: SimplexSpace | BoxSpace | LevelSpace
    columns: slice
    """Columns of a tensor of designs."""
    inputs: slice
    """Columns of what a predictor takes."""


@dataclass(frozen=True)
class MixedSpace:
    """A composition, if any, with quantities and choices beside it.

    The columns of a design, in float64, are the shares of the components, the values of quantities
    without a step in their units, then the place of the level of each quantity with a step and of
    each choice.

    Raises InputError for no quantity and no choice, a name given twice, or a choice of fewer
    than two options.

    Examples
    --------
    >>> space = MixedSpace(SimplexSpace(("Fe", "Ni"), 10),
    ...     (Quantity(name="T", unit="K", low=300, high=400, step=50), ),
    ...     (Choice(name="gas", options=("Ar", "O2")), ))
    >>> designs = space.encode(["Fe=0.3, Ni=0.7, T=350, gas=O2"])
    >>> designs.tolist(), space.decode(designs)
    ([[0.3, 0.7, 1.0, 1.0]], ['Fe=0.3, Ni=0.7, T=350, gas=O2'])
    >>> space.relax(designs).shape
    torch.Size([1, 5])
    """

    composition: SimplexSpace | None
    quantities: tuple[Quantity, ...] = ()
    choices: tuple[Choice, ...] = ()

    def __post_init__(self) -> None:
        if not self.quantities and not self.choices:
            raise InputError("a mixed space needs at least one quantity or choice")
        names = [*self.components, *self.variable_names]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{name!r} is given twice among components and variables")
        _ = self.subspaces  # raises unless each choice has at least two different options

    @property
    def name(self) -> str:
        """What designs of this kind are called."""
        return "mixed"

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components; none without a composition."""
        return () if self.composition is None else self.composition.components

    @property
    def variable_names(self) -> tuple[str, ...]:
        """Names of the quantities, then of the choices."""
        return tuple(variable.name for variable in (*self.quantities, *self.choices))

    @cached_property
    def subspaces(self) -> tuple[Subspace, ...]:
        """The subspaces, in the order of the columns."""
        spaces: list[Any] = [] if self.composition is None else [self.composition]
        free = self._free
        if free:
            lower, upper = tuple(q.low for q in free), tuple(q.high for q in free)
            spaces.append(BoxSpace(lower, upper, tuple(q.name for q in free)))
        levels = [
            Levels(q.name, tuple(as_text(v) for v in q.levels), q.levels)
            for q in self.quantities
            if q.step is not None
        ]
        levels += [Levels(choice.name, choice.options) for choice in self.choices]
        if levels:
            spaces.append(LevelSpace(tuple(levels)))
        subspaces, column, place = [], 0, 0
        for space in spaces:
            width = space.inputs if isinstance(space, LevelSpace) else space.columns
            ends = column + space.columns, place + width
            subspaces.append(Subspace(space, slice(column, ends[0]), slice(place, ends[1])))
            column, place = ends
        return tuple(subspaces)

    @property
    def _free(self) -> list[Quantity]:
        return [quantity for quantity in self.quantities if quantity.step is None]

    @property
    def columns(self) -> int:
        """Components and variables together."""
        return len(self.components) + len(self.variable_names)

    def check(self, designs: Points) -> None:
        """Raise InputError unless the columns of every subspace are of it."""
        if designs.shape[1] != self.columns:
            raise InputError(
                f"the designs have {designs.shape[1]} columns; {self.columns} are needed"
            )
        for part in self.subspaces:
            part.space.check(designs[:, part.columns])

    def encode(self, designs: Sequence[str]) -> Points:
        """Return the columns of designs that are written as ``decode`` writes them.

        Raises InputError naming the first design that is not of this space.
        """
        shares: list[str] = []
        variables = torch.zeros(len(designs), len(self.variable_names), dtype=torch.float64)
        readers = self._readers()
        for row, design in enumerate(designs):
            pairs = [pair.strip().rpartition("=") for pair in design.split(",")]
            given = {name: text for name, _, text in pairs}
            missing = [name for name in readers if name not in given]
            if missing:
                raise InputError(f"design {row + 1} ({design!r}) says nothing of {missing[0]}")
            for column, (name, reader) in enumerate(readers.items()):
                try:
                    variables[row, column] = reader(given[name])
                except InputError as error:
                    raise InputError(f"design {row + 1} ({design!r}): {error}") from None
            shares.append(", ".join(f"{n}={t}" for n, t in given.items() if n not in readers))
        if self.composition is None:
            strange = next((share for share in shares if share), "")
            if strange:
                raise InputError(f"{strange!r} is no variable; known are {', '.join(readers)}")
            return variables
        return torch.cat([self.composition.encode(shares), variables], 1)

    def decode(self, designs: Points) -> list[str]:
        """Return each design as ``name=value`` pairs, components without a share left out."""
        texts = [self._written(part, designs[:, part.columns]) for part in self.subspaces]
        return [", ".join(row) for row in zip(*texts, strict=True)]

    def relax(self, designs: Points, dtype: torch.dtype = torch.float32) -> Relaxed:
        """Return shares, values in their units, and one-hot rows of choices, side by side."""
        return torch.cat([p.space.relax(designs[:, p.columns], dtype) for p in self.subspaces], 1)

    def random(self, n: int, generator: torch.Generator) -> Points:
        """Return ``n`` designs, uniform in each subspace."""
        return torch.cat([part.space.random(n, generator) for part in self.subspaces], 1)

    def on_grid(self, designs: Points) -> Points:
        """Return designs with shares in whole steps and values as they are written, float64."""
        return torch.cat(
            [self._rounded(part, designs[:, part.columns]) for part in self.subspaces], 1
        )

    def walked(self, composition: SimplexSpace | None) -> MixedSpace:
        """Return the space with another space of its composition, as chains may move in it."""
        return MixedSpace(composition, self.quantities, self.choices)

    def values(self, designs: Points) -> dict[str, list[float] | list[str]]:
        """Return the values of each quantity in its unit, and the options of each choice."""
        values: dict[str, list[float] | list[str]] = {}
        for part in self.subspaces:
            columns = designs[:, part.columns].T.tolist()
            if isinstance(part.space, BoxSpace):
                values |= dict(zip(part.space.labels, columns, strict=True))
            elif isinstance(part.space, LevelSpace):
                for levels, places in zip(part.space.variables, columns, strict=True):
                    values[levels.name] = levels.at(places)
        return {name: values[name] for name in self.variable_names}

    def _readers(self) -> dict[str, Callable[[str], float]]:
        """Return what reads the text of each variable, in column order."""
        readers = {quantity.name: partial(_read_value, quantity) for quantity in self._free}
        for part in self.subspaces:
            if isinstance(part.space, LevelSpace):
                readers |= {v.name: partial(_read_level, v) for v in part.space.variables}
        return readers

    def _written(self, part: Subspace, designs: Points) -> list[str]:
        if isinstance(part.space, BoxSpace):
            return named(part.space.labels, designs, as_text)
        return part.space.decode(designs)

    def _rounded(self, part: Subspace, designs: Points) -> Tensor:
        if isinstance(part.space, SimplexSpace) and part.space.grid_steps is not None:
            return part.space.on_grid(designs)
        if not isinstance(part.space, BoxSpace):
            return designs.double()
        rows = [
            [quantity.rounded(value) for quantity, value in zip(self._free, row, strict=True)]
            for row in designs.tolist()
        ]
        return torch.tensor(rows, dtype=torch.float64).view(len(rows), part.space.columns)


def _read_value(quantity: Quantity, text: str) -> float:
    value = _number(quantity.name, text)
    if not quantity.low <= value <= quantity.high:
        raise InputError(
            f"{quantity.name} = {text} is out of its limits, {quantity.low:g} to "
            f"{quantity.high:g} {quantity.unit}".rstrip()
        )
    return value


def _read_level(levels: Levels, text: str) -> float:
    label = as_text(_number(levels.name, text)) if levels.numbers else text
    if label not in levels.places:
        shown = ", ".join(levels.labels[:10]) + (", ..." if len(levels.labels) > 10 else "")
        raise InputError(f"{text!r} is no value of {levels.name}; accepted are {shown}")
    return levels.places[label]


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{name} = {text!r} is no number")
    return value

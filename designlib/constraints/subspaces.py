"""Constraints on one part of a design, and on the levels of variables."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.constraints.base import AllOf, Constraint, Inner, Rowwise
from designlib.constraints.bounds import members_of
from designlib.spaces import LevelSpace, MixedSpace
from designlib.types import Conflicts, DeviceTensors, InputError, Points


class OnPart(Inner):
    """A constraint on one part of a `MixedSpace`, whatever the other parts are.

    Parameters
    ----------
    space
        The space of whole designs.
    part
        Number of the part, in the order of the columns.
    constraint
        What the part has to satisfy.
    name
        What it is called; by default as the constraint itself.
    """

    def __init__(
        self, space: MixedSpace, part: int, constraint: Constraint, name: str | None = None
    ) -> None:
        self.space, self.part, self.inner = space, part, constraint
        self.name = name or constraint.name

    def _inner(self, designs: Points) -> Tensor:
        return designs[:, self.space.subspaces[self.part].columns]


class AllowedLevels(Rowwise):
    """Variables that take only some of their levels.

    Parameters
    ----------
    space
        The space of the designs.
    allowed
        For each variable, which of its levels are allowed.

    Raises
    ------
    InputError
        Another number of variables or levels, or a variable of which no level is allowed.
    """

    name = "levels"

    def __init__(self, space: LevelSpace, allowed: Sequence[Sequence[bool]]) -> None:
        if [len(own) for own in allowed] != [len(v.labels) for v in space.variables]:
            raise InputError("a yes or no is needed for every level of every variable")
        for variable, own in zip(space.variables, allowed, strict=True):
            if not any(own):
                raise InputError(f"no value of {variable.name} is left")
        self.space = space
        self.allowed = tuple(tuple(own) for own in allowed)
        _, first, _ = space.tables(torch.device("cpu"))
        table = torch.tensor([fine for own in allowed for fine in own])
        self._tensors = DeviceTensors(table, first)

    def conflicts(self, designs: Points) -> Conflicts:
        """Return how many variables have a level that is not allowed."""
        return (~self._fine(designs)).sum(1)

    def _fine(self, designs: Points) -> Bool[Tensor, "designs variables"]:
        table, first = self._tensors.on(designs.device)
        return table[designs.long() + first]

    def _sentence(self, row: list[float]) -> str:
        column = next(n for n, at in enumerate(row) if not self.allowed[n][int(at)])
        variable, own = self.space.variables[column], self.allowed[column]
        labels = [label for label, good in zip(variable.labels, own, strict=True) if good]
        shown = f"{labels[0]} to {labels[-1]}" if variable.numbers else ", ".join(labels)
        return f"{variable.name} = {variable.labels[int(row[column])]} (allowed {shown})"


def of_part(constraint: Constraint | None, space: MixedSpace, part: int) -> AllOf | None:
    """Return what a constraint says of one part alone; None where it says nothing.

    Constraints on whole designs are left out.
    """
    members = [
        member.inner
        for member in members_of(constraint)
        if isinstance(member, OnPart) and member.part == part
    ]
    return AllOf(space.subspaces[part].space, members) if members else None

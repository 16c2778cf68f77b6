"""Hard constraints: the protocol, and what all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.spaces import SequenceSpace, Space, widened
from designlib.types import Conflicts, Designs, DeviceTensors, InputError, Letters, Moves

_LOOKED_UP = 1 << 16
_BLOCK = 1 << 13
"""Designs that members see at once: some expand each letter to a window of one-hot rows."""


@runtime_checkable
class Constraint(Protocol):
    """A set of feasible designs of any space.

    A sampler rejects proposals outside the set; a `Masking` constraint also excludes moves from
    being proposed.

    Attributes
    ----------
    name
        What the constraint is called in messages and in the candidate table.
    """

    @property
    def name(self) -> str:
        """What the constraint is called."""
        ...

    def conflicts(self, designs: Designs, /) -> Conflicts:
        """Return how far each design is from feasible, in units of the constraint; 0 if it is."""
        ...

    def satisfied(self, designs: Designs, /) -> Bool[Tensor, "designs"]:
        """Return which designs are feasible."""
        ...

    def violations(self, designs: Designs, /) -> list[str]:
        """Return a sentence with positions (from 1) for each design, empty if it is feasible."""
        ...


@runtime_checkable
class Masking(Constraint, Protocol):
    """A constraint on sequences that knows which single changes stay feasible."""

    def allowed_moves(self, letters: Letters, /) -> Moves:
        """Return where changing one site to one letter gives a feasible design.

        Exact for feasible designs, so True for the present letter of a site; undefined for
        others. Called once per step, so it never waits for the device.
        """
        ...


class Rowwise(ABC):
    """What constraints share that count conflicts and describe one design at a time."""

    @abstractmethod
    def conflicts(self, designs: Designs, /) -> Conflicts:
        """Return how far each design is from feasible; 0 if it is."""

    @abstractmethod
    def _sentence(self, row: list[Any], /) -> str:
        """Return what is wrong with an infeasible design."""

    def satisfied(self, designs: Designs, /) -> Bool[Tensor, "designs"]:
        """Return which designs are feasible."""
        return self.conflicts(designs) == 0

    def violations(self, designs: Designs, /) -> list[str]:
        """Return a sentence for each infeasible design."""
        rows = zip(designs.tolist(), self.satisfied(designs).tolist(), strict=True)
        return ["" if fine else self._sentence(row) for row, fine in rows]


class Inner(ABC):
    """A constraint on something that is computed from each design, such as a part of it."""

    inner: Constraint

    @abstractmethod
    def _inner(self, designs: Designs, /) -> Designs:
        """Return what the inner constraint is on."""

    def conflicts(self, designs: Designs, /) -> Conflicts:
        """Return how far each design is from feasible; 0 if it is."""
        return self.inner.conflicts(self._inner(designs))

    def satisfied(self, designs: Designs, /) -> Bool[Tensor, "designs"]:
        """Return which designs are feasible."""
        return self.inner.satisfied(self._inner(designs))

    def violations(self, designs: Designs, /) -> list[str]:
        """Return the inner constraint's sentence for each design."""
        return self.inner.violations(self._inner(designs))


class AllOf:
    """All of several constraints at once.

    The mask is the AND of the members' masks, which is exact. In a space of at most 65,536
    sequences all masks are computed once and looked up, since steps are so short there that the
    masks would dominate them; that table includes members without a mask of their own.

    Parameters
    ----------
    space
        The space of the designs.
    members
        The constraints; none means that every design is feasible.
    """

    name = "constraints"

    def __init__(self, space: Space, members: Sequence[Constraint]) -> None:
        self.space = space
        self.members = tuple(
            part
            for member in members
            for part in (member.members if isinstance(member, AllOf) else (member,))
        )
        self._masking = tuple(member for member in self.members if isinstance(member, Masking))

    @property
    def is_masked(self) -> bool:
        """Whether ``allowed_moves`` decides on every single change."""
        return len(self._masking) == len(self.members) or self._is_looked_up

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves that all members with a mask allow."""
        n_letters = len(self._sequences.alphabet)
        if self.members and self._is_looked_up:
            masks, places = self._masks.on(letters.device)
            rows = masks.index_select(0, (letters * places).sum(1))
            return rows.view(*letters.shape, n_letters)
        if not self._masking:
            shape = (*letters.shape, n_letters)
            return torch.ones(shape, dtype=torch.bool, device=letters.device)
        moves = self._masking[0].allowed_moves(letters)
        for member in self._masking[1:]:
            moves = moves & member.allowed_moves(letters)
        return moves

    def conflicts(self, designs: Designs) -> Conflicts:
        """Return the sum of the members' conflicts."""
        total = torch.zeros(designs.shape[0], dtype=torch.int64, device=designs.device)
        for member in self.members:
            total = total + member.conflicts(designs)
        return total

    def satisfied(self, designs: Designs) -> Bool[Tensor, "designs"]:
        """Return which designs every member accepts, by blocks; letters may be bytes."""
        if designs.shape[0] > _BLOCK:
            return torch.cat([self.satisfied(part) for part in designs.split(_BLOCK)])
        fine = torch.ones(designs.shape[0], dtype=torch.bool, device=designs.device)
        designs = widened(designs)
        for member in self.members:
            fine = fine & member.satisfied(designs)
        return fine

    def violations(self, designs: Designs) -> list[str]:
        """Return the members' sentences, joined by semicolons."""
        columns = [member.violations(designs) for member in self.members]
        return [
            "; ".join(column[row] for column in columns if column[row])
            for row in range(designs.shape[0])
        ]

    @property
    def _sequences(self) -> SequenceSpace:
        if not isinstance(self.space, SequenceSpace):
            raise InputError("only constraints on sequences have moves between letters")
        return self.space

    @property
    def _is_looked_up(self) -> bool:
        return is_small(self.space, _LOOKED_UP)

    @cached_property
    def _masks(self) -> DeviceTensors:
        """Return the mask of every design, and what each site adds to its row."""
        n_letters, length = len(self._sequences.alphabet), self._sequences.length
        places = n_letters ** torch.arange(length)
        index = torch.arange(n_letters)
        designs = every_design(self._sequences)
        feasible = self.satisfied(designs)
        changes = (index - designs.unsqueeze(2)) * places[:, None]
        after = torch.arange(len(designs))[:, None, None] + changes
        return DeviceTensors(feasible[after].flatten(1), places)


def is_small(space: Space, most: int = 1 << 16) -> bool:
    """Return whether there are so few sequences that each can be evaluated."""
    return isinstance(space, SequenceSpace) and len(space.alphabet) ** space.length <= most


def every_design(space: SequenceSpace) -> Letters:
    """Return all sequences of a space, the first site changing fastest."""
    n_letters, length = len(space.alphabet), space.length
    places = n_letters ** torch.arange(length)
    return torch.arange(n_letters**length)[:, None] // places % n_letters

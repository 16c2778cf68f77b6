"""What a hard constraint is, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from designlib.spaces import SequenceSpace
from designlib.types import Letters, Moves

__all__ = ["Constraint", "DeviceTensors", "Product"]

_LOOKED_UP = 1 << 16


@runtime_checkable
class Constraint(Protocol):
    """A set of feasible designs, known to a sampler through the moves that stay inside it.

    Attributes
    ----------
    name
        What the constraint is called in messages and in the candidate table.
    """

    @property
    def name(self) -> str:
        """What the constraint is called."""
        ...

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return where changing one site to one letter gives a feasible design.

        Exact for designs that satisfy the constraint, so True for the letter that a
        site already has; for other designs the mask means nothing. Called once per
        step, so it never waits for the device.
        """
        ...

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return how far each design is from feasible, in units of the constraint; 0 if it is."""
        ...

    def satisfied(self, letters: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs are feasible."""
        ...

    def violations(self, letters: Letters) -> list[str]:
        """Return a sentence with positions (from 1) for each design, empty if it is feasible."""
        ...


class DeviceTensors:
    """Constant tensors of a constraint, copied once to each device that asks for them."""

    def __init__(self, *tensors: Tensor) -> None:
        self._held: dict[torch.device, tuple[Tensor, ...]] = {torch.device("cpu"): tensors}

    def on(self, device: torch.device) -> tuple[Tensor, ...]:
        """Return the tensors on ``device``, in the order given at construction."""
        if device not in self._held:
            host = self._held[torch.device("cpu")]
            self._held[device] = tuple(tensor.to(device) for tensor in host)
        return self._held[device]


class Product:
    """All of several constraints at once.

    The mask is the AND of the members' masks, which is exact: a design is
    feasible when each member says so, and a mask speaks of single designs. In a
    space of at most 65,536 designs the mask of each is worked out once and then
    looked up, since there a step is so short that the masks would show in it.

    Parameters
    ----------
    space
        The space of the designs.
    members
        The constraints; none means that every design is feasible.
    """

    name = "constraints"

    def __init__(self, space: SequenceSpace, members: Sequence[Constraint]) -> None:
        self.space = space
        self.members = tuple(members)

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves that every member allows."""
        n_letters = len(self.space.alphabet)
        if not self.members:
            shape = (*letters.shape, n_letters)
            return torch.ones(shape, dtype=torch.bool, device=letters.device)
        if n_letters**self.space.length <= _LOOKED_UP:
            masks, places = self._masks.on(letters.device)
            rows = masks.index_select(0, (letters * places).sum(1))
            return rows.view(*letters.shape, n_letters)
        moves = self.members[0].allowed_moves(letters)
        for member in self.members[1:]:
            moves = moves & member.allowed_moves(letters)
        return moves

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return the sum of the members' conflicts."""
        total = torch.zeros(letters.shape[0], dtype=torch.int64, device=letters.device)
        for member in self.members:
            total = total + member.conflicts(letters)
        return total

    def satisfied(self, letters: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs every member accepts."""
        return self.conflicts(letters) == 0

    def violations(self, letters: Letters) -> list[str]:
        """Return the members' sentences, joined by semicolons."""
        columns = [member.violations(letters) for member in self.members]
        return [
            "; ".join(column[row] for column in columns if column[row])
            for row in range(letters.shape[0])
        ]

    @cached_property
    def _masks(self) -> DeviceTensors:
        """Return the mask of every design, and what each site adds to its row."""
        n_letters, length = len(self.space.alphabet), self.space.length
        places = n_letters ** torch.arange(length)
        index = torch.arange(n_letters)
        designs = torch.arange(n_letters**length)[:, None] // places % n_letters
        feasible = self.satisfied(designs)
        changes = (index - designs.unsqueeze(2)) * places[:, None]
        after = torch.arange(len(designs))[:, None, None] + changes
        return DeviceTensors(feasible[after].flatten(1), places)

"""How many components a composition has, and which not at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from designlib.constraints.base import Constraint, Rowwise
from designlib.constraints.bounds import component_place, members_of
from designlib.spaces import SimplexSpace
from designlib.types import InputError, Points


class AtMostComponents(Rowwise):
    """Compositions of at most ``k`` components: the other shares are exactly 0.

    Parameters
    ----------
    space
        The space of the designs.
    k
        Largest number of components, from 1 to that of the space.

    Raises
    ------
    InputError
        ``k`` is out of range.
    """

    name = "components"

    def __init__(self, space: SimplexSpace, k: int) -> None:
        if not 1 <= k <= space.columns:
            raise InputError(
                f"at most {k} components are asked for; 1 to {space.columns} are possible"
            )
        self.space, self.k = space, k

    def conflicts(self, designs: Points) -> Int[Tensor, "designs"]:
        """Return how many components there are too many."""
        return ((designs != 0).sum(1) - self.k).clamp(min=0)

    def _sentence(self, row: list[float]) -> str:
        named = [
            f"{name} = {share:g}"
            for name, share in zip(self.space.components, row, strict=True)
            if share != 0
        ]
        return f"{len(named)} components, {', '.join(named)} (at most {self.k} allowed)"


class AtLeastComponents(Rowwise):
    """Compositions of ``k`` components or more.

    Parameters
    ----------
    space
        The space of the designs.
    k
        Smallest number of components, from 1 to that of the space.

    Raises
    ------
    InputError
        ``k`` is out of range.

    Examples
    --------
    >>> two = AtLeastComponents(SimplexSpace(("Fe", "Ni", "Co")), 2)
    >>> two.violations(torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]))
    ['1 component, Fe (at least 2 needed)', '']
    """

    name = "fewest_components"

    def __init__(self, space: SimplexSpace, k: int) -> None:
        if not 1 <= k <= space.columns:
            raise InputError(
                f"at least {k} components are asked for; 1 to {space.columns} are possible"
            )
        self.space, self.k = space, k

    def conflicts(self, designs: Points) -> Int[Tensor, "designs"]:
        """Return how many components are missing."""
        return (self.k - (designs != 0).sum(1)).clamp(min=0)

    def _sentence(self, row: list[float]) -> str:
        present = zip(self.space.components, row, strict=True)
        named = [name for name, share in present if share != 0]
        plural = "s" if len(named) > 1 else ""
        return f"{len(named)} component{plural}, {', '.join(named)} (at least {self.k} needed)"


class NeverTogether(Rowwise):
    """Compositions without certain pairs: where one component of a pair is, the other is not.

    Parameters
    ----------
    space
        The space of the designs.
    pairs
        Names of two components each.

    Raises
    ------
    InputError
        No pair, one of a component with itself, or of one that the space does not have.

    Examples
    --------
    >>> apart = NeverTogether(SimplexSpace(("Fe", "Ni", "Co")), [("Fe", "Co")])
    >>> apart.violations(torch.tensor([[0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]))
    ['Fe and Co together', '']
    """

    name = "never_together"

    def __init__(self, space: SimplexSpace, pairs: Sequence[tuple[str, str]]) -> None:
        if not pairs:
            raise InputError("at least one pair of components is needed")
        for first, second in pairs:
            if first == second:
                raise InputError(f"{first} and {second} are the same component")
        self.space, self.pairs = space, tuple(pairs)
        self._places = [
            (component_place(space, first), component_place(space, second))
            for first, second in self.pairs
        ]

    def conflicts(self, designs: Points) -> Int[Tensor, "designs"]:
        """Return how many of the pairs there are."""
        present = designs != 0
        return torch.stack([present[:, a] & present[:, b] for a, b in self._places], 1).sum(1)

    def _sentence(self, row: list[float]) -> str:
        pairs = zip(self.pairs, self._places, strict=True)
        return ", ".join(
            f"{first} and {second} together"
            for (first, second), (a, b) in pairs
            if row[a] != 0 and row[b] != 0
        )


def most_components(constraint: Constraint | None) -> int | None:
    """Return how many components a constraint allows, or None where it does not say."""
    limits = [member.k for member in members_of(constraint) if isinstance(member, AtMostComponents)]
    return min(limits, default=None)

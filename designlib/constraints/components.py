"""How many components a composition may have."""

from __future__ import annotations

from jaxtyping import Bool, Int
from torch import Tensor

from designlib.constraints.base import Constraint
from designlib.constraints.bounds import members_of
from designlib.spaces import SimplexSpace
from designlib.types import InputError, Points

__all__ = ["AtMostComponents", "most_components"]


class AtMostComponents:
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

    def satisfied(self, designs: Points) -> Bool[Tensor, "designs"]:
        """Return which designs have few enough components."""
        return (designs != 0).sum(1) <= self.k

    def violations(self, designs: Points) -> list[str]:
        """Return a sentence that names the components where there are too many."""
        return [self._sentence(row) for row in designs.tolist()]

    def _sentence(self, row: list[float]) -> str:
        named = [
            f"{name} = {share:g}"
            for name, share in zip(self.space.components, row, strict=True)
            if share != 0
        ]
        if len(named) <= self.k:
            return ""
        return f"{len(named)} components, {', '.join(named)} (at most {self.k} allowed)"


def most_components(constraint: Constraint | None) -> int | None:
    """Return how many components a constraint allows, or None where it does not say."""
    limits = [member.k for member in members_of(constraint) if isinstance(member, AtMostComponents)]
    return min(limits, default=None)

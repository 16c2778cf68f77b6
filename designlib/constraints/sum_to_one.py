"""Shares that are the variables of a box and must sum to one."""

from __future__ import annotations

from jaxtyping import Bool
from torch import Tensor

from designlib.spaces import Space
from designlib.types import Points, Scores

__all__ = ["SumToOne"]

_TOLERANCE = 1e-6


class SumToOne:
    """Points whose values sum to one, to 1e-6.

    It checks designs and can guide no sampler: no proposal in a box meets it by chance.
    Compositions are sampled in a `SimplexSpace`, which has it built in.

    Parameters
    ----------
    space
        The space of the designs.
    """

    name = "sum_to_one"

    def __init__(self, space: Space) -> None:
        self.space = space

    def conflicts(self, designs: Points) -> Scores:
        """Return by how much each sum differs from one."""
        excess = (designs.double().sum(1) - 1).abs()
        return excess.where(~self.satisfied(designs), 0.0)

    def satisfied(self, designs: Points) -> Bool[Tensor, "designs"]:
        """Return which designs sum to one."""
        return (designs.double().sum(1) - 1).abs() <= _TOLERANCE

    def violations(self, designs: Points) -> list[str]:
        """Return a sentence with the sum of each design whose sum is wrong."""
        sums, fine = designs.double().sum(1).tolist(), self.satisfied(designs).tolist()
        return [
            "" if ok else f"the values sum to {total:.7g} (allowed 1)"
            for total, ok in zip(sums, fine, strict=True)
        ]

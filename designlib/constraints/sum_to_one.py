"""Shares that are the variables of a box and must sum to one."""

from __future__ import annotations

from designlib.constraints.base import Rowwise
from designlib.spaces import Space
from designlib.types import Points, Scores

__all__ = ["SumToOne"]

_TOLERANCE = 1e-6


class SumToOne(Rowwise):
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
        return excess.masked_fill(excess <= _TOLERANCE, 0.0)

    def _sentence(self, row: list[float]) -> str:
        return f"the values sum to {sum(row):.7g} (allowed 1)"

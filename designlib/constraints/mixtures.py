"""Limits of what several components of a composition have together, or beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from designlib.constraints.base import Rowwise
from designlib.constraints.bounds import component_place
from designlib.spaces import SimplexSpace
from designlib.types import InputError, Points, Scores

_ROUNDING = 1e-9


class GroupBounds(Rowwise):
    """Compositions in which the shares of a group of components sum to between two limits.

    Parameters
    ----------
    space
        The space of the designs.
    components
        Names of the group, at least one.
    low, high
        Smallest and largest sum of their shares, both included, from 0 to 1.

    Raises
    ------
    InputError
        No component, one given twice or that the space does not have, or limits out of range.

    Examples
    --------
    >>> metals = GroupBounds(SimplexSpace(("Fe", "Ni", "O")), ["Fe", "Ni"], 0.2, 0.5)
    >>> metals.violations(torch.tensor([[0.4, 0.2, 0.4], [0.4, 0.1, 0.5]], dtype=torch.float64))
    ['Fe + Ni = 0.6 (allowed 0.2 to 0.5)', '']
    """

    def __init__(
        self, space: SimplexSpace, components: Sequence[str], low: float, high: float
    ) -> None:
        if not components or len(set(components)) < len(components):
            raise InputError(
                f"a group has at least one component, and each once, not {list(components)}"
            )
        if not 0 <= low <= high <= 1:
            raise InputError(
                f"the shares of {' + '.join(components)} cannot sum to between {low:g} and "
                f"{high:g}; 0 <= low <= high <= 1 is needed"
            )
        self.name = f"group {'+'.join(components)}"
        self.space, self.components, self.low, self.high = space, tuple(components), low, high
        self._places = [component_place(space, component) for component in components]

    def conflicts(self, designs: Points) -> Scores:
        """Return by how much the sum is out of limits."""
        total = designs.double()[:, self._places].sum(1)
        excess = (self.low - total).clamp(min=0) + (total - self.high).clamp(min=0)
        return excess.masked_fill(excess <= _ROUNDING, 0.0)

    def _sentence(self, row: list[float]) -> str:
        total = sum(row[place] for place in self._places)
        named = " + ".join(self.components)
        return f"{named} = {total:g} (allowed {self.low:g} to {self.high:g})"


class RatioBounds(Rowwise):
    """Compositions in which there is between ``low`` and ``high`` times as much of one component.

    A composition without either component has no ratio and is accepted.

    Parameters
    ----------
    space
        The space of the designs.
    component, to
        Names of the two components: the ratio is the share of the first over that of the second.
    low, high
        Smallest and largest ratio, both included; inf for no upper limit.

    Raises
    ------
    InputError
        A component that the space does not have, twice the same, or limits out of range.

    Examples
    --------
    >>> ratio = RatioBounds(SimplexSpace(("Fe", "Ni", "O")), "Fe", "Ni", 1.0, 2.0)
    >>> ratio.violations(torch.tensor([[0.6, 0.2, 0.2], [0.3, 0.3, 0.4]], dtype=torch.float64))
    ['Fe : Ni = 3 (allowed 1 to 2)', '']
    """

    def __init__(
        self, space: SimplexSpace, component: str, to: str, low: float, high: float
    ) -> None:
        if component == to:
            raise InputError(f"a ratio is that of two components, not of {component} to itself")
        if not (0 <= low <= high and low < math.inf):
            raise InputError(
                f"the ratio {component} : {to} cannot lie between {low:g} and {high:g}; "
                "0 <= low <= high is needed"
            )
        self.name = f"ratio {component}:{to}"
        self.space, self.component, self.to, self.low, self.high = space, component, to, low, high
        self._first, self._second = component_place(space, component), component_place(space, to)

    def conflicts(self, designs: Points) -> Scores:
        """Return by which share the first component is out of its limits, given the second."""
        shares = designs.double()
        first, second = shares[:, self._first], shares[:, self._second]
        most = torch.inf if math.isinf(self.high) else self.high * second
        excess = (self.low * second - first).clamp(min=0) + (first - most).clamp(min=0)
        return excess.masked_fill(excess <= _ROUNDING, 0.0)

    def _sentence(self, row: list[float]) -> str:
        first, second = row[self._first], row[self._second]
        ratio = first / second if second else math.inf
        return f"{self.component} : {self.to} = {ratio:g} (allowed {self.low:g} to {self.high:g})"

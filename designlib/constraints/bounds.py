"""Limits of single variables or components, inside those of their space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from designlib.constraints.base import AllOf, Constraint
from designlib.spaces import BoxSpace, SimplexSpace, Space
from designlib.types import DeviceTensors, InputError, Points, Scores

Limits: TypeAlias = Float[Tensor, "variables"]
"""One limit per variable or component, float64."""

_SHARE_ROUNDING = 1e-9


class Bounds:
    """Designs whose variables, or shares of components, lie between limits of their own.

    Shares may be out of limits by 1e-9, since one of them is what the others leave; variables
    of a box may not.

    Parameters
    ----------
    space
        The space of the designs.
    lower, upper
        Smallest and largest value of each variable, both included, in the unit of the variable;
        ``-inf`` and ``inf`` leave it to the space. Equal limits fix the variable.

    Raises
    ------
    InputError
        Another number of limits than of variables, limits that are no numbers, or no design
        between them: a lower limit above the upper one, the space's own included, or shares
        that cannot sum to one.

    Examples
    --------
    >>> bounds = Bounds(SimplexSpace(("Fe", "Ni", "Co")), [0.2, 0.0, 0.0], [1.0, 0.5, 1.0])
    >>> bounds.violations(torch.tensor([[0.1, 0.2, 0.7]]))
    ['Fe = 0.1 (allowed 0.2 to 1)']
    """

    name = "bounds"

    def __init__(
        self, space: BoxSpace | SimplexSpace, lower: Sequence[float], upper: Sequence[float]
    ) -> None:
        if not len(lower) == len(upper) == space.columns:
            raise InputError(
                f"{len(lower)} lower and {len(upper)} upper limits are given; {space.columns} of "
                "each are needed"
            )
        own_lower, own_upper = _limits_of_space(space)
        self.space = space
        self.labels = space.components if isinstance(space, SimplexSpace) else space.labels
        self.lower = torch.tensor(lower, dtype=torch.float64)
        self.upper = torch.tensor(upper, dtype=torch.float64)
        _require_numbers(self.labels, self.lower, self.upper)
        self.lower = self.lower.maximum(own_lower)
        self.upper = self.upper.minimum(own_upper)
        _require_room(self.labels, self.lower, self.upper)
        self._slack = 0.0
        if isinstance(space, SimplexSpace):
            self._slack = _SHARE_ROUNDING
            _require_sum(self.labels, self.lower, self.upper)
        self._tensors = DeviceTensors(self.lower, self.upper)

    @classmethod
    def of_components(
        cls, space: SimplexSpace, limits: Sequence[tuple[str, float, float]]
    ) -> Bounds:
        """Return limits of named components; a component that is named twice keeps both."""
        lower, upper = [0.0] * space.columns, [1.0] * space.columns
        for component, low, high in limits:
            place = component_place(space, component)
            lower[place], upper[place] = max(lower[place], low), min(upper[place], high)
        return cls(space, lower, upper)

    def conflicts(self, designs: Points) -> Scores:
        """Return by how much the values are out of limits, summed over variables."""
        lower, upper = self._limits(designs)
        excess = (lower - designs).clamp(min=0) + (designs - upper).clamp(min=0)
        return excess.where(~self._within(designs), 0.0).sum(1)

    def satisfied(self, designs: Points) -> Bool[Tensor, "designs"]:
        """Return which designs have every value within its limits."""
        return self._within(designs).all(1)

    def violations(self, designs: Points) -> list[str]:
        """Return a sentence that names the first value out of limits."""
        within = self._within(designs).tolist()
        return [
            self._sentence(row, fine) for row, fine in zip(designs.tolist(), within, strict=True)
        ]

    def _sentence(self, row: list[float], within: list[bool]) -> str:
        wrong = [column for column, fine in enumerate(within) if not fine]
        if not wrong:
            return ""
        first = wrong[0]
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return (
            f"{self.labels[first]} = {row[first]:g} (allowed {float(self.lower[first]):g} to "
            f"{float(self.upper[first]):g}){more}"
        )

    def _within(self, designs: Points) -> Bool[Tensor, "designs variables"]:
        lower, upper = self._limits(designs)
        return (designs >= lower - self._slack) & (designs <= upper + self._slack)

    def _limits(self, designs: Points) -> tuple[Tensor, Tensor]:
        # In the designs' own type, in which a design at a limit is at the rounded limit.
        lower, upper = self._tensors.on(designs.device)
        return lower.to(designs.dtype), upper.to(designs.dtype)


def component_place(space: SimplexSpace, component: str) -> int:
    """Return the column of a component; raise InputError for an unknown one."""
    if component not in space.components:
        raise InputError(
            f"there is no component {component!r}; known are {', '.join(space.components)}"
        )
    return space.components.index(component)


def limits_of(space: Space, constraint: Constraint | None) -> tuple[Limits, Limits]:
    """Return the lower and upper limits of each variable or component, in float64 on the CPU.

    They are the space's own, made narrower by every `Bounds` of the constraint.

    Raises InputError for a space without limits, that of sequences.
    """
    lower, upper = _limits_of_space(space)
    for member in members_of(constraint):
        if isinstance(member, Bounds):
            lower, upper = lower.maximum(member.lower), upper.minimum(member.upper)
    return lower, upper


def members_of(constraint: Constraint | None) -> tuple[Constraint, ...]:
    """Return the constraints that a constraint consists of: its own members, or itself."""
    if constraint is None:
        return ()
    return constraint.members if isinstance(constraint, AllOf) else (constraint,)


def _limits_of_space(space: Space) -> tuple[Limits, Limits]:
    if isinstance(space, BoxSpace):
        lower, upper = space.lower, space.upper
    elif isinstance(space, SimplexSpace):
        lower, upper = (0.0,) * space.columns, (1.0,) * space.columns
    else:
        raise InputError(f"the designs of a {type(space).__name__} have no limits; points do")
    return torch.tensor(lower, dtype=torch.float64), torch.tensor(upper, dtype=torch.float64)


def _require_numbers(labels: Sequence[str], lower: Limits, upper: Limits) -> None:
    for name, low, high in zip(labels, lower.tolist(), upper.tolist(), strict=True):
        if not (low < math.inf and high > -math.inf):
            raise InputError(
                f"{name} has limits {low:g} and {high:g}; numbers are accepted, -inf for no lower "
                "and inf for no upper limit"
            )


def _require_room(labels: Sequence[str], lower: Limits, upper: Limits) -> None:
    for name, low, high in zip(labels, lower.tolist(), upper.tolist(), strict=True):
        if not low <= high:
            raise InputError(
                f"{name} has no value from {low:g} to {high:g}, the limits of its space included; "
                "the lower limit must not be above the upper one"
            )


def _require_sum(labels: Sequence[str], lower: Limits, upper: Limits) -> None:
    least, most = float(lower.sum()), float(upper.sum())
    if least > 1 + _SHARE_ROUNDING:
        named = [name for name, low in zip(labels, lower.tolist(), strict=True) if low > 0]
        raise InputError(
            f"the lower limits of {', '.join(named)} sum to {least:g}; at most 1 can be shared out"
        )
    if most < 1 - _SHARE_ROUNDING:
        raise InputError(
            f"the upper limits of {', '.join(labels)} sum to {most:g}; shares must sum to 1"
        )

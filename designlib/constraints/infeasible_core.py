"""The fewest constraints that contradict each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from designlib.constraints.base import AllOf, Constraint, is_small
from designlib.constraints.continuous import empty_points
from designlib.constraints.min_conflicts import min_conflicts, near_feasible
from designlib.constraints.paths import has_path, pair_rules
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, Space

_SEARCHED_SIZE = 3
_TRIED = 64


def describe_infeasible(
    space: Space,
    members: Sequence[Constraint],
    admits: Callable[[Sequence[Constraint]], bool],
) -> str:
    """Return a sentence that names the fewest constraints that contradict each other, and why.

    Sets of up to three are tried first; from larger ones, unnecessary members are dropped one by
    one. The reason is what the nearest design that was found violates.

    Parameters
    ----------
    space, members
        Constraints without a known feasible design.
    admits
        Whether a search finds a design that satisfies some of them.
    """
    some = _infeasible_core(members, admits)
    names = " and ".join(member.name for member in some)
    together, advice = (
        (" together", "relax at least one of them") if len(some) > 1 else ("", "relax it")
    )
    reason, certain = _reason(space, some)
    found = "no design satisfies" if certain else "no design was found that satisfies"
    return f"{found} {names}{together}{reason}; {advice}"


def _infeasible_core(
    members: Sequence[Constraint], admits: Callable[[Sequence[Constraint]], bool]
) -> Sequence[Constraint]:
    """Return one to three members without a common design, or a minimal set of more."""
    for size in range(1, _SEARCHED_SIZE + 1):
        for some in combinations(members, size):
            if not admits(some):
                return some
    needed = list(members)
    for member in members:
        rest = [other for other in needed if other is not member]
        if not admits(rest):
            needed = rest
    return needed


def _reason(space: Space, members: Sequence[Constraint]) -> tuple[str, bool]:
    """Return why there is no design, as far as that can be said, and whether it is certain."""
    constraint = AllOf(space, members)
    if not isinstance(space, SequenceSpace):
        reason = empty_points(space, members)
        return (f": {reason}", True) if reason else ("", False)
    rules = pair_rules(space, members)
    empty = (~rules.table.any(1)).nonzero()[:, 0].tolist()
    if empty:
        return f": position {empty[0] + 1} has no letter left", True
    if not has_path(rules.table[None].double(), rules.allowed).all():
        length = len(rules.table)
        return f": no sequence of {length} letters has allowed letters and neighbours only", True
    generator = torch_generator(0, "nearest")
    designs = near_feasible(constraint, rules, _TRIED, generator)
    designs = min_conflicts(constraint, rules, designs, generator)
    nearest = designs[constraint.conflicts(designs).argmin()][None]
    (broken,) = constraint.violations(nearest)
    return f"; nearest is {space.decode(nearest)[0]}: {broken}", is_small(space)

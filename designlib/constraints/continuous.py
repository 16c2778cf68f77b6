"""Feasible continuous designs: random ones, and projections of infeasible ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.constraints.base import AllOf, Constraint
from designlib.constraints.bounds import Limits, limits_of
from designlib.constraints.components import most_components
from designlib.constraints.subspaces import AllowedLevels, of_part
from designlib.spaces import BoxSpace, LevelSpace, MixedSpace, SimplexSpace, Space
from designlib.types import Points

_ROUNDS = 8
_GRID_ROUNDS = 2
_BATCH = 2048
_BISECTIONS = 100
_SUM_ROUNDING = 1e-9
_SUM_TOLERANCE = 1e-6


def find_points(
    space: Space, members: Sequence[Constraint], n: int, generator: torch.Generator
) -> Points:
    """Return up to ``n`` random feasible points in float64.

    Draws are uniform within the limits (on a random choice of k components where at most k are
    allowed) and rejected by the other constraints. Compositions between narrow limits are then
    shared out component by component in random order. On a grid draws are uniform among all
    compositions first, then rounded. Each part of a mixed design is drawn independently.
    """
    if empty_points(space, members):
        return space.random(0, generator)
    constraint = AllOf(space, members)
    if isinstance(space, MixedSpace | LevelSpace):
        return collect(
            lambda _, size: _drawn(space, constraint, size, generator),
            partial(inside, space, constraint),
            n,
            _ROUNDS,
        )
    limits = limits_of(space, constraint)

    def draw(attempt: int, size: int) -> Points:
        if isinstance(space, SimplexSpace):
            if space.grid_steps is not None and attempt < _GRID_ROUNDS:
                return space.random(size, generator)
            bounds = _choose_components(limits, most_components(constraint), size, generator)
            points = (_dirichlet if attempt < _ROUNDS else _shared_out)(*bounds, generator)
            return points if space.grid_steps is None else space.on_grid(points)
        points = _in_box(limits, size, generator)
        return points if attempt < _ROUNDS else nearest_points(space, constraint, points)

    return collect(draw, partial(inside, space, constraint), n, 2 * _ROUNDS)


def collect(
    draw: Callable[[int, int], Tensor],
    accept: Callable[[Tensor], Bool[Tensor, "designs"]],
    n: int,
    rounds: int,
) -> Tensor:
    """Return up to ``n`` accepted draws; ``draw`` takes the number of the round and of draws."""
    kept: list[Tensor] = []
    missing = n
    for attempt in range(rounds):
        designs = draw(attempt, max(_BATCH, missing))
        kept.append(designs[accept(designs)][:missing])
        missing -= kept[-1].shape[0]
        if missing == 0:
            break
    return torch.cat(kept)


def nearest_points(space: Space, constraint: Constraint, points: Points) -> Points:
    """Return the points projected into the limits.

    Values are clipped. Shares are normalised, all but the k largest dropped where at most k
    components are allowed, and projected: the nearest composition within the limits.
    """
    lower, upper = limits_of(space, constraint)
    values = points.double()
    lower, upper = (limit.to(points.device).expand(values.shape) for limit in (lower, upper))
    if isinstance(space, SimplexSpace):
        values = values.clamp(min=0)
        values = values / values.sum(1, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
        k = most_components(constraint)
        if k is not None:
            kept = _largest(values + 2.0 * (lower > 0), k)
            lower, upper = lower.where(kept, 0.0), upper.where(kept, 0.0)
        values = _with_sum_one(values, lower, upper)
    return values.clamp(lower, upper).to(points.dtype)


def inside(space: Space, constraint: Constraint, points: Points) -> Bool[Tensor, "designs"]:
    """Return which points are of the space and feasible."""
    if isinstance(space, LevelSpace):
        return constraint.satisfied(points)
    if isinstance(space, MixedSpace):
        fine = constraint.satisfied(points)
        for part in space.subspaces:
            fine &= inside(part.space, AllOf(part.space, []), points[:, part.columns])
        return fine
    lower, upper = (limit.to(points) for limit in limits_of(space, None))
    fine = ((points >= lower) & (points <= upper)).all(1)
    if isinstance(space, SimplexSpace):
        fine &= (points.double().sum(1) - 1).abs() <= _SUM_TOLERANCE
        if space.grid_steps is not None:
            fine &= (space.on_grid(points) - points).abs().amax(1) <= _SUM_ROUNDING
    return fine & constraint.satisfied(points)


def empty_points(space: Space, members: Sequence[Constraint]) -> str:
    """Return why it is certain that no point satisfies ``members``, or an empty string."""
    constraint = AllOf(space, members)
    if isinstance(space, MixedSpace):
        parts = [(p.space, of_part(constraint, space, n)) for n, p in enumerate(space.subspaces)]
        reasons = (empty_points(own, limited.members) for own, limited in parts if limited)
        return next((reason for reason in reasons if reason), "")
    if isinstance(space, LevelSpace):
        table = zip(space.variables, _allowed_levels(space, constraint), strict=True)
        return next((f"no value of {v.name} is left" for v, own in table if not own.any()), "")
    return _no_room(space, constraint)


def _no_room(space: Space, constraint: AllOf) -> str:
    """Return why limits leave no point of a box or no composition, or an empty string."""
    lower, upper = limits_of(space, constraint)
    for name, low, high in zip(_labels(space), lower.tolist(), upper.tolist(), strict=True):
        if low > high:
            return f"{name} would have to be at least {low:g} and at most {high:g}"
    k = most_components(constraint)
    if k is not None and int((lower > 0).sum()) > k:
        return f"{int((lower > 0).sum())} components have a lower limit above 0 (at most {k})"
    if not isinstance(space, SimplexSpace):
        return ""
    least = float(lower.sum())
    most = float(upper.sum() if k is None else upper.topk(k).values.sum())
    if least > 1 + _SUM_ROUNDING:
        return f"the lower limits sum to {least:g}, more than 1"
    if most < 1 - _SUM_ROUNDING:
        return f"the upper limits leave a sum of at most {most:g}, less than 1"
    return ""


def _drawn(
    space: MixedSpace | LevelSpace, constraint: AllOf, n: int, generator: torch.Generator
) -> Points:
    if isinstance(space, LevelSpace):
        columns = [
            own.nonzero()[:, 0][torch.randint(int(own.sum()), (n,), generator=generator)]
            for own in _allowed_levels(space, constraint)
        ]
        return torch.stack(columns, 1).double()
    parts = []
    for number, part in enumerate(space.subspaces):
        own = of_part(constraint, space, number)
        found = find_points(part.space, own.members if own else (), n, generator)
        if not len(found):
            return space.random(0, generator)
        # Where a part has fewer feasible draws than were asked for, they are used again.
        parts.append(found[torch.arange(n) % len(found)])
    return torch.cat(parts, 1)


def _allowed_levels(space: LevelSpace, constraint: AllOf) -> list[Bool[Tensor, "levels"]]:
    """Return for each variable which levels every `AllowedLevels` allows."""
    tables = [m.allowed for m in constraint.members if isinstance(m, AllowedLevels)]
    everything = [[True] * len(levels.labels) for levels in space.variables]
    return [torch.tensor(own).all(0) for own in zip(everything, *tables, strict=True)]


def _labels(space: Space) -> tuple[str, ...]:
    if isinstance(space, SimplexSpace):
        return space.components
    return space.labels if isinstance(space, BoxSpace) else ()


def _in_box(limits: tuple[Limits, Limits], n: int, generator: torch.Generator) -> Points:
    lower, upper = limits
    # A space has no variable of a single value, so such a one is left open and then set.
    fixed = lower == upper
    box = BoxSpace(tuple(lower.tolist()), tuple(upper.masked_fill(fixed, torch.inf).tolist()))
    return box.random(n, generator).clamp(lower, upper)


def _choose_components(
    limits: tuple[Limits, Limits], k: int | None, n: int, generator: torch.Generator
) -> tuple[Points, Points]:
    """Return the limits of ``n`` compositions, each of which has ``k`` components of its own."""
    lower, upper = (limit.expand(n, -1) for limit in limits)
    if k is None:
        return lower, upper
    noise = torch.rand(lower.shape, generator=generator, dtype=torch.float64)
    # Components that must be there come first, and those that must not come last.
    kept = _largest(noise + 2.0 * (lower > 0) - 2.0 * (upper == 0), k)
    return lower.where(kept, 0.0), upper.where(kept, 0.0)


def _largest(values: Points, k: int) -> Bool[Tensor, "designs variables"]:
    """Return which are the ``k`` largest of each row."""
    top = values.topk(k, dim=1).indices
    return torch.zeros(values.shape, dtype=torch.bool, device=values.device).scatter(1, top, True)


def _dirichlet(lower: Points, upper: Points, generator: torch.Generator) -> Points:
    """Return compositions uniform above the lower limits, which may be above the upper ones."""
    uniforms = torch.rand(lower.shape, generator=generator, dtype=torch.float64)
    amounts = -torch.log1p(-uniforms) * (upper > 0)
    return lower + (1 - lower.sum(1, keepdim=True)) * amounts / amounts.sum(1, keepdim=True)


def _shared_out(lower: Points, upper: Points, generator: torch.Generator) -> Points:
    """Return compositions within the limits, where there are any, drawn one share at a time.

    Each is uniform between what the limits of those still to come leave it.
    """
    uniforms = torch.rand((2, *lower.shape), generator=generator, dtype=torch.float64)
    order = uniforms[0].argsort(1)
    low, high = lower.gather(1, order), upper.gather(1, order)
    low_after = low.sum(1, keepdim=True) - low.cumsum(1)
    high_after = high.sum(1, keepdim=True) - high.cumsum(1)
    left = torch.ones(len(lower), dtype=torch.float64)
    shares = []
    for column in range(lower.shape[1]):
        least = low[:, column].maximum(left - high_after[:, column])
        most = high[:, column].minimum(left - low_after[:, column])
        shares.append(least + uniforms[1, :, column] * (most - least).clamp(min=0))
        left = left - shares[-1]
    return torch.empty_like(lower).scatter(1, order, torch.stack(shares, 1))


def _with_sum_one(values: Points, lower: Points, upper: Points) -> Points:
    """Return the nearest values between the limits that sum to one: all shifted and clipped."""
    finite = [limit.where(limit.isfinite(), 0.0).abs().sum(1) for limit in (lower, upper)]
    high = (1 + values.abs().sum(1) + finite[0] + finite[1])[:, None]
    low = -high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        too_much = (values + middle).clamp(lower, upper).sum(1, keepdim=True) > 1
        low, high = low.where(too_much, middle), high.where(~too_much, middle)
    return values + (low + high) / 2

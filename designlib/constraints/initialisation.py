"""Initialisation: feasible designs from which chains start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Shaped
from torch import Tensor

from designlib.constraints.base import AllOf, Constraint, every_design, is_small
from designlib.constraints.bounds import members_of
from designlib.constraints.continuous import collect, find_points, inside
from designlib.constraints.gc import GCWindow
from designlib.constraints.hamming import HammingBall
from designlib.constraints.infeasible_core import certainly_empty, describe_infeasible
from designlib.constraints.min_conflicts import min_conflicts
from designlib.constraints.paths import PairRules, draw_paths, has_path, pair_rules
from designlib.constraints.planting import near_feasible
from designlib.spaces import SequenceSpace, Space
from designlib.types import InputError, Letters

__all__ = ["feasible_starts"]

Starts: TypeAlias = Shaped[Tensor, "starts columns"]
Seeds: TypeAlias = Shaped[Tensor, "seeds columns"]

_REJECTION_ROUNDS = 8
_REPAIR_FIRST = 64
_REPAIR_LATER = 512
_REPAIR_GIVEN_UP = 0.1
_WALK_STEPS_PER_SITE = 4


def feasible_starts(
    space: Space,
    constraint: Constraint,
    n: int,
    generator: torch.Generator,
    seeds: Seeds | None = None,
) -> Starts:
    """Return ``n`` random feasible designs.

    Sequences: in spaces of at most 65,536, uniform among all feasible ones. Otherwise, until there
    are enough: uniform paths through the allowed letters and neighbours, by rejection; nearly
    feasible designs (required motifs planted, near the centre of a Hamming ball) repaired by
    min-conflicts (Minton et al. 1992); the ends of random walks among allowed moves from feasible
    designs, the centre of a Hamming ball and the ``seeds``.

    Continuous designs: uniform within the limits, by rejection; where these are too few, they and
    the ``seeds`` are repeated.

    Parameters
    ----------
    space, constraint
        Where to look.
    n
        Number of designs, at least 1; they need not be distinct.
    generator
        The same state gives the same designs.
    seeds
        Designs to walk from, of shape (seeds, columns); infeasible ones are ignored.

    Raises
    ------
    InputError
        ``n`` is below 1, ``seeds`` are not of the space, or no feasible design was found:
        the message names the fewest constraints that contradict each other, and whether this
        is proved or the result of a search.
    """
    if n < 1:
        raise InputError(f"{n} starting designs are asked for; at least 1 is needed")
    if seeds is not None:
        try:
            space.check(seeds)
        except InputError as error:
            raise InputError(f"the seeds are not of this space: {error}") from error
    members = members_of(constraint)
    found = _search(space, members, n, generator, seeds)
    if found.shape[0] == 0:

        def admits(some: Sequence[Constraint]) -> bool:
            return _search(space, some, 1, generator, None).shape[0] > 0

        raise InputError(describe_infeasible(space, members, admits, exhaustive=is_small(space)))
    return found


def _search(
    space: Space,
    members: Sequence[Constraint],
    n: int,
    generator: torch.Generator,
    seeds: Seeds | None,
) -> Starts:
    """Return ``n`` feasible designs, or none."""
    constraint = AllOf(space, members)
    if not isinstance(space, SequenceSpace):
        found = find_points(space, members, n, generator)
        known = found if seeds is None else torch.cat([found, seeds.to(found)])
        known = known[inside(space, constraint, known)]
        return _filled_up(found, known, n, generator)
    if is_small(space):
        everything = every_design(space)
        known = everything[constraint.satisfied(everything)]
        return _filled_up(known[:0], known, n, generator)
    rules = pair_rules(space, members)
    if not has_path(rules.table[None].double(), rules.allowed).all():
        return space.random(0, generator)
    found = _reject(constraint, rules, n, generator)
    if found.shape[0] == 0 and certainly_empty(space, members):
        return found
    ranges = [member for member in members if isinstance(member, GCWindow)]
    for periodic in (False, True) if ranges else (False,):
        if found.shape[0] < n:
            missing = n - found.shape[0]
            more = _repaired(space, constraint, rules, missing, generator, periodic=periodic)
            found = torch.cat([found, more])
    if found.shape[0] == n:
        return found
    centres = [member.reference[None] for member in members if isinstance(member, HammingBall)]
    known = torch.cat([found, *centres, *([] if seeds is None else [seeds.cpu()])])
    starts = _filled_up(found, known[constraint.satisfied(known)], n, generator)
    return torch.cat([found, _walk(constraint, starts[found.shape[0] :], generator)])


def _filled_up(found: Starts, known: Seeds, n: int, generator: torch.Generator) -> Tensor:
    """Return ``n`` designs: those found, then some of those known, or as many as there are."""
    missing = n - found.shape[0]
    if missing == 0 or known.shape[0] == 0:
        return found
    rows = torch.randint(known.shape[0], (missing,), generator=generator)
    return torch.cat([found, known[rows]])


def _reject(
    constraint: Constraint, rules: PairRules, n: int, generator: torch.Generator
) -> Letters:
    """Return up to ``n`` uniform draws from the feasible set."""
    weights = rules.table[None].double()
    return collect(
        lambda _, size: draw_paths(weights, rules.allowed, size, generator)[0],
        constraint.satisfied,
        n,
        _REJECTION_ROUNDS,
    )


def _repaired(
    space: SequenceSpace,
    constraint: AllOf,
    rules: PairRules,
    n: int,
    generator: torch.Generator,
    *,
    periodic: bool,
) -> Letters:
    """Return up to ``n`` repaired drafts, giving up at the first batch that yields few.

    The slower half of each batch is not waited for.
    """
    kept: list[Letters] = []
    missing, size = n, _REPAIR_FIRST
    while missing > 0:
        batch = near_feasible(space, constraint.members, size, generator, periodic=periodic)
        batch = min_conflicts(constraint, rules.table, batch, generator, enough=size // 2)
        batch = batch[constraint.satisfied(batch)]
        kept.append(batch[:missing])
        missing -= kept[-1].shape[0]
        if batch.shape[0] <= _REPAIR_GIVEN_UP * size:
            break
        size = min(_REPAIR_LATER, 2 * missing)
    return torch.cat(kept)


def _walk(constraint: AllOf, letters: Letters, generator: torch.Generator) -> Letters:
    """Return where random walks among feasible designs end that start at ``letters``."""
    n, sites = letters.shape
    for _ in range(_WALK_STEPS_PER_SITE * sites if n else 0):
        moves = constraint.allowed_moves(letters)
        moves = moves.clone().scatter_(2, letters.unsqueeze(-1), False)
        ranks = moves.flatten(1).cumsum(1)
        count = ranks[:, -1:]
        pick = (torch.rand((n, 1), generator=generator, dtype=torch.float64) * count).long()
        # A design without any allowed move gets an index past the end, and stays.
        index = torch.searchsorted(ranks, pick, right=True).clamp(max=ranks.shape[1] - 1)
        site, letter = index // moves.shape[2], index % moves.shape[2]
        moved = letters.scatter(1, site, torch.where(count > 0, letter, letters.gather(1, site)))
        if not constraint.is_masked:
            moved = moved.where(constraint.satisfied(moved)[:, None], letters)
        letters = moved
    return letters

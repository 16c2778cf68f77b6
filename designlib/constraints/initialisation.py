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
from designlib.constraints.hamming import HammingBall
from designlib.constraints.infeasible_core import describe_infeasible
from designlib.constraints.min_conflicts import min_conflicts, near_feasible
from designlib.constraints.paths import PairRules, draw_paths, has_path, pair_rules
from designlib.spaces import SequenceSpace, Space
from designlib.types import InputError, Letters

Starts: TypeAlias = Shaped[Tensor, "starts columns"]
Seeds: TypeAlias = Shaped[Tensor, "seeds columns"]

_REJECTION_ROUNDS = 8
_REPAIR_FIRST = 64
_REPAIR_LATER = 512
_REPAIR_GIVEN_UP = 0.1
_STEPS_PER_SITE = 4


def feasible_starts(
    space: Space,
    constraint: Constraint,
    n: int,
    generator: torch.Generator,
    seeds: Seeds | None = None,
) -> Starts:
    """Return ``n`` random feasible designs.

    Sequences: in spaces of at most 65,536, uniform among all feasible ones. Otherwise uniform
    paths through the allowed letters and neighbours, by rejection; where these are too few, nearly
    feasible designs repaired by min-conflicts (Minton et al. 1992), then random allowed moves from
    these, the ``seeds`` and the centre of a Hamming ball. Continuous designs: uniform within the
    limits, by rejection; where these are too few, they and the ``seeds`` are repeated.

    Parameters
    ----------
    space, constraint
        Where to look.
    n
        Number of designs, at least 1; they need not be distinct.
    generator
        The same state gives the same designs.
    seeds
        Designs to start from where too few are found, of shape (seeds, columns); infeasible ones
        are ignored.

    Raises
    ------
    InputError
        ``n`` is below 1, ``seeds`` are not of the space, or no feasible design was found:
        the message names the fewest constraints that contradict each other, and whether this
        is certain or the result of a search.
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

        raise InputError(describe_infeasible(space, members, admits))
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
        return _filled_up(found, known[inside(space, constraint, known)], n, generator)
    if is_small(space):
        every = every_design(space)
        return _filled_up(every[:0], every[constraint.satisfied(every)], n, generator)
    rules = pair_rules(space, members)
    weights = rules.table[None].double()
    if not has_path(weights, rules.allowed).all():
        return space.random(0, generator)
    found = collect(
        lambda _, size: draw_paths(weights, rules.allowed, size, generator)[0],
        constraint.satisfied,
        n,
        _REJECTION_ROUNDS,
    )
    found = torch.cat([found, _repaired(constraint, rules, n - len(found), generator)])
    if len(found) == n:
        return found
    centres = [member.reference[None] for member in members if isinstance(member, HammingBall)]
    known = torch.cat([found, *centres, *([] if seeds is None else [seeds.cpu()])])
    starts = _filled_up(found, known[constraint.satisfied(known)], n, generator)
    return torch.cat([found, _walk(constraint, starts[len(found) :], generator)])


def _filled_up(found: Starts, known: Seeds, n: int, generator: torch.Generator) -> Tensor:
    """Return ``n`` designs: those found, then some of those known, or as many as there are."""
    missing = n - found.shape[0]
    if missing == 0 or known.shape[0] == 0:
        return found
    rows = torch.randint(known.shape[0], (missing,), generator=generator)
    return torch.cat([found, known[rows]])


def _repaired(constraint: AllOf, rules: PairRules, n: int, generator: torch.Generator) -> Letters:
    """Return up to ``n`` repaired designs, giving up at the first batch that yields few.

    The slower half of each batch is not waited for.
    """
    kept = [torch.empty(0, len(rules.table), dtype=torch.int64)]
    missing, size = n, _REPAIR_FIRST
    while missing > 0:
        batch = near_feasible(constraint, rules, size, generator)
        batch = min_conflicts(constraint, rules, batch, generator, enough=size // 2)
        batch = batch[constraint.satisfied(batch)]
        kept.append(batch[:missing])
        missing -= kept[-1].shape[0]
        if batch.shape[0] <= _REPAIR_GIVEN_UP * size:
            break
        size = min(_REPAIR_LATER, 2 * missing)
    return torch.cat(kept)


def _walk(constraint: AllOf, letters: Letters, generator: torch.Generator) -> Letters:
    """Return where random steps among feasible designs end that start at ``letters``."""
    n, sites = letters.shape
    for _ in range(_STEPS_PER_SITE * sites if n else 0):
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

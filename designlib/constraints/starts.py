"""Feasible designs to start chains from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from designlib.constraints.base import Constraint, Product
from designlib.constraints.hamming import HammingBall
from designlib.constraints.sites import AllowedLetters
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters

__all__ = ["feasible_starts"]

LetterTable: TypeAlias = Bool[Tensor, "sites letters"]
Found: TypeAlias = Int[Tensor, "found sites"]
Seeds: TypeAlias = Int[Tensor, "seeds sites"]

_REJECTION_ROUNDS = 8
_REJECTION_BATCH = 2048
_REPAIR_FIRST = 64
_REPAIR_LATER = 512
_REPAIR_TRIALS = 16
_REPAIR_UPHILL = 0.05
_REPAIR_GIVEN_UP = 0.1
_REPAIR_STEPS_PER_SITE = 6
_WALK_STEPS_PER_SITE = 4


def feasible_starts(
    space: SequenceSpace,
    constraint: Constraint,
    n: int,
    generator: torch.Generator,
    seeds: Seeds | None = None,
) -> Found:
    """Return ``n`` random feasible designs.

    Uniform designs that happen to be feasible come first; then uniform designs
    repaired by min-conflicts (Minton et al. 1992); then, from whatever feasible
    designs are known, the centre of a Hamming ball and ``seeds`` included, the
    ends of a random walk whose moves are uniform among the allowed ones.

    Parameters
    ----------
    space, constraint
        Where to look.
    n
        Number of designs, at least 1; they need not be distinct.
    generator
        The same state gives the same designs.
    seeds
        Designs to walk from, of shape (seeds, sites); infeasible ones are left out.

    Raises
    ------
    InputError
        ``n`` is below 1, or no feasible design was found: the message names the
        constraints that clash, as far as a search can tell.
    """
    if n < 1:
        raise InputError(f"{n} starting designs are asked for; at least 1 is needed")
    found = _search(space, constraint, n, generator, seeds)
    if found.shape[0] == 0:
        clash = _clash(space, constraint, generator)
        together = " together" if len(clash) > 1 else ""
        raise InputError(
            f"no design was found that satisfies {' and '.join(clash)}{together}; "
            "relax at least one of them"
        )
    return found


def _search(
    space: SequenceSpace,
    constraint: Constraint,
    n: int,
    generator: torch.Generator,
    seeds: Seeds | None,
) -> Found:
    """Return ``n`` feasible designs, or none."""
    members = constraint.members if isinstance(constraint, Product) else (constraint,)
    balls = [member for member in members if isinstance(member, HammingBall)]
    table = torch.ones(space.length, len(space.alphabet), dtype=torch.bool)
    for member in members:
        if isinstance(member, AllowedLetters):
            table &= member.table
    if not table.any(1).all():
        return space.random(0, generator)
    found = _reject(constraint, table, n, generator)
    if found.shape[0] < n:
        missing = n - found.shape[0]
        found = torch.cat([found, _repair_all(constraint, table, balls, missing, generator)])
    if found.shape[0] < n:
        known = [found, *(ball.reference[None] for ball in balls)]
        if seeds is not None:
            known.append(seeds.cpu())
        sources = torch.cat(known)
        sources = sources[constraint.satisfied(sources)]
        if sources.shape[0]:
            missing = n - found.shape[0]
            rows = torch.randint(sources.shape[0], (missing,), generator=generator)
            found = torch.cat([found, _walk(constraint, sources[rows], generator)])
    return found


def _draw(table: LetterTable, n: int, generator: torch.Generator) -> Letters:
    """Return ``n`` designs, uniform among those with allowed letters at every site."""
    return torch.multinomial(table.float(), n, replacement=True, generator=generator).T


def _reject(
    constraint: Constraint, table: LetterTable, n: int, generator: torch.Generator
) -> Found:
    """Return up to ``n`` uniform draws from the feasible set."""
    kept: list[Letters] = []
    missing = n
    for _ in range(_REJECTION_ROUNDS):
        draws = _draw(table, max(_REJECTION_BATCH, missing), generator)
        kept.append(draws[constraint.satisfied(draws)][:missing])
        missing -= kept[-1].shape[0]
        if missing == 0:
            break
    return torch.cat(kept)


def _repair_all(
    constraint: Constraint,
    table: LetterTable,
    balls: Sequence[HammingBall],
    n: int,
    generator: torch.Generator,
) -> Found:
    """Return up to ``n`` repaired designs, giving up at the first batch that yields few.

    The designs to repair are uniform, or inside a Hamming ball about as far from
    its centre as its radius.
    """
    kept: list[Letters] = []
    missing, size = n, _REPAIR_FIRST
    while missing > 0:
        batch = _draw(table, size, generator)
        for ball in balls:
            share = ball.radius / batch.shape[1]
            keep = torch.rand(batch.shape, generator=generator) >= share
            keep &= table.gather(1, ball.reference[:, None]).T
            batch = torch.where(keep, ball.reference, batch)
        repaired = _repair(constraint, table, batch, generator)
        kept.append(repaired[:missing])
        missing -= kept[-1].shape[0]
        if repaired.shape[0] <= _REPAIR_GIVEN_UP * size:
            break
        size = min(_REPAIR_LATER, 2 * missing)
    return torch.cat(kept)


def _repair(
    constraint: Constraint, table: LetterTable, letters: Letters, generator: torch.Generator
) -> Found:
    """Return those of ``letters`` that could be made feasible.

    Every step gives each infeasible design the best of a few random changes if it
    is no worse than the design was, and now and then if it is, so that no local
    minimum holds it; the slowest tenth is given up.
    """
    sites, n_letters = table.shape
    weights = table.float().flatten()
    letters = letters.clone()
    for _ in range(_REPAIR_STEPS_PER_SITE * sites):
        conflicts = constraint.conflicts(letters)
        broken = conflicts.nonzero()[:, 0]
        if broken.shape[0] <= _REPAIR_GIVEN_UP * letters.shape[0]:
            break
        shape = (broken.shape[0], _REPAIR_TRIALS)
        change = torch.multinomial(weights, shape[0] * shape[1], True, generator=generator)
        noise = torch.rand((shape[0], 1 + shape[1]), generator=generator)
        trials = letters[broken].unsqueeze(1).repeat(1, _REPAIR_TRIALS, 1)
        change = change.view(*shape, 1)
        trials.scatter_(2, change // n_letters, change % n_letters)
        cost = constraint.conflicts(trials.flatten(0, 1)).view(shape)
        # Noise below 1 only breaks ties: the whole part is the cost.
        lowest, best = (cost + noise[:, 1:]).min(1)
        takes = (lowest.floor() <= conflicts[broken]) | (noise[:, 0] < _REPAIR_UPHILL)
        chosen = trials[torch.arange(shape[0]), best]
        letters[broken] = torch.where(takes[:, None], chosen, letters[broken])
    return letters[constraint.satisfied(letters)]


def _walk(constraint: Constraint, letters: Letters, generator: torch.Generator) -> Letters:
    """Return where random walks among feasible designs end that start at ``letters``."""
    n, sites = letters.shape
    for _ in range(_WALK_STEPS_PER_SITE * sites):
        moves = constraint.allowed_moves(letters)
        moves = moves.clone().scatter_(2, letters.unsqueeze(-1), False)
        ranks = moves.flatten(1).cumsum(1)
        count = ranks[:, -1:]
        pick = (torch.rand((n, 1), generator=generator, dtype=torch.float64) * count).long()
        # A design without any allowed move gets an index past the end, and stays.
        index = torch.searchsorted(ranks, pick, right=True).clamp(max=ranks.shape[1] - 1)
        site, letter = index // moves.shape[2], index % moves.shape[2]
        letter = torch.where(count > 0, letter, letters.gather(1, site))
        letters = letters.scatter(1, site, letter)
    return letters


def _clash(
    space: SequenceSpace, constraint: Constraint, generator: torch.Generator
) -> tuple[str, ...]:
    """Return the names of members that have no design together and of which none can be spared."""
    members = list(constraint.members) if isinstance(constraint, Product) else [constraint]
    for member in tuple(members):
        rest = [other for other in members if other is not member]
        product = Product(space, rest)
        if _search(space, product, 1, generator, None).shape[0] == 0:
            members = rest
    return tuple(member.name for member in members)

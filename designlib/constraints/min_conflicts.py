"""Nearly feasible random sequences, changed letter by letter until they are feasible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from designlib.constraints.base import AllOf
from designlib.constraints.gc import GCWindow
from designlib.constraints.hamming import HammingBall
from designlib.constraints.motif_matches import LetterSets
from designlib.constraints.paths import PairRules, draw_letters, draw_paths
from designlib.constraints.required import RequiredMotifs
from designlib.types import Letters

Weights: TypeAlias = Float[Tensor, "designs sites letters"]
"""Probability of each letter of each site, up to a factor; 0 if excluded."""

_TRIALS = 16
_UPHILL = 0.05
_STEPS_PER_SITE = 4


def near_feasible(
    constraint: AllOf, rules: PairRules, n: int, generator: torch.Generator
) -> Letters:
    """Return ``n`` random designs from which min-conflicts has little to do.

    Fixed sites hold, each required motif is at a random place if what is there already leaves
    room for it, windows with one possible number of G and C have that number, about as many sites
    as the radius of a Hamming ball differ from its centre, and neighbours are allowed if any such
    sequence has only allowed ones.
    """
    weights = rules.table.double().expand(n, -1, -1)
    for strands in _required(constraint, generator):
        weights = _planted(weights, strands, generator)
    for member in constraint.members:
        if isinstance(member, GCWindow) and member.fewest == member.most:
            weights = _periodic(weights, member, generator)
    for member in constraint.members:
        if isinstance(member, HammingBall):
            weights = weights * _leaning(weights, member)
    letters, possible = draw_paths(weights, rules.allowed, n, generator)
    return letters.where(possible[:, None], draw_letters(weights, n, generator))


def min_conflicts(
    constraint: AllOf,
    rules: PairRules,
    letters: Letters,
    generator: torch.Generator,
    enough: int | None = None,
) -> Letters:
    """Return the designs after single changes that lower their conflicts (Minton et al. 1992).

    Every step gives each infeasible design the best of 16 random changes if it
    is no worse than the design was, and now and then if it is, so that no local
    minimum holds it.

    Parameters
    ----------
    rules
        Their table has the letters to try at each site.
    enough
        Number of feasible designs at which to stop and give up the others; None for all.
    """
    sites, n_letters = rules.table.shape
    weights = rules.table.float().flatten()
    spared = 0 if enough is None else letters.shape[0] - enough
    letters = letters.clone()
    for _ in range(_STEPS_PER_SITE * sites):
        conflicts = constraint.conflicts(letters)
        broken = conflicts.nonzero()[:, 0]
        if broken.shape[0] <= spared:
            break
        shape = (broken.shape[0], _TRIALS)
        change = torch.multinomial(weights, shape[0] * shape[1], True, generator=generator)
        noise = torch.rand((shape[0], 1 + shape[1]), generator=generator)
        tried = letters[broken].unsqueeze(1).repeat(1, _TRIALS, 1)
        change = change.view(*shape, 1)
        tried.scatter_(2, change // n_letters, change % n_letters)
        cost = constraint.conflicts(tried.flatten(0, 1)).view(shape)
        # Noise below 1 only breaks ties: the whole part is the cost.
        lowest, best = (cost + noise[:, 1:]).min(1)
        takes = (lowest.floor() <= conflicts[broken]) | (noise[:, 0] < _UPHILL)
        chosen = tried[torch.arange(shape[0]), best]
        letters[broken] = torch.where(takes[:, None], chosen, letters[broken])
    return letters


def _required(constraint: AllOf, generator: torch.Generator) -> Iterator[list[LetterSets]]:
    """Yield the letter sets of each required motif on its strands, in random order."""
    groups = [g for m in constraint.members if isinstance(m, RequiredMotifs) for g in m.groups]
    for place in torch.randperm(len(groups), generator=generator).tolist():
        yield [strand.sets for strand in groups[place]]


def _planted(weights: Weights, strands: list[LetterSets], generator: torch.Generator) -> Weights:
    """Return ``weights`` with the motif at a random place of those where it fits, if there are."""
    codes = strands[0].shape[0]
    # [designs, starts, codes, letters]: what is left of the window with the motif in it.
    windows = weights.unfold(1, codes, 1).transpose(2, 3)
    sets = torch.stack(strands).to(weights.dtype)
    fits = torch.stack([((windows * motif).amax(3) > 0).all(2) for motif in sets], 2)
    noise = torch.rand(fits.shape, generator=generator)
    place = (noise * fits).flatten(1).argmax(1)
    start, strand = place // len(sets), place % len(sets)
    rows = fits.flatten(1).any(1).nonzero()
    sites = start[:, None] + torch.arange(codes)
    planted = weights.clone()
    planted[rows, sites[rows[:, 0]]] *= sets[strand[rows[:, 0]]]
    return planted


def _periodic(weights: Weights, gc: GCWindow, generator: torch.Generator) -> Weights:
    """Return weights of random patterns of G and C in which every window has the same number.

    Two neighbouring windows differ by the first letter of one and the last of the other, so sites
    a window apart are of one kind. Single changes would never get there.
    """
    n, sites, _ = weights.shape
    strong = torch.stack([~gc.strong, gc.strong])
    can = torch.stack([(weights[:, :, kind] > 0).any(2) for kind in strong], 2)
    # [designs, turns, sites of a window, kinds]
    turns = pad(can.float(), (0, 0, 0, -sites % gc.width), value=1.0).view(n, -1, gc.width, 2)
    weak, rich = turns.amin(1).unbind(2)
    order = torch.rand(weak.shape, generator=generator) + 2 * (weak - rich)
    is_strong = (order.argsort(1).argsort(1) < gc.most).repeat(1, turns.shape[1])[:, :sites]
    masked = weights * strong[is_strong.long()]
    return masked.where((masked > 0).any(2, keepdim=True), weights)


def _leaning(weights: Weights, ball: HammingBall) -> Weights:
    """Return weights that leave about as many changes from the centre as the radius allows."""
    n_letters = weights.shape[2]
    at_centre = ball.reference[:, None] == torch.arange(n_letters)
    can_stay = (weights * at_centre > 0).any(2)
    room = ball.radius - (~can_stay).sum(1)
    share = (room / can_stay.sum(1).clamp(min=1)).clamp(1e-6, 1 - 1e-6)
    # Odds of all other letters together are those of a change.
    other = share / (1 - share) / (n_letters - 1)
    return torch.where(at_centre, 1.0, other[:, None, None].double())

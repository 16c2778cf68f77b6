"""Sequences changed letter by letter until they are feasible."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.constraints.base import Constraint
from designlib.types import Letters

__all__ = ["min_conflicts"]

_TRIALS = 16
_UPHILL = 0.05
_STEPS_PER_SITE = 4


def min_conflicts(
    constraint: Constraint,
    table: Bool[Tensor, "sites letters"],
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
    table
        The letters to try at each site.
    enough
        Number of feasible designs at which to stop and give up the others; None for all.
    """
    sites, n_letters = table.shape
    weights = table.float().flatten()
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

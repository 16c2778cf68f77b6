"""Designs made feasible with few changes."""

from __future__ import annotations

from typing import NoReturn

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.constraints.base import Constraint
from designlib.constraints.bounds import members_of
from designlib.constraints.paths import pair_rules
from designlib.constraints.points import inside, nearest_points
from designlib.spaces import SequenceSpace, Space
from designlib.types import Designs, InputError, Letters

__all__ = ["min_conflicts", "repair"]

_COPIES = 8
_TRIALS = 64
_UPHILL = 0.05
_STEPS_PER_SITE = 4
_UNDO_PASSES = 2


def repair(
    space: Space, constraint: Constraint, designs: Designs, generator: torch.Generator
) -> Designs:
    """Return the designs in the same order, infeasible ones replaced by feasible ones near them.

    Sequences are changed letter by letter, several copies of each by min-conflicts
    (Minton et al. 1992); then every change that is not needed is undone, and the copy with
    the fewest changes left is kept. Points are clipped into their limits; shares are
    divided by their sum first.

    Parameters
    ----------
    space, constraint
        What designs must belong to.
    designs
        Designs of the space; points may be out of its limits. Feasible ones stay as they are.
    generator
        The same state gives the same designs.

    Raises
    ------
    InputError
        Sequences of another space, points that are not finite or of another number of
        variables, or a design for which no feasible one was found: the message names
        the first and says what is wrong with it.
    """
    if isinstance(space, SequenceSpace):
        space.check(designs)
        fine = constraint.satisfied(designs)
    else:
        _check_points(space, designs)
        fine = inside(space, constraint, designs)
    broken = (~fine).nonzero()[:, 0]
    if len(broken) == 0:
        return designs.clone()
    if isinstance(space, SequenceSpace):
        mended = _mend(space, constraint, designs[broken].cpu(), generator).to(designs.device)
        done = constraint.satisfied(mended)
    else:
        mended = nearest_points(space, constraint, designs[broken])
        done = inside(space, constraint, mended)
    if not done.all():
        failed = (~done).nonzero()[0]
        _refuse(space, constraint, designs, int(broken[failed]), mended[failed])
    return designs.index_copy(0, broken, mended)


def min_conflicts(
    constraint: Constraint,
    table: Bool[Tensor, "sites letters"],
    letters: Letters,
    generator: torch.Generator,
    *,
    trials: int,
    enough: int | None = None,
) -> Letters:
    """Return the designs after single changes that lower their conflicts (Minton et al. 1992).

    Every step gives each infeasible design the best of a few random changes if it
    is no worse than the design was, and now and then if it is, so that no local
    minimum holds it.

    Parameters
    ----------
    table
        The letters to try at each site.
    trials
        Number of changes from which the best is chosen.
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
        shape = (broken.shape[0], trials)
        change = torch.multinomial(weights, shape[0] * shape[1], True, generator=generator)
        noise = torch.rand((shape[0], 1 + shape[1]), generator=generator)
        tried = letters[broken].unsqueeze(1).repeat(1, trials, 1)
        change = change.view(*shape, 1)
        tried.scatter_(2, change // n_letters, change % n_letters)
        cost = constraint.conflicts(tried.flatten(0, 1)).view(shape)
        # Noise below 1 only breaks ties: the whole part is the cost.
        lowest, best = (cost + noise[:, 1:]).min(1)
        takes = (lowest.floor() <= conflicts[broken]) | (noise[:, 0] < _UPHILL)
        chosen = tried[torch.arange(shape[0]), best]
        letters[broken] = torch.where(takes[:, None], chosen, letters[broken])
    return letters


def _mend(
    space: SequenceSpace, constraint: Constraint, letters: Letters, generator: torch.Generator
) -> Letters:
    """Return for each design the feasible one with the fewest changes that was found."""
    rules = pair_rules(space, members_of(constraint))
    home = letters.repeat(_COPIES, 1)
    if not rules.table.any():
        return letters
    changed = min_conflicts(constraint, rules.table, home, generator, trials=_TRIALS)
    changed = _undo(constraint, changed, home, generator)
    distance = (changed != home).sum(1).where(constraint.satisfied(changed), space.length + 1)
    best = distance.view(_COPIES, -1).argmin(0)
    return changed.view(_COPIES, *letters.shape)[best, torch.arange(len(letters))]


def _undo(
    constraint: Constraint, letters: Letters, home: Letters, generator: torch.Generator
) -> Letters:
    """Return feasible designs with the changes from ``home`` undone that are not needed."""
    fine = constraint.satisfied(letters)
    noise = torch.rand((_UNDO_PASSES, *letters.shape), generator=generator)
    for _pass in range(_UNDO_PASSES):
        changed = letters != home
        # The changed sites of each design first, in random order.
        order = (changed + noise[_pass]).argsort(1, descending=True)
        for site in order[:, : int(changed.sum(1).max())].split(1, dim=1):
            undone = letters.scatter(1, site, home.gather(1, site))
            fits = fine & constraint.satisfied(undone)
            letters = undone.where(fits[:, None], letters)
    return letters


def _check_points(space: Space, designs: Designs) -> None:
    """Raise InputError for another number of variables or a value that is not finite."""
    if designs.shape[1] != space.columns:
        raise InputError(
            f"the designs have {designs.shape[1]} variables; {space.columns} are needed"
        )
    wrong = (~designs.isfinite()).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        raise InputError(
            f"design {row + 1} has the value {float(designs[row, column]):g} for variable "
            f"{column + 1}; finite numbers can be repaired"
        )


def _refuse(
    space: Space, constraint: Constraint, designs: Designs, row: int, best: Tensor
) -> NoReturn:
    """Raise InputError for a design that could not be repaired."""
    design = designs[row : row + 1]
    # A point may be wrong only in that it is out of its space.
    (reason,) = constraint.violations(design)
    (left,) = constraint.violations(best)
    (shown,) = space.decode(design)
    raise InputError(f"design {row + 1} ({shown}) could not be repaired: {reason or left}")

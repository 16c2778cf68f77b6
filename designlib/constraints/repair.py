"""Designs made feasible with few changes."""

from __future__ import annotations

import torch

from designlib.constraints.base import Constraint
from designlib.constraints.bounds import members_of
from designlib.constraints.min_conflicts import min_conflicts
from designlib.constraints.paths import pair_rules
from designlib.constraints.points import inside, nearest_points
from designlib.constraints.starts import feasible_starts
from designlib.spaces import SequenceSpace, Space
from designlib.types import Designs, InputError, Letters

__all__ = ["repair"]

_COPIES = 8
_UNDO_PASSES = 2
_LETTERS_AT_ONCE = 1 << 15


def repair(
    space: Space, constraint: Constraint, designs: Designs, generator: torch.Generator
) -> Designs:
    """Return the designs in the same order, infeasible ones replaced by feasible ones near them.

    Sequences are changed letter by letter, several copies of each by min-conflicts
    (Minton et al. 1992), or replaced by random feasible designs where that gets stuck; then
    every change that is not needed is undone, and the copy with the fewest changes left is
    kept. Points are clipped into their limits; shares are divided by their sum first.

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

    Examples
    --------
    >>> from designlib.constraints.homopolymer import HomopolymerLimit
    >>> from designlib.notation.alphabets import BINARY
    >>> space = SequenceSpace(BINARY, 5)
    >>> designs = space.encode(["01011", "01110"])
    >>> limit = HomopolymerLimit(space, 2)
    >>> space.decode(repair(space, limit, designs, torch.Generator().manual_seed(0)))[0]
    '01011'
    """
    if isinstance(space, SequenceSpace):
        return _repair_letters(space, constraint, designs, generator)
    _check_points(space, designs)
    near = nearest_points(space, constraint, designs)
    mended = designs.where(inside(space, constraint, designs)[:, None], near)
    lost = (~inside(space, constraint, mended)).nonzero()[:, 0]
    if len(lost):
        first = lost[:1]
        # A point may be wrong only in that it is out of its space.
        reasons = [constraint.violations(points[first])[0] for points in (designs, mended)]
        raise InputError(_failure(space, designs, int(first), reasons[0] or reasons[1]))
    return mended


def _repair_letters(
    space: SequenceSpace, constraint: Constraint, letters: Letters, generator: torch.Generator
) -> Letters:
    space.check(letters)
    mended = letters.clone()
    broken = (~constraint.satisfied(letters)).nonzero()[:, 0]
    if len(broken) == 0:
        return mended
    for rows in broken.split(max(1, _LETTERS_AT_ONCE // space.length)):
        try:
            found = _mend(space, constraint, letters[rows].cpu(), generator)
        except InputError as error:
            (reason,) = constraint.violations(letters[rows[:1]])
            message = _failure(space, letters, int(rows[0]), f"{reason}; {error}")
            raise InputError(message) from error
        mended[rows] = found.to(letters.device)
    return mended


def _mend(
    space: SequenceSpace, constraint: Constraint, letters: Letters, generator: torch.Generator
) -> Letters:
    """Return for each design the feasible one with the fewest changes that was found.

    Copies of a design that are all stuck are replaced by any feasible designs.
    """
    n, sites = letters.shape
    home = letters.repeat(_COPIES, 1)
    table = pair_rules(space, members_of(constraint)).table
    changed = home
    if table.any(1).all():
        changed = min_conflicts(constraint, table, home, generator)
    stuck = ~constraint.satisfied(changed).view(_COPIES, n).any(0).repeat(_COPIES)
    if stuck.any():
        fresh = feasible_starts(space, constraint, int(stuck.sum()), generator)
        changed = changed.index_put((stuck,), fresh)
    changed = _undo(constraint, changed, home, generator)
    distance = (changed != home).sum(1).where(constraint.satisfied(changed), sites + 1)
    best = distance.view(_COPIES, n).argmin(0)
    return changed.view(_COPIES, n, sites)[best, torch.arange(n)]


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


def _failure(space: Space, designs: Designs, row: int, reason: str) -> str:
    (shown,) = space.decode(designs[row : row + 1])
    return f"design {row + 1} ({shown}) could not be repaired: {reason}"

"""Runs of one letter, which synthesis and sequencing handle badly."""

from __future__ import annotations

from itertools import groupby

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import pad

from designlib.constraints.base import Rowwise
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, Moves


class HomopolymerLimit(Rowwise):
    """Designs without a run of more than ``max_run`` equal letters.

    Parameters
    ----------
    space
        The space of the designs.
    max_run
        Longest run in letters, at least 1.

    Raises
    ------
    InputError
        ``max_run`` is below 1.
    """

    name = "max_homopolymer"

    def __init__(self, space: SequenceSpace, max_run: int) -> None:
        if max_run < 1:
            raise InputError(f"a longest run of {max_run} is not possible; it must be at least 1")
        self.space = space
        self.max_run = max_run

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves that join no run longer than the limit."""
        n, sites = letters.shape
        shape = (n, sites, len(self.space.alphabet))
        if self.max_run >= sites:
            return torch.ones(shape, dtype=torch.bool, device=letters.device)
        before, after = _runs_beside(letters)
        # At the ends a site stands for its missing neighbour, whose run is 0.
        left = torch.cat([letters[:, :1], letters[:, :-1]], 1)
        right = torch.cat([letters[:, 1:], letters[:, -1:]], 1)
        joined = left == right
        moves = torch.ones(shape, dtype=torch.bool, device=letters.device)
        from_left = before + joined * after < self.max_run
        from_right = after + joined * before < self.max_run
        moves.scatter_(2, left.unsqueeze(-1), from_left.unsqueeze(-1))
        return moves.scatter_(2, right.unsqueeze(-1), from_right.unsqueeze(-1))

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return how many letters the runs have beyond the limit."""
        return self._too_long(letters).sum(1)

    def _sentence(self, row: list[int]) -> str:
        stop = 0
        for letter, run in groupby(row):
            length = len(list(run))
            stop += length
            if length > self.max_run:
                return (
                    f"run of {length} {self.space.alphabet.letters[letter]} at positions "
                    f"{stop - length + 1}-{stop} (at most {self.max_run})"
                )
        return ""

    def _too_long(self, letters: Letters) -> Bool[Tensor, "designs ends"]:
        """Return which sites end ``max_run`` + 1 equal letters."""
        if self.max_run >= letters.shape[1]:
            return torch.zeros_like(letters[:, :1], dtype=torch.bool)
        equal = (letters[:, 1:] == letters[:, :-1]).unfold(1, self.max_run, 1)
        return equal.all(2)


def _runs_beside(
    letters: Letters,
) -> tuple[Int[Tensor, "designs sites"], Int[Tensor, "designs sites"]]:
    """Return the lengths of the runs that end just before and start just after each site."""
    sites = letters.shape[1]
    index = torch.arange(sites, dtype=torch.int32, device=letters.device)
    breaks = letters[:, 1:] != letters[:, :-1]
    # The first site of the run that each site is in, and the last.
    first = (pad(breaks, (1, 0), value=True) * index).cummax(1).values
    later = torch.where(pad(breaks, (0, 1), value=True), index, sites)
    last = later.flip(1).cummin(1).values.flip(1)
    before = pad((index - first + 1)[:, :-1], (1, 0))
    after = pad((last - index + 1)[:, 1:], (0, 1))
    return before, after

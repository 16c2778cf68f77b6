"""Letters that may not follow each other, such as a forbidden dinucleotide."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import pad

from designlib.constraints.base import Rowwise
from designlib.constraints.motif_matches import letter_sets
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, InputError, Letters, Moves


class ForbiddenTransitions(Rowwise):
    """Designs in which each letter may follow the one before it.

    These are the banned first-order transitions of Ehrlich functions (Stanton et al.
    2024, "Closed-form test functions for biophysical sequence design").

    Parameters
    ----------
    space
        The space of the designs.
    allowed
        Bool of shape (letters, letters): False at [a, b] where letter b may not
        follow letter a.

    Raises
    ------
    InputError
        The table has another type or shape, or no sequence as long as the designs is
        possible.

    Examples
    --------
    >>> from designlib.notation.alphabets import BINARY
    >>> space = SequenceSpace(BINARY, 4)
    >>> no_two_ones = torch.tensor([[True, True], [True, False]])
    >>> ForbiddenTransitions(space, no_two_ones).violations(space.encode(["0101", "0110"]))
    ['', 'forbidden pair 11 at positions 2-3']
    """

    name = "forbidden_pairs"

    def __init__(self, space: SequenceSpace, allowed: Tensor) -> None:
        n_letters = len(space.alphabet)
        if allowed.dtype != torch.bool or allowed.shape != (n_letters, n_letters):
            raise InputError(
                f"the table of allowed transitions is {allowed.dtype} of shape "
                f"{tuple(allowed.shape)}; bool of shape {(n_letters, n_letters)} (letters, "
                "letters) is needed"
            )
        self.space = space
        self.allowed = allowed.cpu()
        _require_path(space, self.allowed)
        # One letter more, which stands for nothing beyond the ends.
        padded = pad(self.allowed, (0, 1, 0, 1), value=True)
        # [left, right, letter]: whether the letter may stand between the two.
        between = padded[:, None, :-1] & padded.T[None, :, :-1]
        self._tensors = DeviceTensors(self.allowed, between.flatten(0, 1).contiguous())

    @classmethod
    def without(cls, space: SequenceSpace, pairs: Sequence[str]) -> ForbiddenTransitions:
        """Return the constraint that forbids pairs of IUPAC codes, such as ``CG``.

        Raises InputError for a pair that has not two letters, an unknown code, or pairs that
        leave no sequence.
        """
        n_letters = len(space.alphabet)
        allowed = torch.ones(n_letters, n_letters, dtype=torch.bool)
        for pair in pairs:
            if len(pair) != 2:
                raise InputError(
                    f"{pair!r} has {len(pair)} letters; a pair has 2, as in CG for no C followed "
                    "by G"
                )
            first, second = letter_sets(space.alphabet, pair)
            allowed &= ~(first[:, None] & second)
        return cls(space, allowed)

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the letters that may stand between the neighbours of each site."""
        _, between = self._tensors.on(letters.device)
        n_letters = between.shape[1]
        beside = pad(letters, (1, 1), value=n_letters)
        rows = beside[:, :-2] * (n_letters + 1) + beside[:, 2:]
        return between.index_select(0, rows.flatten()).view(*letters.shape, n_letters)

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return how many neighbours form a forbidden pair."""
        return self._forbidden(letters).sum(1)

    def _sentence(self, row: list[int]) -> str:
        names = self.space.alphabet.letters
        wrong = [n for n, pair in enumerate(pairwise(row)) if not self.allowed[pair]]
        first = wrong[0]
        pair = names[row[first]] + names[row[first + 1]]
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"forbidden pair {pair} at positions {first + 1}-{first + 2}{more}"

    def _forbidden(self, letters: Letters) -> Bool[Tensor, "designs pairs"]:
        allowed, _ = self._tensors.on(letters.device)
        return ~allowed[letters[:, :-1], letters[:, 1:]]


def _require_path(space: SequenceSpace, allowed: Bool[Tensor, "letters letters"]) -> None:
    """Raise InputError unless some sequence of the space has allowed neighbours throughout."""
    starts = torch.ones(len(space.alphabet), dtype=torch.bool)
    for length in range(2, space.length + 1):
        starts = (allowed & starts).any(1)
        if not starts.any():
            raise InputError(
                f"the allowed transitions leave no sequence of {length} letters, and the designs "
                f"have {space.length}; allow more letters to follow each other"
            )

"""Constraints on a molecule of which a design is the middle part."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from designlib.constraints.base import Inner, Masking
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, InputError, Letters, Moves


class WithFlanks(Inner):
    """Designs that satisfy a constraint together with fixed letters before and after them.

    A move inside the design is a move of the molecule, so the mask is that of the molecule, cut to
    the design, and as exact.

    Parameters
    ----------
    space
        The space of the designs.
    before, after
        Letters on either side, such as adapters; each may be empty.
    make
        Makes the constraint on the molecule out of its space.

    Raises
    ------
    InputError
        A flank with a letter that the alphabet lacks; what ``make`` raises.
    """

    def __init__(
        self,
        space: SequenceSpace,
        before: str,
        after: str,
        make: Callable[[SequenceSpace], Masking],
    ) -> None:
        for flank in (before, after):
            if wrong := sorted(set(flank) - set(space.alphabet.letters)):
                raise InputError(f"{wrong[0]!r} in a flank is no letter of {space.alphabet.name}")
        self.space = space
        molecule = SequenceSpace(space.alphabet, len(before) + space.length + len(after))
        self.inner = self._masking = make(molecule)
        self.name = self.inner.name
        self._first = len(before)
        letters = [
            torch.tensor([space.alphabet.letters.index(letter) for letter in flank]).long()
            for flank in (before, after)
        ]
        self._flanks = DeviceTensors(*letters)

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves of the design that the molecule allows."""
        moves = self._masking.allowed_moves(self._inner(letters))
        return moves[:, self._first : self._first + letters.shape[1]]

    def violations(self, letters: Letters) -> list[str]:
        """Return the sentences for the molecules, whose positions count from their first letter."""
        sentences = super().violations(letters)
        return [sentence and f"{sentence}, with what is added" for sentence in sentences]

    def _inner(self, letters: Letters) -> Int[Tensor, "designs molecule"]:
        before, after = self._flanks.on(letters.device)
        rows = letters.shape[0]
        return torch.cat([before.expand(rows, -1), letters, after.expand(rows, -1)], 1)

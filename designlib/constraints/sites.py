"""Fixed sites and sites with a choice of letters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from designlib.constraints.base import Rowwise
from designlib.constraints.motif_matches import letter_sets
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, InputError, Letters, Moves


class AllowedLetters(Rowwise):
    """Designs with an allowed letter at every site; a site with one allowed letter is fixed.

    Parameters
    ----------
    space
        The space of the designs.
    table
        Bool of shape (sites, letters): True where the site may have the letter.

    Raises
    ------
    InputError
        The table has another shape, or a site with no allowed letter.
    """

    name = "fixed_sites"

    def __init__(self, space: SequenceSpace, table: Tensor) -> None:
        shape = (space.length, len(space.alphabet))
        if table.dtype != torch.bool or table.shape != shape:
            raise InputError(
                f"the table of allowed letters is {table.dtype} of shape {tuple(table.shape)}; "
                f"bool of shape {shape} (sites, letters) is needed"
            )
        empty = (~table.any(1)).nonzero()[:, 0].tolist()
        if empty:
            raise InputError(
                f"position {empty[0] + 1} has no allowed letter; each needs at least one of "
                f"{space.alphabet.letters}"
            )
        self.space = space
        self.table = table.cpu()
        self._tensors = DeviceTensors(self.table)

    @classmethod
    def at(cls, space: SequenceSpace, sites: Sequence[tuple[int, str]]) -> AllowedLetters:
        """Return the constraint for IUPAC codes at positions, counted from 1.

        A position that is named twice satisfies both entries. Raises InputError for a position
        outside the design, an unknown code, or entries without a common letter.
        """
        table = torch.ones(space.length, len(space.alphabet), dtype=torch.bool)
        for position, codes in sites:
            if position > space.length:
                raise InputError(
                    f"position {position} is outside the design; 1 to {space.length} are possible"
                )
            row = table[position - 1]
            row &= letter_sets(space.alphabet, codes).any(0)
            if not row.any():
                wanted = [repr(letters) for at, letters in sites if at == position]
                raise InputError(
                    f"position {position} is restricted to {' and '.join(wanted)}, "
                    "which have no letter in common"
                )
        return cls(space, table)

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the allowed letters of each site: the others already have one."""
        (table,) = self._tensors.on(letters.device)
        return table.expand(letters.shape[0], -1, -1)

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return how many sites have a letter that is not allowed."""
        return (~self._allowed(letters)).sum(1)

    def _sentence(self, row: list[int]) -> str:
        names, allowed = self.space.alphabet.letters, self.table.tolist()
        wrong = [site for site, letter in enumerate(row) if not allowed[site][letter]]
        site = wrong[0]
        choice = "".join(c for c, fine in zip(names, allowed[site], strict=True) if fine)
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"letter {names[row[site]]} at position {site + 1} (allowed {choice}){more}"

    def _allowed(self, letters: Letters) -> Bool[Tensor, "designs sites"]:
        (table,) = self._tensors.on(letters.device)
        return table.expand(letters.shape[0], -1, -1).gather(2, letters.unsqueeze(-1)).squeeze(-1)

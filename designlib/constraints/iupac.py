"""IUPAC codes as rows over the letters of an alphabet."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.notation import Alphabet, iupac_letters

__all__ = ["letter_sets"]


def letter_sets(alphabet: Alphabet, codes: str) -> Bool[Tensor, "codes letters"]:
    """Return which letters of ``alphabet`` each code stands for.

    Raises InputError naming the first code that is unknown.

    >>> from designlib.notation.alphabets import DNA
    >>> letter_sets(DNA, "RN").int().tolist()
    [[1, 0, 1, 0], [1, 1, 1, 1]]
    """
    rows = [
        [letter in members for letter in alphabet.letters]
        for members in iupac_letters(alphabet, codes)
    ]
    return torch.tensor(rows, dtype=torch.bool).reshape(len(rows), len(alphabet))

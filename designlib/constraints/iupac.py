"""IUPAC codes: one letter that stands for several (Cornish-Bowden 1985, IUPAC-IUB 1984)."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from designlib.spaces import Alphabet
from designlib.types import InputError

__all__ = ["letter_sets"]

_DNA = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
_RNA = {code: letters.replace("T", "U") for code, letters in _DNA.items()}
_PROTEIN = {"B": "DN", "Z": "EQ", "J": "IL", "X": "ACDEFGHIKLMNPQRSTVWY"}
_CODES = {"ACGT": _DNA, "ACGU": _RNA, "ACDEFGHIKLMNPQRSTVWY": _PROTEIN}


def letter_sets(alphabet: Alphabet, codes: str) -> Bool[Tensor, "codes letters"]:
    """Return which letters of ``alphabet`` each code stands for.

    DNA and RNA know the nucleotide codes (``N`` is any), proteins B, Z, J and X
    (any); any other alphabet has only its own letters. Lower case is read as
    upper case. Raises InputError naming the first code that is unknown.

    >>> from designlib.spaces import DNA
    >>> letter_sets(DNA, "RN").int().tolist()
    [[1, 0, 1, 0], [1, 1, 1, 1]]
    """
    known = {letter: letter for letter in alphabet.letters} | _CODES.get(alphabet.letters, {})
    rows = []
    for position, code in enumerate(codes, start=1):
        members = known.get(code) or known.get(code.upper())
        if members is None:
            raise InputError(
                f"{codes!r} has {code!r} at position {position}; "
                f"letters and codes of {alphabet.name} are {''.join(known)}"
            )
        rows.append([letter in members for letter in alphabet.letters])
    return torch.tensor(rows, dtype=torch.bool).reshape(len(rows), len(alphabet))

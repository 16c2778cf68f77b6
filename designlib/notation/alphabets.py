"""Alphabets of sequences, and the IUPAC codes that stand for several letters of one."""

from __future__ import annotations

from dataclasses import dataclass

from designlib.errors import InputError

__all__ = ["ALPHABETS", "BINARY", "DNA", "PROTEIN", "RNA", "Alphabet", "iupac_letters"]


@dataclass(frozen=True)
class Alphabet:
    """An ordered set of letters.

    ``complement`` holds the partner of each letter in the same order, or is
    empty where the molecule has no second strand.
    """

    name: str
    letters: str
    complement: str = ""

    def __len__(self) -> int:
        return len(self.letters)

    def written(self, text: str) -> str:
        """Return a sequence as tables write it: upper case, and T or U as the alphabet has it.

        >>> DNA.written(" acgu")
        'ACGT'
        """
        upper = text.strip().upper()
        # Of proteins T is another thing, and U is none of theirs.
        swap = {"ACGT": ("U", "T"), "ACGU": ("T", "U")}.get(self.letters, ("", ""))
        return upper.replace(*swap) if swap[0] else upper


DNA = Alphabet("dna", "ACGT", "TGCA")
RNA = Alphabet("rna", "ACGU")
PROTEIN = Alphabet("protein", "ACDEFGHIKLMNPQRSTVWY")
BINARY = Alphabet("binary", "01")
ALPHABETS = {alphabet.name: alphabet for alphabet in (DNA, RNA, PROTEIN, BINARY)}

_DNA = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
_RNA = {code: letters.replace("T", "U") for code, letters in _DNA.items()}
_PROTEIN = {"B": "DN", "Z": "EQ", "J": "IL", "X": "ACDEFGHIKLMNPQRSTVWY"}
_CODES = {"ACGT": _DNA, "ACGU": _RNA, "ACDEFGHIKLMNPQRSTVWY": _PROTEIN}


def iupac_letters(alphabet: Alphabet, codes: str) -> list[str]:
    """Return the letters of ``alphabet`` that each code stands for.

    Codes are those of Cornish-Bowden (1985, IUPAC-IUB 1984): DNA and RNA know the nucleotide codes
    (``N`` is any), proteins B, Z, J and X (any); any other alphabet has only its own letters. Lower
    case is read as upper case. Raises InputError naming the first code that is unknown.

    >>> iupac_letters(DNA, "RN")
    ['AG', 'ACGT']
    """
    known = {letter: letter for letter in alphabet.letters} | _CODES.get(alphabet.letters, {})
    told = []
    for position, code in enumerate(codes, start=1):
        members = known.get(code) or known.get(code.upper())
        if members is None:
            raise InputError(
                f"{codes!r} has {code!r} at position {position}; "
                f"letters and codes of {alphabet.name} are {''.join(known)}"
            )
        told.append(members)
    return told

"""Alphabets of sequences, and the IUPAC codes that stand for several letters of one."""

from __future__ import annotations

from dataclasses import dataclass

from designlib.errors import InputError


@dataclass(frozen=True)
class Alphabet:
    """An ordered set of letters.

    ``complement`` holds the partner of each letter in the same order; empty for a molecule of one
    strand.
    """

    name: str
    letters: str
    complement: str = ""

    def __len__(self) -> int:
        return len(self.letters)

    @property
    def partners(self) -> list[int]:
        """Index of the complement of each letter; raises InputError without a second strand."""
        if not self.complement:
            raise InputError(f"{self.name} has no complementary strand")
        return [self.letters.index(letter) for letter in self.complement]

    def reverse_complement(self, text: str) -> str:
        """Return the other strand of a sequence, read in its own direction.

        >>> DNA.reverse_complement("AACG")
        'CGTT'
        """
        partner = {c: self.letters[i] for c, i in zip(self.letters, self.partners, strict=True)}
        return "".join(partner[letter] for letter in reversed(text))

    def written(self, text: str) -> str:
        """Return a sequence as tables write it: upper case, and T or U as the alphabet has it.

        >>> DNA.written(" acgu")
        'ACGT'
        """
        upper = text.strip().upper()
        # T of proteins is threonine.
        swap = {"ACGT": ("U", "T"), "ACGU": ("T", "U")}.get(self.letters, ("", ""))
        return upper.replace(*swap) if swap[0] else upper


DNA = Alphabet("dna", "ACGT", "TGCA")
RNA = Alphabet("rna", "ACGU")
PROTEIN = Alphabet("protein", "ACDEFGHIKLMNPQRSTVWY")
BINARY = Alphabet("binary", "01")
ALPHABETS = {alphabet.name: alphabet for alphabet in (DNA, RNA, PROTEIN, BINARY)}

_CODES_OF_DNA = "R=AG Y=CT S=CG W=AT K=GT M=AC B=CGT D=AGT H=ACT V=ACG N=ACGT"
_DNA = {code[0]: code[2:] for code in _CODES_OF_DNA.split()}
_RNA = {code: letters.replace("T", "U") for code, letters in _DNA.items()}
_PROTEIN = {"B": "DN", "Z": "EQ", "J": "IL", "X": "ACDEFGHIKLMNPQRSTVWY"}
_CODES = {"ACGT": _DNA, "ACGU": _RNA, "ACDEFGHIKLMNPQRSTVWY": _PROTEIN}


def iupac_letters(alphabet: Alphabet, codes: str) -> list[str]:
    """Return the letters of ``alphabet`` that each code stands for.

    Codes are those of Cornish-Bowden (1985, IUPAC-IUB 1984): DNA and RNA have the nucleotide codes
    (``N`` is any), proteins B, Z, J and X (any); other alphabets only their letters. Case does not
    matter. Raises InputError naming the first code that is unknown.

    >>> iupac_letters(DNA, "RN")
    ['AG', 'ACGT']
    """
    accepted = {letter: letter for letter in alphabet.letters} | _CODES.get(alphabet.letters, {})
    rows = []
    for position, code in enumerate(codes, start=1):
        members = accepted.get(code) or accepted.get(code.upper())
        if members is None:
            raise InputError(
                f"{codes!r} has {code!r} at position {position}; "
                f"letters and codes of {alphabet.name} are {''.join(accepted)}"
            )
        rows.append(members)
    return rows

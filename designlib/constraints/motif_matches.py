"""Motifs as sets of letters, and their matches in designs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import conv1d, embedding, pad

from designlib.notation import Alphabet, iupac_letters
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, InputError, Letters

LetterSets: TypeAlias = Bool[Tensor, "_codes letters"]
"""The letters that each position of a motif may have."""


class Motif(NamedTuple):
    """A motif on one strand.

    Attributes
    ----------
    sets
        The letters that each of its positions may have.
    label
        What to call it in a message.
    """

    sets: LetterSets
    label: str

    @property
    def key(self) -> tuple[tuple[bool, ...], ...]:
        """The letter sets as a value that can be compared."""
        return tuple(tuple(row) for row in self.sets.tolist())


def parse_motifs(
    space: SequenceSpace, motifs: Sequence[str], both_strands: bool
) -> list[tuple[Motif, ...]]:
    """Return each motif on its strands: one, or two if the reverse complement differs.

    Raises InputError for no motif, an empty or too long one, one that every design
    contains, an unknown code, or two strands asked of a molecule that has one.
    """
    alphabet = space.alphabet
    if not motifs:
        raise InputError("no motif is given; at least one is needed")
    if both_strands and not alphabet.complement:
        raise InputError(f"{alphabet.name} has no complementary strand to look for motifs on")
    groups = []
    for motif in motifs:
        if not 1 <= len(motif) <= space.length:
            raise InputError(
                f"motif {motif!r} has {len(motif)} letters; 1 to {space.length} are possible"
            )
        forward = Motif(letter_sets(alphabet, motif), motif.upper())
        if forward.sets.all():
            raise InputError(f"motif {motif!r} occurs in every design")
        strands = [forward]
        if both_strands:
            sets = forward.sets.flip(0)[:, alphabet.partners]
            reverse = Motif(sets, f"{forward.label} (reverse strand)")
            strands += [reverse] if reverse.key != forward.key else []
        groups.append(tuple(strands))
    return groups


def letter_sets(alphabet: Alphabet, codes: str) -> LetterSets:
    """Return which letters of ``alphabet`` each IUPAC code stands for.

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


class MotifScan:
    """Counts matching letters of several motifs at every start, all by one convolution.

    Parameters
    ----------
    sets
        The letter sets of each motif, at least one; lengths may differ.
    """

    def __init__(self, sets: Sequence[LetterSets]) -> None:
        self.lengths = torch.tensor([float(len(rows)) for rows in sets])
        longest = max(len(rows) for rows in sets)
        self._overhang = longest - min(len(rows) for rows in sets)
        padded = [pad(rows, (0, 0, 0, longest - len(rows))) for rows in sets]
        self.weights = torch.stack(padded).float()
        channels_first = self.weights.transpose(1, 2).contiguous()
        self._tensors = DeviceTensors(torch.eye(self.weights.shape[2]), channels_first)

    def matches(
        self, letters: Letters, bias: Float[Tensor, "motifs"] | None = None
    ) -> Float[Tensor, "designs motifs starts"]:
        """Return the number of matching positions of every motif at every start, plus ``bias``.

        Starts at which only the longest motifs overhang the end are kept for the shorter
        ones; overhanging positions never match.
        """
        eye, weights = self._tensors.on(letters.device)
        relaxed = embedding(letters, eye).transpose(1, 2)
        return conv1d(pad(relaxed, (0, self._overhang)), weights, bias)

    def distinct_sets(
        self,
    ) -> tuple[Float[Tensor, "sets letters"], Float[Tensor, "motifs offsets sets"]]:
        """Return the distinct letter sets that a design can lack, and where the motifs have them.

        Any letter (``N``) and padding are left out: nothing inside a design lacks them.
        """
        some = self.weights.any(2) & ~self.weights.bool().all(2)
        distinct = self.weights[some].unique(dim=0)
        is_set = (self.weights.unsqueeze(2) == distinct).all(3)
        return distinct, (is_set & some.unsqueeze(2)).float()

"""Motifs as sets of letters, and where they match designs: what all constraints on motifs share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import conv1d, embedding, pad

from designlib.constraints.iupac import letter_sets
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, InputError, Letters

__all__ = ["LetterSets", "MotifScan", "Reading", "read_motifs"]

LetterSets: TypeAlias = Bool[Tensor, "_codes letters"]
"""The letters that each position of a motif may have."""


class Reading(NamedTuple):
    """A motif as it looks on one strand.

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


def read_motifs(
    space: SequenceSpace, motifs: Sequence[str], both_strands: bool
) -> list[tuple[Reading, ...]]:
    """Return the readings of each motif: one, or two where the other strand reads differently.

    Raises InputError for no motif, an empty or too long one, one that every design
    contains, an unknown code, or two strands asked of a molecule that has one.
    """
    alphabet = space.alphabet
    if not motifs:
        raise InputError("no motif is given; at least one is needed")
    if both_strands and not alphabet.complement:
        raise InputError(f"{alphabet.name} has no complementary strand to look for motifs on")
    found = []
    for motif in motifs:
        if not 1 <= len(motif) <= space.length:
            raise InputError(
                f"motif {motif!r} has {len(motif)} letters; 1 to {space.length} are possible"
            )
        forward = Reading(letter_sets(alphabet, motif), motif.upper())
        if forward.sets.all():
            raise InputError(f"motif {motif!r} occurs in every design")
        found.append((forward, *_other_strand(space, forward)) if both_strands else (forward,))
    return found


def _other_strand(space: SequenceSpace, reading: Reading) -> tuple[Reading, ...]:
    letters = space.alphabet.letters
    partner = [letters.index(letter) for letter in space.alphabet.complement]
    other = Reading(reading.sets.flip(0)[:, partner], f"{reading.label} (reverse strand)")
    return () if other.key == reading.key else (other,)


class MotifScan:
    """Counts matching letters of several readings at every start, all by one convolution.

    Parameters
    ----------
    sets
        The letter sets of each reading, at least one; lengths may differ.
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
        self, letters: Letters, bias: Float[Tensor, "readings"] | None = None
    ) -> Float[Tensor, "designs readings starts"]:
        """Return the number of matching positions of every reading at every start, plus ``bias``.

        Starts at which only the longest readings overhang the end are kept for the
        shorter ones; what overhangs never matches, so it can never be complete.
        """
        eye, weights = self._tensors.on(letters.device)
        relaxed = embedding(letters, eye).transpose(1, 2)
        return conv1d(pad(relaxed, (0, self._overhang)), weights, bias)

    def distinct_sets(
        self,
    ) -> tuple[Float[Tensor, "sets letters"], Float[Tensor, "readings offsets sets"]]:
        """Return the distinct letter sets that a design can lack, and where the readings have them.

        Any letter (``N``) and padding are left out: nothing inside a design lacks them.
        """
        some = self.weights.any(2) & ~self.weights.bool().all(2)
        distinct = self.weights[some].unique(dim=0)
        is_set = (self.weights.unsqueeze(2) == distinct).all(3)
        return distinct, (is_set & some.unsqueeze(2)).float()

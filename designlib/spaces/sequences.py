"""Sequences over an alphabet: how strings, letter indices and one-hot rows relate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding

from designlib.notation import Alphabet
from designlib.spaces.base import require_columns, require_each
from designlib.types import ByteLetters, InputError, Letters, OneHot

_NO_LETTER = 255


@dataclass(frozen=True)
class SequenceSpace:
    """All sequences of one length over one alphabet.

    >>> from designlib.notation.alphabets import DNA
    >>> space = SequenceSpace(DNA, 4)
    >>> space.decode(space.encode(["ACGT", "TTAA"]))
    ['ACGT', 'TTAA']
    >>> space.decode(space.reverse_complement(space.encode(["AACG"])))
    ['CGTT']
    """

    alphabet: Alphabet
    length: int
    # Identity matrices by type and device, made once; a plain dict, which a compiler can look into.
    _eyes: dict[tuple[torch.dtype, torch.device], Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.length < 1:
            raise InputError(f"a sequence space needs a length of at least 1, not {self.length}")

    @property
    def columns(self) -> int:
        """The number of sites."""
        return self.length

    def check(self, designs: Letters | ByteLetters) -> None:
        """Raise InputError for another length or an index that is no letter."""
        require_columns(designs, self.length, "letters")
        require_each(
            (designs >= 0) & (designs < len(self.alphabet)),
            lambda row, site: (
                f"letter index {int(designs[row, site])} at position {site + 1}; 0 to "
                f"{len(self.alphabet) - 1} are accepted"
            ),
        )

    def encode(self, designs: Sequence[str]) -> Letters:
        """Return int64 letter indices of shape (designs, sites).

        Raises InputError naming the first sequence that is not of this space.
        """
        return self.encode_compactly(designs).long()

    def encode_compactly(self, designs: Sequence[str]) -> ByteLetters:
        """Return the letter indices as bytes, an eighth of the memory: how tables are kept.

        Raises InputError naming the first sequence that is not of this space.
        """
        table = np.full(256, _NO_LETTER, dtype=np.uint8)
        for index, letter in enumerate(self.alphabet.letters):
            table[ord(letter)] = index
        for row, design in enumerate(designs):
            if len(design) != self.length:
                raise InputError(
                    f"sequence {row + 1} ({design!r}) has {len(design)} letters; "
                    f"{self.length} are needed"
                )
        text = "".join(designs).encode("latin-1", errors="replace")
        flat = table[np.frombuffer(text, dtype=np.uint8)]
        if (flat == _NO_LETTER).any():
            at = int(np.flatnonzero(flat == _NO_LETTER)[0])
            design = designs[at // self.length]
            raise InputError(
                f"sequence {at // self.length + 1} ({design!r}) has {design[at % self.length]!r} "
                f"at position {at % self.length + 1}; letters of {self.alphabet.name} are "
                f"{self.alphabet.letters}"
            )
        return torch.from_numpy(flat.reshape(len(designs), self.length))

    def decode(self, designs: Letters) -> list[str]:
        """Return the sequences that the letter indices stand for."""
        table = np.frombuffer(self.alphabet.letters.encode(), dtype=np.uint8)
        rows = table[designs.cpu().numpy()]
        return [row.tobytes().decode() for row in rows]

    def relax(self, designs: Letters | ByteLetters, dtype: torch.dtype = torch.float32) -> OneHot:
        """Return one-hot rows of shape (designs, sites, letters), also of letters as bytes."""
        eye = self._eyes.get((dtype, designs.device))
        if eye is None:
            eye = torch.eye(len(self.alphabet), dtype=dtype, device=designs.device)
            self._eyes[dtype, designs.device] = eye
        return embedding(designs.long(), eye)

    def random(self, n: int, generator: torch.Generator) -> Letters:
        """Return ``n`` uniformly random designs."""
        return torch.randint(len(self.alphabet), (n, self.length), generator=generator)

    def reverse_complement(self, letters: Letters) -> Letters:
        """Return the other strands; raise InputError for an alphabet without a complement."""
        partners = torch.tensor(self.alphabet.partners, device=letters.device)
        return partners[letters].flip(1)

    def canonical(self, designs: Sequence[str]) -> list[str]:
        """Return the alphabetically first strand of each design."""
        self.encode_compactly(designs)  # which names a letter of no alphabet
        letters = self.alphabet.letters
        partner = str.maketrans(letters, "".join(letters[i] for i in self.alphabet.partners))
        return [min(design, design.translate(partner)[::-1]) for design in designs]

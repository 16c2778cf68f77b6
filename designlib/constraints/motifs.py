"""Forbidden motifs, such as restriction sites, on one strand or both."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import conv1d, embedding, pad

from designlib.devices import DeviceTensors
from designlib.constraints.iupac import letter_sets
from designlib.spaces import SequenceSpace
from designlib.types import InputError, Letters, Moves

__all__ = ["ForbiddenMotifs"]


class ForbiddenMotifs:
    """Designs in which none of the motifs occurs.

    A motif must lie wholly inside the design to count. All motifs of all lengths
    share one convolution, which counts the matching positions of every window;
    a move makes a motif when the window lacks one match and the move supplies it.

    Parameters
    ----------
    space
        The space of the designs.
    motifs
        IUPAC strings, no longer than the designs.
    both_strands
        Forbid the reverse complements too; only where the alphabet has a complement.

    Raises
    ------
    InputError
        No motif, an empty or too long one, one that every design contains, an
        unknown code, or two strands asked of a molecule that has one.
    """

    name = "forbidden_motifs"

    def __init__(self, space: SequenceSpace, motifs: Sequence[str], both_strands: bool) -> None:
        self.space = space
        self.sets, self.labels = _readings(space, motifs, both_strands)
        longest = max(len(rows) for rows in self.sets)
        self._overhang = longest - min(len(rows) for rows in self.sets)
        padded = [pad(rows, (0, 0, 0, longest - len(rows))) for rows in self.sets]
        weights = torch.stack(padded).float()
        lengths = torch.tensor([float(len(rows)) for rows in self.sets])
        distinct, spread = _mismatch_weights(weights)
        self._tensors = DeviceTensors(
            torch.eye(len(space.alphabet)),
            weights.transpose(1, 2).contiguous(),
            2.0 - lengths,
            lengths[:, None] - 0.5,
            spread,
            1.0 - distinct.T.contiguous(),
            distinct,
        )

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves that complete no motif."""
        _, _, bias, _, spread, lacking, distinct = self._tensors.on(letters.device)
        # Matches + 2 - length is 1 where one match is missing, and at most 0 where more are.
        nearly = self._matches(letters, bias).relu_()
        # [designs, sites, sets]: windows that lack one match, by the set they want at the site.
        reach = spread.shape[2] - 1
        wanted = conv1d(nearly, spread, padding=reach)[:, :, : letters.shape[1]].transpose(1, 2)
        return (embedding(letters, lacking) * wanted) @ distinct < 0.5

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return how often motifs occur."""
        return self._occurs(letters).sum((1, 2))

    def satisfied(self, letters: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs are free of the motifs."""
        return ~self._occurs(letters).any(2).any(1)

    def violations(self, letters: Letters) -> list[str]:
        """Return a sentence that names the first motif found and where it is."""
        sentences = [""] * letters.shape[0]
        counts = self.conflicts(letters).tolist()
        # nonzero is ordered by design, then motif, then position: keep the first of each design.
        for row, motif, start in reversed(self._occurs(letters).nonzero().tolist()):
            more = f" and {counts[row] - 1} more" if counts[row] > 1 else ""
            sentences[row] = (
                f"forbidden motif {self.labels[motif]} at positions "
                f"{start + 1}-{start + len(self.sets[motif])}{more}"
            )
        return sentences

    def _matches(
        self, letters: Letters, bias: Float[Tensor, "motifs"] | None = None
    ) -> Float[Tensor, "designs motifs starts"]:
        """Return the number of matching positions of every motif at every start, plus ``bias``.

        Starts at which only the longest motifs overhang the end are kept for the
        shorter ones; what overhangs never matches, so it can never be complete.
        """
        eye, weights, *_ = self._tensors.on(letters.device)
        relaxed = embedding(letters, eye).transpose(1, 2)
        return conv1d(pad(relaxed, (0, self._overhang)), weights, bias)

    def _occurs(self, letters: Letters) -> Bool[Tensor, "designs motifs starts"]:
        _, _, _, complete, *_ = self._tensors.on(letters.device)
        return self._matches(letters) > complete


def _readings(
    space: SequenceSpace, motifs: Sequence[str], both_strands: bool
) -> tuple[list[Tensor], list[str]]:
    """Return the letter sets of every distinct motif reading, and what to call each."""
    alphabet = space.alphabet
    if not motifs:
        raise InputError("no motif is given; at least one is needed")
    if both_strands and not alphabet.complement:
        raise InputError(f"{alphabet.name} has no complementary strand to look for motifs on")
    found: dict[tuple[tuple[bool, ...], ...], str] = {}
    for motif in motifs:
        if not 1 <= len(motif) <= space.length:
            raise InputError(
                f"motif {motif!r} has {len(motif)} letters; 1 to {space.length} are possible"
            )
        sets = letter_sets(alphabet, motif)
        if sets.all():
            raise InputError(f"motif {motif!r} occurs in every design")
        found.setdefault(_key(sets), motif.upper())
        if both_strands:
            partner = [alphabet.letters.index(letter) for letter in alphabet.complement]
            other = sets.flip(0)[:, partner]
            found.setdefault(_key(other), f"{motif.upper()} (reverse strand)")
    return [torch.tensor(key) for key in found], list(found.values())


def _key(sets: Bool[Tensor, "codes letters"]) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple(row) for row in sets.tolist())


def _mismatch_weights(
    weights: Float[Tensor, "motifs offsets letters"],
) -> tuple[Float[Tensor, "sets letters"], Float[Tensor, "sets motifs offsets"]]:
    """Return the distinct letter sets that a position can lack, and where each motif has them.

    ``N`` and padding are left out: nothing that is inside the design lacks them. Offsets run
    backwards, as a convolution needs them that goes from windows to sites.
    """
    some = weights.any(2) & ~weights.bool().all(2)
    distinct = weights[some].unique(dim=0)
    is_set = (weights.unsqueeze(2) == distinct).all(3)
    return distinct, (is_set & some.unsqueeze(2)).float().permute(2, 0, 1).flip(2)

"""Motifs that must occur, such as the binding sites of the factors that a promoter needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import embedding, pad

from designlib.constraints.readings import LetterSets, MotifScan, Reading, read_motifs
from designlib.devices import DeviceTensors
from designlib.spaces import SequenceSpace
from designlib.types import Letters, Moves

__all__ = ["RequiredMotifs"]

Lacking: TypeAlias = Float[Tensor, "designs motifs readings starts"]


class RequiredMotifs:
    """Designs in which each of the motifs occurs at least once.

    A motif must lie wholly inside the design to count. A change can only take a motif
    away if every occurrence covers its site, so only the sites of one occurrence of each
    motif are looked at: there, the motif stays if as many occurrences are left or made by
    the change as are needed, namely one.

    Parameters
    ----------
    space
        The space of the designs.
    motifs
        IUPAC strings, no longer than the designs.
    both_strands
        Let the reverse complement of a motif count as the motif; only where the
        alphabet has a complement.

    Raises
    ------
    InputError
        No motif, an empty or too long one, one that every design contains, an
        unknown code, or two strands asked of a molecule that has one.
    """

    name = "required_motifs"

    def __init__(self, space: SequenceSpace, motifs: Sequence[str], both_strands: bool) -> None:
        self.space = space
        groups: dict[object, tuple[Reading, ...]] = {}
        for group in read_motifs(space, motifs, both_strands):
            # The same motif may be given twice, or as its own reverse complement.
            groups.setdefault(frozenset(reading.key for reading in group), group)
        self.groups = list(groups.values())
        per_motif = max(len(group) for group in self.groups)
        self._scan = MotifScan(
            [sets for group in self.groups for sets in _filled(group, per_motif)]
        )
        lengths = self._scan.lengths
        starts = torch.arange(space.length - int(lengths.min()) + 1)
        overhangs = starts > space.length - lengths[:, None]
        self._shape = (len(self.groups), per_motif, len(starts))
        lacked, places = self._scan.distinct_sets()
        self._longest = places.shape[1]
        self._tensors = DeviceTensors(
            -lengths,
            overhangs.view(self._shape),
            _places_beside(places).view(self._shape[0], -1, self._longest * len(lacked)),
            lacked.T.contiguous(),
            torch.cat([lacked - 1, lacked]),
            torch.arange(2 * self._longest - 1),
            torch.arange(len(space.alphabet)),
        )

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves after which every motif still occurs."""
        *_, to_letters, shifts, choices = self._tensors.on(letters.device)
        lacking = self._lacking(letters)
        # The first site of a stretch that covers one occurrence of each motif.
        first = lacking.flatten(2).argmin(2) % self._shape[2]
        first = first.clamp(max=letters.shape[1] - self._longest)
        left = self._left(letters, lacking, first)
        sites = first.unsqueeze(2) + shifts[: self._longest]
        moves = (sites.unsqueeze(3) * len(choices) + choices).flatten(1)
        lost = torch.zeros(letters.shape[0], letters.shape[1] * len(choices), device=letters.device)
        lost.scatter_add_(1, moves, (left < 0.5).float().flatten(1))
        return (lost < 0.5).view(*letters.shape, len(choices))

    def conflicts(self, letters: Letters) -> Int[Tensor, "designs"]:
        """Return how many letters must change at least, summed over motifs."""
        return self._nearest(letters).values.sum(1).long()

    def satisfied(self, letters: Letters) -> Bool[Tensor, "designs"]:
        """Return which designs have every motif."""
        return (self._nearest(letters).values < 0.5).all(1)

    def violations(self, letters: Letters) -> list[str]:
        """Return a sentence that names the first missing motif and where it nearly is."""
        nearest = self._nearest(letters)
        rows = zip(nearest.values.tolist(), nearest.indices.tolist(), strict=True)
        return [self._sentence(lacking, places) for lacking, places in rows]

    def _sentence(self, lacking: list[float], places: list[int]) -> str:
        missing = [index for index, count in enumerate(lacking) if count > 0]
        if not missing:
            return ""
        motif = missing[0]
        which, start = divmod(places[motif], self._shape[2])
        reading = self.groups[motif][which]
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return (
            f"required motif {reading.label} is missing: {lacking[motif]:.0f} letters differ at "
            f"positions {start + 1}-{start + len(reading.sets)}{more}"
        )

    def _nearest(self, letters: Letters) -> torch.return_types.min:
        """Return how many letters each motif lacks where it lacks least, and which place that is.

        The place is numbered as reading * starts + start.
        """
        _, overhangs, *_ = self._tensors.on(letters.device)
        lacking = self._lacking(letters).masked_fill(overhangs, torch.inf)
        return lacking.flatten(2).min(2)

    def _lacking(self, letters: Letters) -> Lacking:
        """Return how many letters each reading lacks at each start."""
        minus_lengths, *_ = self._tensors.on(letters.device)
        matches = self._scan.matches(letters, minus_lengths)
        return matches.neg_().view(letters.shape[0], *self._shape)

    def _left(
        self, letters: Letters, lacking: Lacking, first: Int[Tensor, "designs motifs"]
    ) -> Float[Tensor, "designs motifs offsets letters"]:
        """Return how often each motif occurs after each change in the stretch from ``first`` on."""
        _, _, beside, has, to_letters, shifts, _ = self._tensors.on(letters.device)
        reach = self._longest - 1
        # [motifs, designs, windows]: what the windows lack that can cover the stretch.
        windows = (first.unsqueeze(2) + shifts).unsqueeze(2).expand(-1, -1, self._shape[1], -1)
        near = pad(lacking, (reach, reach), value=torch.inf).gather(3, windows)
        near = near.flatten(2).transpose(0, 1)
        shape = (self._shape[0], letters.shape[0], self._longest, -1)
        full = torch.bmm((near < 0.5).float(), beside).view(shape)
        # Those that lack nothing count as well, but not where the site has a letter of the set.
        almost = torch.bmm((near < 1.5).float(), beside).view(shape)
        sites = (first.unsqueeze(2) + shifts[: self._longest]).flatten(1)
        own = embedding(letters.gather(1, sites), has).view(letters.shape[0], *shape[::2], -1)
        own = own.transpose(0, 1)
        change = torch.cat([full * own, almost * (1 - own)], 3) @ to_letters
        now = (lacking < 0.5).sum((2, 3))
        return change.transpose(0, 1) + now[:, :, None, None]


def _filled(group: tuple[Reading, ...], readings: int) -> list[LetterSets]:
    """Return the letter sets of a motif's readings, made up with some that never match."""
    sets = [reading.sets for reading in group]
    return sets + [torch.zeros_like(sets[0])] * (readings - len(sets))


def _places_beside(
    places: Float[Tensor, "readings offsets sets"],
) -> Float[Tensor, "readings windows offsets sets"]:
    """Return which set each reading has at each site of a stretch, for each window near it.

    The stretch is as long as the longest reading; the windows are those that start up
    to a letter less before it or after its first site.
    """
    offsets = places.shape[1]
    padded = pad(places, (0, 0, offsets - 1, offsets - 1))
    return padded.unfold(1, offsets, 1).flip(1).transpose(2, 3)

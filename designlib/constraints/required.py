"""Motifs that must occur, such as the binding sites of the factors that a promoter needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import embedding, pad

from designlib.constraints.motif_matches import LetterSets, Motif, MotifScan, parse_motifs
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, Letters, Moves

Lacking: TypeAlias = Float[Tensor, "designs motifs strands starts"]


class RequiredMotifs:
    """Designs in which each of the motifs occurs at least once.

    A motif must lie wholly inside the design to count. A change can take a motif away only
    if each of its occurrences covers the site; so only the sites of one occurrence of each
    motif are looked at, and there it is counted how often the motif occurs after each change.

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

    Examples
    --------
    >>> from designlib.notation.alphabets import DNA
    >>> space = SequenceSpace(DNA, 8)
    >>> constraint = RequiredMotifs(space, ["GGTCTC"], both_strands=True)
    >>> constraint.violations(space.encode(["AGAGACCA", "AGGTCTTA"]))
    ['', 'required motif GGTCTC is missing (1 letter differs at positions 2-7)']
    """

    name = "required_motifs"

    def __init__(self, space: SequenceSpace, motifs: Sequence[str], both_strands: bool) -> None:
        self.space = space
        groups: dict[object, tuple[Motif, ...]] = {}
        for group in parse_motifs(space, motifs, both_strands):
            # The same motif may be given twice, or as its own reverse complement.
            groups.setdefault(frozenset(motif.key for motif in group), group)
        self.groups = list(groups.values())
        per_motif = max(len(group) for group in self.groups)
        self._scan = MotifScan(
            [sets for group in self.groups for sets in _filled(group, per_motif)]
        )
        lengths = self._scan.lengths
        starts = torch.arange(space.length - int(lengths.min()) + 1)
        self._shape = (len(self.groups), per_motif, len(starts))
        # Starts at which a motif does not fit, and padding.
        outside = starts > space.length - lengths[:, None]
        outside |= ~self._scan.weights.flatten(1).any(1, keepdim=True)
        self._places = DeviceTensors(-lengths, outside.view(self._shape))
        lacked, places = self._scan.distinct_sets()
        self._longest = places.shape[1]
        self._changes = DeviceTensors(
            _places_beside(places).view(self._shape[0], -1, self._longest * len(lacked)),
            lacked.T.contiguous(),
            torch.cat([lacked - 1, lacked]),
        )

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves after which every motif still occurs."""
        n, length = letters.shape
        n_letters = len(self.space.alphabet)
        lacking = self._lacking(letters)
        # The first site of a stretch that covers one occurrence of each motif.
        first = lacking.flatten(2).argmin(2) % self._shape[2]
        first = first.clamp(max=length - self._longest)
        sites = first.unsqueeze(2) + torch.arange(self._longest, device=letters.device)
        lost = self._left(letters, lacking, sites) < 0.5
        moves = sites.unsqueeze(3) * n_letters + torch.arange(n_letters, device=letters.device)
        count = torch.zeros(n, length * n_letters, device=letters.device)
        count.scatter_add_(1, moves.flatten(1), lost.float().flatten(1))
        return (count < 0.5).view(n, length, n_letters)

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
        strand = self.groups[motif][which]
        count = int(lacking[motif])
        letters = "1 letter differs" if count == 1 else f"{count} letters differ"
        more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        return (
            f"required motif {strand.label} is missing ({letters} at positions "
            f"{start + 1}-{start + len(strand.sets)}){more}"
        )

    def _nearest(self, letters: Letters) -> torch.return_types.min:
        """Return how many letters each motif lacks where it lacks least, and which place that is.

        The place is numbered as strand * starts + start.
        """
        _, outside = self._places.on(letters.device)
        lacking = self._lacking(letters).masked_fill(outside, torch.inf)
        return lacking.flatten(2).min(2)

    def _lacking(self, letters: Letters) -> Lacking:
        """Return how many letters each motif lacks on each strand at each start."""
        minus_lengths, _ = self._places.on(letters.device)
        matches = self._scan.matches(letters, minus_lengths)
        return matches.neg_().view(letters.shape[0], *self._shape)

    def _left(
        self, letters: Letters, lacking: Lacking, sites: Int[Tensor, "designs motifs stretch"]
    ) -> Float[Tensor, "designs motifs stretch letters"]:
        """Return how often each motif occurs after each change in a stretch of sites."""
        beside, has, to_letters = self._changes.on(letters.device)
        reach = self._longest - 1
        # What the windows lack that can cover the stretch, by motif: all others stay as they are.
        windows = torch.arange(2 * reach + 1, device=letters.device) + sites[:, :, :1]
        windows = windows.unsqueeze(2).expand(-1, -1, self._shape[1], -1)
        near = pad(lacking, (reach, reach), value=torch.inf).gather(3, windows)
        near = near.flatten(2).transpose(0, 1)
        # [motifs, designs, stretch, sets]: windows that lack nothing, or one letter at most, and
        # want a letter of the set at the site.
        shape = (near.shape[0], near.shape[1], self._longest, has.shape[1])
        full = torch.bmm((near < 0.5).float(), beside).view(shape)
        almost = torch.bmm((near < 1.5).float(), beside).view(shape)
        own = embedding(letters.gather(1, sites.flatten(1)), has)
        own = own.view(*sites.shape, has.shape[1]).transpose(0, 1)
        # A change loses the full windows whose set it leaves, and fills those that lacked it.
        change = torch.cat([full * own, almost * (1 - own)], 3) @ to_letters
        now = (lacking < 0.5).sum((2, 3))
        return change.transpose(0, 1) + now[:, :, None, None]


def _filled(group: tuple[Motif, ...], strands: int) -> list[LetterSets]:
    """Return the letter sets of a motif on each strand, padded with sets that never match."""
    sets = [motif.sets for motif in group]
    return sets + [torch.zeros_like(sets[0])] * (strands - len(sets))


def _places_beside(
    places: Float[Tensor, "strands offsets sets"],
) -> Float[Tensor, "strands windows offsets sets"]:
    """Return which set each strand has at each site of a stretch, for each window near it.

    The stretch is as long as the longest motif; the windows are those that start up
    to a letter less before it or after its first site.
    """
    offsets = places.shape[1]
    padded = pad(places, (0, 0, offsets - 1, offsets - 1))
    return padded.unfold(1, offsets, 1).flip(1).transpose(2, 3)

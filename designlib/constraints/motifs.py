"""Forbidden motifs, such as restriction sites, on one strand or both."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import conv1d, embedding

from designlib.constraints.motif_matches import Motif, MotifScan, parse_motifs
from designlib.spaces import SequenceSpace
from designlib.types import DeviceTensors, Letters, Moves


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
        distinct: dict[object, Motif] = {}
        for group in parse_motifs(space, motifs, both_strands):
            for motif in group:
                distinct.setdefault(motif.key, motif)
        self.sets = [motif.sets for motif in distinct.values()]
        self.labels = [motif.label for motif in distinct.values()]
        self._scan = MotifScan(self.sets)
        lengths = self._scan.lengths
        lacked, places = self._scan.distinct_sets()
        self._tensors = DeviceTensors(
            2.0 - lengths,
            lengths[:, None] - 0.5,
            # Offsets run backwards in a convolution that goes from windows to sites.
            places.permute(2, 0, 1).flip(2),
            1.0 - lacked.T.contiguous(),
            lacked,
        )

    def allowed_moves(self, letters: Letters) -> Moves:
        """Return the moves that complete no motif."""
        bias, _, spread, lacking, distinct = self._tensors.on(letters.device)
        # Matches + 2 - length is 1 where one match is missing, and at most 0 where more are.
        nearly = self._scan.matches(letters, bias).relu_()
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

    def _occurs(self, letters: Letters) -> Bool[Tensor, "designs motifs starts"]:
        _, complete, *_ = self._tensors.on(letters.device)
        return self._scan.matches(letters) > complete

"""Coverage of known modes."""

import pytest
import torch

from designlib.notation.alphabets import DNA
from designlib.sampling.diagnostics import mode_coverage
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 4)
DESIGNS = SPACE.encode(["ACGT", "AAAA", "ACGT", "CCGT"])


def test_whole_designs():
    share, counts = mode_coverage(DESIGNS, SPACE.encode(["ACGT", "GGGG", "AAAA", "AAAT"]))
    assert share == 0.5
    assert counts.tolist() == [2, 0, 1, 0]


def test_flags_of_motifs():
    texts, motifs = SPACE.decode(DESIGNS), ("CGT", "AA", "TT")
    hits = torch.tensor([[motif in text for motif in motifs] for text in texts])
    share, counts = mode_coverage(DESIGNS, hits)
    assert share == pytest.approx(2 / 3)
    assert counts.tolist() == [3, 1, 0]


def test_flags_say_the_same_as_designs():
    modes = SPACE.encode(["ACGT", "GGGG"])
    hits = torch.tensor([[list(d) == list(m) for m in modes.tolist()] for d in DESIGNS.tolist()])
    one, other = mode_coverage(DESIGNS, modes), mode_coverage(DESIGNS, hits)
    assert one.share == other.share
    assert torch.equal(one.counts, other.counts)


def test_no_designs_reach_nothing():
    assert mode_coverage(DESIGNS[:0], DESIGNS[:2]).counts.tolist() == [0, 0]


def test_refusals():
    with pytest.raises(InputError, match="no modes"):
        mode_coverage(DESIGNS, DESIGNS[:0])
    with pytest.raises(InputError, match="no modes"):
        mode_coverage(DESIGNS, torch.zeros(4, 0, dtype=torch.bool))
    with pytest.raises(InputError, match="modes have 1 sites, but the designs have 4"):
        mode_coverage(DESIGNS, DESIGNS[:, :1])
    with pytest.raises(InputError, match="flags for 3 designs, but 4 designs"):
        mode_coverage(DESIGNS, torch.zeros(3, 2, dtype=torch.bool))

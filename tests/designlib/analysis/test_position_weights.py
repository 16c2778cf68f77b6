"""Motifs: scores by the formula, thresholds against all words, the JASPAR format."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from designlib.analysis.position_weights import Motif, read_motifs
from designlib.notation.alphabets import DNA
from designlib.spaces import SequenceSpace
from designlib.types import InputError
from tests.designlib.benchmarks.problems.published import published

COUNTS = torch.tensor(
    [[8.0, 1, 0, 1], [0, 10, 0, 0], [3, 3, 2, 2], [0, 0, 9, 1], [5, 0, 5, 0]], dtype=torch.float64
)
TEXT = """# a remark
>M1.1\tone
A  [ 8 0 3 0 5 ]
C  [ 1 10 3 0 0 ]
G  [ 0 0 2 9 5 ]
T  [ 1 0 2 1 0 ]
"""


@pytest.fixture
def motif() -> Motif:
    return Motif.from_counts("one", "M1.1", COUNTS)


def score(word: str) -> float:
    total = 0.0
    for position, letter in enumerate(word):
        count = float(COUNTS[position, DNA.letters.index(letter)])
        total += math.log((count + 0.25) / (10 + 1) / 0.25)
    return total


def test_scores_of_every_window(motif: Motif) -> None:
    design = "ACAGATTCGGA"
    found = motif.scores(SequenceSpace(DNA, len(design)).encode([design]))[0]
    assert found.tolist() == pytest.approx([score(design[i : i + 5]) for i in range(7)])


def test_the_consensus_scores_best(motif: Motif) -> None:
    every = ["".join(word) for word in itertools.product("ACGT", repeat=5)]
    assert motif.best_score == pytest.approx(max(map(score, every)))
    consensus = SequenceSpace(DNA, 5).decode(motif.consensus[None])[0]
    assert score(consensus) == pytest.approx(motif.best_score)


@pytest.mark.parametrize("p_value", [1.0, 0.3, 0.05, 0.01, 1 / 512, 1 / 1024])
def test_the_threshold_is_that_of_all_words(motif: Motif, p_value: float) -> None:
    scores = np.sort([score("".join(word)) for word in itertools.product("ACGT", repeat=5)])
    threshold = motif.threshold(p_value)
    assert (scores >= threshold).mean() <= p_value
    # The next score below would be reached too often.
    lower = scores[scores < threshold - 0.02]
    if len(lower):
        assert (scores >= lower[-1]).mean() > p_value


def test_no_score_is_rare_enough(motif: Motif) -> None:
    assert motif.threshold(1e-4) == math.inf
    with pytest.raises(InputError, match="p-value"):
        motif.threshold(0.0)


def test_the_jaspar_format_is_read() -> None:
    motif = read_motifs(TEXT)["one"]
    assert (motif.matrix, motif.length) == ("M1.1", 5)
    assert torch.allclose(motif.probabilities, (COUNTS + 0.25) / 11)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (">M1.1\tone", "M1.1 one", "is not a line"),
        (">M1.1\tone", ">M1.1", "is not a line"),
        ("T  [ 1 0 2 1 0 ]\n", "", "one row of counts each"),
        ("C  [", "T  [", "one row of counts each"),
        ("9 5", "9", "the rows have"),
        ("9 5", "9 x", "could not convert"),
        ("9 5", "9 -5", "negative"),
        ("9 5", "9 nan", "negative or not a number"),
    ],
)
def test_anything_else_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_motifs(TEXT.replace(old, new))


def test_a_factor_has_one_matrix() -> None:
    with pytest.raises(InputError, match="two matrices are of one"):
        read_motifs(TEXT + TEXT)


def test_a_design_shorter_than_the_motif_is_refused(motif: Motif) -> None:
    with pytest.raises(InputError, match="does not fit"):
        motif.scores(torch.zeros((1, 4), dtype=torch.int64))


def test_the_embedded_matrices() -> None:
    motifs = read_motifs(published("jaspar_liver.txt").read_text(encoding="ascii"))
    space = SequenceSpace(DNA, 13)
    assert {name: (m.matrix, m.length) for name, m in motifs.items()} == {
        "HNF1A": ("MA0046.3", 13),
        "HNF4A": ("MA0114.5", 9),
        "FOXA2": ("MA0047.4", 8),
        "CEBPA": ("MA0102.5", 10),
        "ONECUT1": ("MA0679.3", 9),
    }
    # As in the publications of these factors.
    assert space.decode(motifs["HNF1A"].consensus[None]) == ["GTTAATGATTAAC"]
    assert SequenceSpace(DNA, 8).decode(motifs["FOXA2"].consensus[None]) == ["TGTAAACA"]

"""What counts of words tell of scores that are made of them."""

from __future__ import annotations

import pytest
import torch

from designlib.analysis.kmers import kmer_alignment, kmer_counts
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 9)


def composition(x):
    return x.sum(1) @ torch.tensor([1.0, -1.0, 2.0, 0.5])


def dimers(x):
    """How often CG occurs, wherever."""
    return (x[:, :-1, 1] * x[:, 1:, 2]).sum(1)


def place(x):
    return x[:, 3, 0]


def test_counts_are_those_of_the_words() -> None:
    letters = SPACE.encode(["ACGACGTTT"])
    counts = kmer_counts(letters, 4, 3)[0]
    assert counts.sum() == 7
    assert counts[0 * 16 + 1 * 4 + 2] == 2
    assert counts[3 * 16 + 3 * 4 + 3] == 1


def test_each_order_is_told_apart_and_places_are_in_none() -> None:
    generator = torch_generator(0, "designs")
    steps = [
        lambda x: 0 * composition(x),
        lambda x: 0.5 * composition(x),
        lambda x: composition(x) + 0.25 * (dimers(x) - 0.5),
        lambda x: composition(x) + dimers(x),
    ]
    learned = kmer_alignment(steps, SPACE, generator).learned
    # Dimers tell something of composition as well, so only their own order is clean.
    assert learned[:, 0].tolist() == pytest.approx([0, 0.5, 1, 1], abs=0.2)
    assert learned[:, 1].tolist() == pytest.approx([0, 0, 0.25, 1], abs=1e-4)
    assert learned[:, 2].tolist() == pytest.approx([0, 0, 0, 0], abs=1e-4)
    of_place = kmer_alignment([place], SPACE, torch_generator(0, "designs"))
    whole = place(SPACE.relax(SPACE.random(4000, generator))).var()
    assert float(of_place.energy.sum()) < 0.35 * float(whole)


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="words of up to 10 letters"):
        kmer_alignment([place], SPACE, torch_generator(0, "designs"), 10)

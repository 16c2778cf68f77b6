"""Feasible starting designs."""

import pytest
import torch

from designlib.constraints import (
    AllowedLetters,
    ForbiddenMotifs,
    GCWindow,
    HammingBall,
    HomopolymerLimit,
    Product,
    feasible_starts,
)
from designlib.randomness import torch_generator
from designlib.spaces import DNA, Alphabet, SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 40)
REFERENCE = "ACGT" * 10


def fixed(space, sites):
    table = torch.ones(space.length, 4, dtype=torch.bool)
    for site, letters in sites.items():
        table[site] = torch.tensor([c in letters for c in "ACGT"])
    return AllowedLetters(space, table)


TIGHT = Product(
    SPACE,
    [
        HammingBall(SPACE, REFERENCE, 5),
        fixed(SPACE, {0: "G", 5: "AC"}),
        ForbiddenMotifs(SPACE, ["GGTCTC", "TACCTA"], True),
        GCWindow(SPACE, 0.4, 0.6, 20),
        HomopolymerLimit(SPACE, 2),
    ],
)


@pytest.mark.parametrize(
    "constraint",
    [
        Product(SPACE, []),
        HomopolymerLimit(SPACE, 3),
        HammingBall(SPACE, REFERENCE, 0),
        HammingBall(SPACE, REFERENCE, 4),
        fixed(SPACE, dict.fromkeys(range(35), "A")),
        GCWindow(SPACE, 0.9, 1.0),
        TIGHT,
    ],
    ids=lambda c: c.name,
)
def test_starts_are_feasible_and_repeatable(constraint):
    starts = feasible_starts(SPACE, constraint, 200, torch_generator(1))
    assert starts.shape == (200, 40)
    assert constraint.satisfied(starts).all()
    assert torch.equal(starts, feasible_starts(SPACE, constraint, 200, torch_generator(1)))


def test_starts_differ():
    starts = feasible_starts(SPACE, TIGHT, 200, torch_generator(1))
    assert len(set(SPACE.decode(starts))) > 150


def test_rejection_is_uniform():
    space = SequenceSpace(DNA, 2)
    starts = feasible_starts(space, HomopolymerLimit(space, 1), 12000, torch_generator(0))
    _, counts = starts.unique(dim=0, return_counts=True)
    assert len(counts) == 12
    assert (counts - 1000).abs().max() < 4 * 1000**0.5


def test_walk_from_seeds():
    # Every window of 10 has exactly 5 G or C: only a design of period 10 does, so that
    # neither rejection nor repair finds one, but all moves between A and T are allowed.
    constraint = GCWindow(SPACE, 0.5, 0.5, 10)
    seed = SPACE.encode(["ACGTACGTAG" * 4, "A" * 40])
    starts = feasible_starts(SPACE, constraint, 50, torch_generator(2), seed)
    assert constraint.satisfied(starts).all()
    assert len(set(SPACE.decode(starts))) > 40
    with pytest.raises(InputError, match="satisfies gc;"):
        feasible_starts(SPACE, constraint, 50, torch_generator(2))


def test_walk_stays_where_nothing_is_allowed():
    # The two designs of alternating letters are the only ones, and no move joins them.
    space = SequenceSpace(Alphabet("binary", "01"), 40)
    constraint = HomopolymerLimit(space, 1)
    seed = space.encode(["01" * 20])
    starts = feasible_starts(space, constraint, 3, torch_generator(0), seed)
    assert constraint.satisfied(starts).all()


def test_clash_names_only_those_that_clash():
    space = SequenceSpace(DNA, 12)
    constraint = Product(
        space,
        [
            HomopolymerLimit(space, 4),
            fixed(space, dict.fromkeys(range(8), "AT")),
            ForbiddenMotifs(space, ["CCCC"], True),
            GCWindow(space, 0.5, 0.9),
        ],
    )
    with pytest.raises(InputError, match="satisfies fixed_sites and gc together"):
        feasible_starts(space, constraint, 4, torch_generator(0))
    alone = ForbiddenMotifs(space, ["W", "S"], False)
    with pytest.raises(InputError, match="satisfies forbidden_motifs; relax"):
        feasible_starts(space, alone, 4, torch_generator(0))


def test_fixed_sites_that_clash():
    space = SequenceSpace(DNA, 3)
    constraint = Product(space, [fixed(space, {0: "A"}), fixed(space, {0: "C"})])
    with pytest.raises(InputError, match="fixed_sites and fixed_sites together"):
        feasible_starts(space, constraint, 4, torch_generator(0))


def test_at_least_one_start():
    with pytest.raises(InputError, match="0 starting designs"):
        feasible_starts(SPACE, TIGHT, 0, torch_generator(0))

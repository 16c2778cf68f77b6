"""Feasible starting designs."""

import pytest
import torch
from scipy import stats

from designlib.constraints import (
    AllOf,
    AllowedLetters,
    ForbiddenMotifs,
    ForbiddenTransitions,
    GCWindow,
    HammingBall,
    HomopolymerLimit,
    Rejection,
    RequiredMotifs,
    feasible_starts,
)
from designlib.constraints.min_conflicts import near_feasible
from designlib.constraints.paths import pair_rules
from designlib.notation.alphabets import BINARY, DNA, PROTEIN
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 40)
REFERENCE = "ACGT" * 10
NO_ELEVENS = torch.tensor([[1, 1], [1, 0]]) > 0
NO_CG = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1]]) > 0


def fixed(space, sites):
    table = torch.ones(space.length, 4, dtype=torch.bool)
    for site, letters in sites.items():
        table[site] = torch.tensor([c in letters for c in "ACGT"])
    return AllowedLetters(space, table)


TIGHT = AllOf(
    SPACE,
    [
        HammingBall(SPACE, REFERENCE, 5),
        fixed(SPACE, {0: "G", 5: "AC"}),
        ForbiddenMotifs(SPACE, ["GGTCTC", "TACCTA"], True),
        GCWindow(SPACE, 0.4, 0.6, 20),
        HomopolymerLimit(SPACE, 2),
    ],
)


def sparse(n_letters, seed):
    """Return transitions of which about a third are banned, with a way from each letter to all."""
    allowed = torch.rand((n_letters, n_letters), generator=torch_generator(seed)) > 1 / 3
    letters = torch.arange(n_letters)
    allowed[letters, letters] = True
    allowed[letters, letters.roll(1)] = True
    return allowed


MANY = AllOf(
    SPACE,
    [
        RequiredMotifs(SPACE, ["TGACTCA", "TATAAA"], True),
        ForbiddenTransitions(SPACE, NO_CG),
        GCWindow(SPACE, 0.3, 0.6, 20),
        ForbiddenMotifs(SPACE, ["GGTCTC"], True),
        Rejection(SPACE, lambda letters: letters.sum(1) % 2 == 0, "even"),
    ],
)


@pytest.mark.parametrize(
    "constraint",
    [
        AllOf(SPACE, []),
        HomopolymerLimit(SPACE, 3),
        HammingBall(SPACE, REFERENCE, 0),
        HammingBall(SPACE, REFERENCE, 4),
        fixed(SPACE, dict.fromkeys(range(35), "A")),
        GCWindow(SPACE, 0.9, 1.0),
        # Only designs whose pattern of G and C has the period 10.
        GCWindow(SPACE, 0.5, 0.5, 10),
        TIGHT,
        ForbiddenTransitions(SPACE, sparse(4, 0)),
        RequiredMotifs(SPACE, ["GGTCTC", "TGACTCA", "CANNTG"], True),
        Rejection(SPACE, lambda letters: (letters == 0).sum(1) == 17),
        AllOf(SPACE, [HammingBall(SPACE, REFERENCE, 4), RequiredMotifs(SPACE, ["GGTCTC"], True)]),
        MANY,
    ],
    ids=lambda c: c.name,
)
def test_starts_are_feasible_and_repeatable(constraint):
    starts = feasible_starts(SPACE, constraint, 200, torch_generator(1))
    assert starts.shape == (200, 40)
    assert constraint.satisfied(starts).all()
    assert torch.equal(starts, feasible_starts(SPACE, constraint, 200, torch_generator(1)))


def test_drafts_of_a_ball_are_near_its_centre():
    for radius, most in ((0, 0), (8, 20), (40, 40)):
        ball = AllOf(SPACE, [HammingBall(SPACE, REFERENCE, radius)])
        drafts = near_feasible(ball, pair_rules(SPACE, []), 2000, torch_generator(0))
        distance = (drafts != SPACE.encode([REFERENCE])).sum(1).double()
        # 40 sites that change with probability radius / 40.
        deviation = (radius * (1 - radius / 40)) ** 0.5
        assert abs(float(distance.mean()) - radius) <= 4 * deviation / 2000**0.5 + 1e-9
        assert distance.max() <= most


def test_required_motifs_are_planted_where_there_is_room():
    members = [
        RequiredMotifs(SPACE, ["TGACTCA", "CANNTG"], True),
        fixed(SPACE, dict.fromkeys(range(10, 20), "AT")),
    ]
    constraint, rules = AllOf(SPACE, members), pair_rules(SPACE, members)
    drafts = near_feasible(constraint, rules, 100, torch_generator(0))
    assert constraint.satisfied(drafts).all()
    assert len(drafts.unique(dim=0)) == 100
    much = AllOf(SPACE, [RequiredMotifs(SPACE, ["A" * 30, "C" * 30], False)])
    drafts = near_feasible(much, pair_rules(SPACE, []), 100, torch_generator(0))
    assert not much.satisfied(drafts).any()


def test_windows_of_one_number_of_gc_are_periodic_from_the_start():
    no_cg = torch.ones(4, 4, dtype=torch.bool)
    no_cg[1, 2] = False
    for share, width in ((0.5, 10), (0.0, 7), (0.6, 40)):
        gc = GCWindow(SPACE, share, share, width)
        drafts = near_feasible(AllOf(SPACE, [gc]), pair_rules(SPACE, []), 100, torch_generator(0))
        assert gc.satisfied(drafts).all()
        assert len(drafts.unique(dim=0)) == 100
    members = [
        GCWindow(SPACE, 0.5, 0.5, 10),
        fixed(SPACE, {0: "G", 3: "T", 13: "AT", 39: "C"}),
        ForbiddenTransitions(SPACE, no_cg),
    ]
    constraint = AllOf(SPACE, members)
    drafts = near_feasible(constraint, pair_rules(SPACE, members), 100, torch_generator(0))
    assert constraint.satisfied(drafts).all()


@pytest.mark.parametrize(
    "members",
    [
        [RequiredMotifs(SPACE, ["A" + "N" * 8 + "C", "G" + "N" * 8 + "T", "T" + "G" * 9], False)],
        # At one place the motif takes as many changes as there may be; elsewhere it takes more.
        [
            HammingBall(SPACE, "A" * 20 + "GGTCAA" + "A" * 14, 2),
            RequiredMotifs(SPACE, ["GGTCTC"], True),
        ],
    ],
    ids=["packed motifs", "a motif in a ball"],
)
def test_motifs_that_leave_little_room_are_placed(members):
    constraint = AllOf(SPACE, members)
    assert constraint.satisfied(feasible_starts(SPACE, constraint, 50, torch_generator(0))).all()


def test_starts_differ():
    starts = feasible_starts(SPACE, TIGHT, 200, torch_generator(1))
    assert len(set(SPACE.decode(starts))) > 150


@pytest.mark.parametrize("length", [6, 17])
def test_draws_are_uniform(length):
    # Six sites are looked through; of 17, paths without 11 are drawn and half of them rejected.
    space = SequenceSpace(BINARY, length)
    even = Rejection(space, lambda letters: letters.sum(1) % 2 == 0)
    constraint = AllOf(space, [ForbiddenTransitions(space, NO_ELEVENS), even])
    every = torch.cartesian_prod(*[torch.arange(2)] * length)
    feasible = every[constraint.satisfied(every)]
    starts = feasible_starts(space, constraint, 20_000, torch_generator(0))
    seen, counts = starts.unique(dim=0, return_counts=True)
    assert torch.equal(seen, feasible)
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize(
    ("alphabet", "motifs"),
    [
        # The last two fill the design, so that the motifs must stand side by side.
        (DNA, ["ANNCG", "TNGNA"]),
        (PROTEIN, ["AXXCXG", "WXKXY", "MXXXF"]),
        (DNA, ["ANNCNNNG", "TNGNNNNA", "GNNNNTNA", "CNNANNNT"]),
        (PROTEIN, ["AXXCXXXG", "WXKXXXXY", "MXXXXXFI", "LXXPXXXV"]),
    ],
)
def test_starts_of_ehrlich_functions(alphabet, motifs):
    # Stanton et al. 2024: feasible are the designs without banned transitions; the best of
    # them have every motif, elements of which lie apart.
    space = SequenceSpace(alphabet, 32)
    transitions = ForbiddenTransitions(space, sparse(len(alphabet), 3))
    constraint = AllOf(space, [transitions, RequiredMotifs(space, motifs, False)])
    starts = feasible_starts(space, constraint, 100, torch_generator(0))
    assert constraint.satisfied(starts).all()
    assert len(starts.unique(dim=0)) == 100


# What only one of 4 ** 20 designs satisfies, and no change leads there.
PASSWORD = SPACE.encode(["ACGTTGCA" * 5])[0]
LOCKED = Rejection(SPACE, lambda letters: (letters[:, :20] == PASSWORD[:20]).all(1), "locked")


def test_walk_from_seeds():
    seeds = torch.stack([PASSWORD, 3 - PASSWORD])
    starts = feasible_starts(SPACE, LOCKED, 50, torch_generator(2), seeds)
    assert LOCKED.satisfied(starts).all()
    assert len(set(SPACE.decode(starts))) > 40
    product = AllOf(SPACE, [HomopolymerLimit(SPACE, 2), LOCKED])
    starts = feasible_starts(SPACE, product, 50, torch_generator(2), seeds)
    assert product.satisfied(starts).all()
    assert len(set(SPACE.decode(starts))) > 40


def test_walk_stays_where_nothing_is_allowed():
    # Two designs, and no move joins them.
    space = SequenceSpace(BINARY, 40)
    both = torch.tensor([[0, 1] * 20, [1, 0] * 20])
    constraint = Rejection(space, lambda x: (x == both[0]).all(1) | (x == both[1]).all(1))
    starts = feasible_starts(space, constraint, 20, torch_generator(0), both)
    assert torch.equal(starts.unique(dim=0), both)


def test_without_a_seed_the_search_says_that_it_did_not_find():
    product = AllOf(SPACE, [HomopolymerLimit(SPACE, 2), LOCKED])
    with pytest.raises(InputError, match="no design was found that satisfies locked; nearest is"):
        feasible_starts(SPACE, product, 5, torch_generator(2))


def test_alternating_letters_need_no_seed():
    space = SequenceSpace(BINARY, 40)
    starts = feasible_starts(space, HomopolymerLimit(space, 1), 20, torch_generator(0))
    assert torch.equal(starts.unique(dim=0), torch.tensor([[0, 1] * 20, [1, 0] * 20]))


@pytest.mark.parametrize(
    ("seeds", "complaint"),
    [
        (torch.zeros(2, 39).long(), "the seeds are not of this space: .* 39 letters; 40 are"),
        (torch.full((2, 40), 4), "the seeds are not of this space: design 1 has letter index 4"),
    ],
)
def test_seeds_of_another_space_are_refused(seeds, complaint):
    with pytest.raises(InputError, match=complaint):
        feasible_starts(SPACE, TIGHT, 3, torch_generator(0), seeds)


def test_at_least_one_start():
    with pytest.raises(InputError, match="0 starting designs"):
        feasible_starts(SPACE, TIGHT, 0, torch_generator(0))

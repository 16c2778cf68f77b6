"""Nearly feasible designs."""

import torch

from designlib.constraints import (
    AllOf,
    AllowedLetters,
    ForbiddenTransitions,
    GCWindow,
    HammingBall,
    RequiredMotifs,
)
from designlib.constraints.planting import near_feasible
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 40)
NO_CG = torch.ones(4, 4, dtype=torch.bool)
NO_CG[1, 2] = False


def fixed(sites):
    table = torch.ones(40, 4, dtype=torch.bool)
    for site, letters in sites.items():
        table[site] = torch.tensor([c in letters for c in "ACGT"])
    return AllowedLetters(SPACE, table)


def drafted(*members, n=100, periodic=False):
    return near_feasible(SPACE, members, n, torch_generator(0), periodic=periodic)


def test_motifs_neighbours_and_sites_hold_at_once():
    members = [
        RequiredMotifs(SPACE, ["TGACTCA", "CANNTG", "GGTACC"], True),
        ForbiddenTransitions(SPACE, NO_CG),
        fixed(dict.fromkeys(range(10, 20), "AT")),
    ]
    designs = drafted(*members)
    assert AllOf(SPACE, members).satisfied(designs).all()
    assert len(designs.unique(dim=0)) == 100


def test_motifs_that_leave_no_gap_are_packed():
    motifs = ["A" + "N" * 8 + "C", "G" + "N" * 8 + "T", "C" + "N" * 8 + "A", "T" + "G" * 9]
    required = RequiredMotifs(SPACE, motifs, False)
    assert required.satisfied(drafted(required)).all()


def test_motifs_without_room_are_left_out():
    required = RequiredMotifs(SPACE, ["A" * 30, "C" * 30], False)
    designs = drafted(required, fixed({0: "G"}))
    assert not required.satisfied(designs).any()
    assert (designs[:, 0] == 2).all()


def test_designs_of_a_ball_are_near_its_centre():
    ball = HammingBall(SPACE, "ACGT" * 10, 8)
    distance = (drafted(ball, n=2000) != ball.reference).sum(1).double()
    # 40 sites that change with probability 8 / 40: mean 8, standard deviation 2.53.
    assert abs(float(distance.mean()) - 8) < 4 * 2.53 / 2000**0.5
    centre = HammingBall(SPACE, "ACGT" * 10, 0)
    assert (drafted(centre, n=50) == centre.reference).all()
    everything = HammingBall(SPACE, "ACGT" * 10, 40)
    assert (drafted(everything, n=50) != everything.reference).all()


def test_a_motif_goes_where_the_ball_has_room():
    # At one place the motif takes as many changes as there may be; elsewhere it takes more.
    reference = "A" * 20 + "GGTCAA" + "A" * 14
    ball = HammingBall(SPACE, reference, 2)
    required = RequiredMotifs(SPACE, ["GGTCTC"], True)
    designs = drafted(ball, required)
    assert set(SPACE.decode(designs)) == {"A" * 20 + "GGTCTC" + "A" * 14}


def test_periodic_patterns_meet_any_range_of_gc():
    for low, high, width in ((0.5, 0.5, 10), (0.0, 0.0, 7), (0.4, 0.5, 9), (0.6, 0.61, 40)):
        gc = GCWindow(SPACE, low, high, width)
        assert gc.satisfied(drafted(gc, periodic=True)).all()
    gc = GCWindow(SPACE, 0.5, 0.5, 10)
    members = [gc, fixed({0: "G", 3: "T", 13: "AT", 39: "C"}), ForbiddenTransitions(SPACE, NO_CG)]
    designs = drafted(*members, periodic=True)
    assert AllOf(SPACE, members).satisfied(designs).all()
    assert not gc.satisfied(drafted(*members)).all()

"""Constraints that have no design together."""

from itertools import combinations

import pytest
import torch

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
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtMostComponents
from designlib.constraints.infeasible_core import certainly_empty, describe_infeasible
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 12)
LOOSE = [HomopolymerLimit(SPACE, 4), ForbiddenMotifs(SPACE, ["CCCC"], True)]


def fixed(sites, space=SPACE):
    table = torch.ones(space.length, 4, dtype=torch.bool)
    for site, letters in sites.items():
        table[site] = torch.tensor([c in letters for c in "ACGT"])
    return AllowedLetters(space, table)


def without(*pairs):
    allowed = torch.ones(4, 4, dtype=torch.bool)
    for first, second in pairs:
        allowed["ACGT".index(first), "ACGT".index(second)] = False
    return ForbiddenTransitions(SPACE, allowed)


def required(*motifs, both=False):
    return RequiredMotifs(SPACE, motifs, both)


def ball(radius, reference="ACGTACGTACGT"):
    return HammingBall(SPACE, reference, radius)


PROVED = [
    (
        [fixed({2: "A"}), fixed({2: "C"})],
        "fixed_sites and fixed_sites together: position 3 has no letter left; relax at least one",
    ),
    (
        [ForbiddenMotifs(SPACE, ["W", "S"], False)],
        "forbidden_motifs: position 1 has no letter left; relax it",
    ),
    (
        [fixed({0: "C", 1: "G"}), without("CG")],
        "fixed_sites and forbidden_pairs together: no sequence of 12 letters has allowed",
    ),
    (
        # From A there is no way to C.
        [without("AC", "AG", "AT"), fixed({3: "A", 9: "C"})],
        "forbidden_pairs and fixed_sites together: no sequence of 12 letters has allowed",
    ),
    (
        [fixed(dict.fromkeys(range(8), "AT")), GCWindow(SPACE, 0.5, 0.9)],
        "fixed_sites and gc together: positions 1-12 have 0 to 4 letters G or C (6 to 10 allowed)",
    ),
    (
        [fixed({7: "G", 8: "C", 9: "G"}), GCWindow(SPACE, 0.0, 0.5, 4)],
        "fixed_sites and gc together: positions 7-10 have 3 to 4 letters G or C (0 to 2 allowed)",
    ),
    (
        [required("GGTCTC"), fixed(dict.fromkeys((3, 9), "A"))],
        "required_motifs and fixed_sites together: required motif GGTCTC fits nowhere",
    ),
    (
        [required("GGTCTC", both=True), without("TC", "GA")],
        "required_motifs and forbidden_pairs together: required motif GGTCTC fits nowhere",
    ),
    (
        [ball(2), required("CCTCGG")],
        "hamming_ball and required_motifs together: required motif CCTCGG takes 3 changes of the "
        "reference (at most 2)",
    ),
    (
        [ball(1), fixed({0: "C", 1: "A"})],
        "hamming_ball and fixed_sites together: the nearest such design differs from the "
        "reference at 2 positions (at most 1)",
    ),
    (
        [ball(2), without("CG")],
        "hamming_ball and forbidden_pairs together: the nearest such design differs from the "
        "reference at 3 positions (at most 2)",
    ),
    (
        [ball(5), ball(6, "CATGCATGCATG")],
        "hamming_ball and hamming_ball together: the references differ at 12 positions, more than "
        "5 and 6 changes reach",
    ),
    (
        [required("TTGGTCTCA"), ForbiddenMotifs(SPACE, ["GGTC"], False)],
        "required_motifs and forbidden_motifs together: required motif TTGGTCTCA contains "
        "forbidden motif GGTC",
    ),
    (
        [required("CAAAAG", both=True), HomopolymerLimit(SPACE, 3)],
        "required_motifs and max_homopolymer together: required motif CAAAAG contains a run of 4 A",
    ),
    (
        # The motif alone takes two changes, and the fixed site one more.
        [ball(2), fixed({11: "A"}), required("GGTCCG")],
        "hamming_ball and fixed_sites and required_motifs together: required motif GGTCCG takes "
        "3 changes of the reference (at most 2)",
    ),
]


def complaint(space, *members):
    with pytest.raises(InputError) as caught:
        feasible_starts(space, AllOf(space, members), 4, torch_generator(0))
    return str(caught.value)


@pytest.mark.parametrize(("members", "sentence"), PROVED)
def test_what_can_be_proved_is_said_for_sure(members, sentence):
    assert complaint(SPACE, *LOOSE, *members).startswith(f"no design satisfies {sentence}")


@pytest.mark.parametrize("members", [members for members, _ in PROVED if len(members) > 1])
def test_none_of_the_named_can_be_spared(members):
    for spared in members:
        rest = AllOf(SPACE, [*LOOSE, *(other for other in members if other is not spared)])
        assert rest.satisfied(feasible_starts(SPACE, rest, 2, torch_generator(0))).all()


def test_nothing_false_is_proved():
    # Every set of up to three of these, against looking at all designs of six letters.
    space = SequenceSpace(DNA, 6)
    designs = torch.cartesian_prod(*[torch.arange(4)] * 6)
    pairs = torch.rand((4, 4), generator=torch_generator(5)) > 0.5
    pool = [
        HammingBall(space, "ACGTTG", 1),
        HammingBall(space, "CAGTAA", 2),
        fixed({0: "A", 3: "TG"}, space),
        fixed({0: "CG", 5: "C"}, space),
        ForbiddenTransitions(space, pairs),
        HomopolymerLimit(space, 1),
        ForbiddenMotifs(space, ["AC", "TTG"], True),
        RequiredMotifs(space, ["GTTA"], True),
        RequiredMotifs(space, ["CNG", "AA"], False),
        GCWindow(space, 0.5, 0.5, 4),
        GCWindow(space, 0.8, 1.0),
    ]
    proved = 0
    for size in (1, 2, 3):
        for some in combinations(pool, size):
            if certainly_empty(space, some):
                assert not AllOf(space, some).satisfied(designs).any()
                proved += 1
    assert proved > 50


def test_what_is_only_searched_for_is_not_said_for_sure():
    sentence = complaint(SPACE, *LOOSE, required("ATATATAT"), required("GTGTGTGT"))
    assert sentence == (
        "no design was found that satisfies required_motifs and required_motifs together; relax "
        "at least one of them"
    )


def test_few_designs_are_all_looked_at():
    space = SequenceSpace(DNA, 3)
    members = [RequiredMotifs(space, [motif], False) for motif in ("AA", "CC")]
    assert complaint(space, HomopolymerLimit(space, 2), *members) == (
        "no design satisfies required_motifs and required_motifs together; relax at least one of "
        "them"
    )
    never = Rejection(space, lambda letters: letters[:, 0] > 3, "never")
    assert complaint(space, HomopolymerLimit(space, 2), never) == (
        "no design satisfies never; relax it"
    )


@pytest.mark.parametrize(
    ("clashing", "named"),
    [
        ([{"a", "b", "c"}, {"d", "e"}], "d and e together"),
        ([{"a", "b", "c"}, {"e"}], "e"),
        ([{"a", "c", "e"}], "a and c and e together"),
    ],
)
def test_the_fewest_are_named(clashing, named):
    members = [Rejection(SPACE, lambda letters: letters[:, 0] < 4, name) for name in "abcde"]

    def admits(some):
        return not any({member.name for member in some} >= names for names in clashing)

    sentence = describe_infeasible(SPACE, members, admits, exhaustive=False)
    assert sentence.startswith(f"no design was found that satisfies {named}; relax")


ALLOY = SimplexSpace(("Fe", "Ni", "Co"))
BOX = BoxSpace.cube(2, 0.0, 1.0)
FULL = [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("space", "members", "sentence"),
    [
        (
            BOX,
            [Bounds(BOX, [0.5, 0.0], [1.0, 1.0]), Bounds(BOX, [0.0, 0.0], [0.25, 1.0])],
            "no design satisfies bounds and bounds together: x1 would have to be at least 0.5 and "
            "at most 0.25; relax at least one of them",
        ),
        (
            ALLOY,
            [Bounds(ALLOY, [0.6, 0.0, 0.0], FULL), Bounds(ALLOY, [0.0, 0.6, 0.0], FULL)],
            "no design satisfies bounds and bounds together: the lower limits sum to 1.2, more "
            "than 1; relax at least one of them",
        ),
        (
            ALLOY,
            [Bounds(ALLOY, [0.1, 0.1, 0.0], FULL), AtMostComponents(ALLOY, 1)],
            "no design satisfies bounds and components together: 2 components have a lower limit "
            "above 0 (at most 1); relax at least one of them",
        ),
        (
            ALLOY,
            [Bounds(ALLOY, [0.0] * 3, [0.4] * 3), AtMostComponents(ALLOY, 2)],
            "no design satisfies bounds and components together: the upper limits leave a sum of "
            "at most 0.8, less than 1; relax at least one of them",
        ),
        (
            ALLOY,
            [AtMostComponents(ALLOY, 2), Rejection(ALLOY, lambda x: x[:, 0] > 2, "rich")],
            "no design was found that satisfies rich; relax it",
        ),
    ],
)
def test_constraints_on_points_that_clash(space, members, sentence):
    assert complaint(space, *members) == sentence

"""Constraints that have no design together."""

import re

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
from designlib.constraints.infeasible_core import describe_infeasible
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


CERTAIN = [
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
]
SEARCHED = [
    ([fixed(dict.fromkeys(range(8), "AT")), GCWindow(SPACE, 0.5, 0.9)], "GC content 33.3 %"),
    ([fixed({7: "G", 8: "C", 9: "G"}), GCWindow(SPACE, 0.0, 0.5, 4)], "GC content 75 %"),
    ([required("GGTCTC"), fixed(dict.fromkeys((3, 9), "A"))], "GGTCTC is missing"),
    ([required("GGTCTC", both=True), without("TC", "GA")], "GGTCTC .*is missing"),
    ([ball(2), required("CCTCGG")], "CCTCGG is missing|changes from the reference"),
    ([ball(1), fixed({0: "C", 1: "A"})], r"2 changes from the reference \(at most 1\)"),
    ([ball(2), without("CG")], r"3 changes from the reference \(at most 2\)|forbidden pair CG"),
    ([ball(5), ball(6, "CATGCATGCATG")], "changes from the reference"),
    ([required("TTGGTCTCA"), ForbiddenMotifs(SPACE, ["GGTC"], False)], "motif"),
    ([required("CAAAAG", both=True), HomopolymerLimit(SPACE, 3)], "CAAAAG .*is missing|run of 4"),
    # The motif alone takes two changes, and the fixed site one more.
    ([ball(2), fixed({11: "A"}), required("GGTCCG")], "changes from the ref|GGTCCG is missing"),
]


def complaint(space, *members):
    with pytest.raises(InputError) as caught:
        feasible_starts(space, AllOf(space, members), 4, torch_generator(0))
    return str(caught.value)


@pytest.mark.parametrize(("members", "sentence"), CERTAIN)
def test_what_letters_and_neighbours_exclude_is_certain(members, sentence):
    assert complaint(SPACE, *LOOSE, *members).startswith(f"no design satisfies {sentence}")


@pytest.mark.parametrize(("members", "reason"), SEARCHED)
def test_the_nearest_design_shows_why_there_is_none(members, reason):
    names = " and ".join(member.name for member in members)
    sentence = complaint(SPACE, *LOOSE, *members)
    start = f"no design was found that satisfies {names} together; nearest is "
    assert sentence.startswith(start)
    assert re.search(reason, sentence)
    nearest = SPACE.encode([sentence.removeprefix(start)[:12]])
    assert not AllOf(SPACE, members).satisfied(nearest)


@pytest.mark.parametrize(
    "members", [members for members, _ in CERTAIN + SEARCHED if len(members) > 1]
)
def test_none_of_the_named_can_be_spared(members):
    for spared in members:
        rest = AllOf(SPACE, [*LOOSE, *(other for other in members if other is not spared)])
        assert rest.satisfied(feasible_starts(SPACE, rest, 2, torch_generator(0))).all()


def test_what_is_only_searched_for_is_not_said_for_sure():
    sentence = complaint(SPACE, *LOOSE, required("ATATATAT"), required("GTGTGTGT"))
    assert sentence.startswith(
        "no design was found that satisfies required_motifs and required_motifs together; nearest"
    )


def test_few_designs_are_all_looked_at():
    space = SequenceSpace(DNA, 3)
    members = [RequiredMotifs(space, [motif], False) for motif in ("AA", "CC")]
    assert complaint(space, HomopolymerLimit(space, 2), *members).startswith(
        "no design satisfies required_motifs and required_motifs together; nearest is "
    )
    never = Rejection(space, lambda letters: letters[:, 0] > 3, "never")
    sentence = complaint(space, HomopolymerLimit(space, 2), never)
    assert re.fullmatch("no design satisfies never; nearest is ...: .*; relax it", sentence)


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

    sentence = describe_infeasible(SPACE, members, admits)
    assert sentence.startswith(f"no design was found that satisfies {named}; nearest")


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

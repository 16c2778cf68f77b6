"""Sentences and refusals of each constraint family."""

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
    base,
)
from designlib.notation.alphabets import DNA, RNA, Alphabet
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 8)
BINARY = Alphabet("binary", "01")
EVERYTHING = torch.ones(8, 4, dtype=torch.bool)
ALL_PAIRS = torch.ones(4, 4, dtype=torch.bool)


def only(site, letters):
    table = EVERYTHING.clone()
    table[site] = torch.tensor([c in letters for c in "ACGT"])
    return table


def without(*pairs):
    allowed = ALL_PAIRS.clone()
    for first, second in pairs:
        allowed["ACGT".index(first), "ACGT".index(second)] = False
    return allowed


def test_a_table_kept_as_bytes_is_judged_in_blocks_as_its_designs_are(monkeypatch):
    space = SequenceSpace(DNA, 20)
    letters = space.random(100, torch_generator(0, "table"))
    several = AllOf(space, [ForbiddenMotifs(space, ["AC"], True), GCWindow(space, 0.3, 0.7)])
    whole = several.satisfied(letters)
    seen = []
    judge = GCWindow.satisfied

    def watched(constraint, designs):
        seen.append((len(designs), designs.dtype))
        return judge(constraint, designs)

    monkeypatch.setattr(GCWindow, "satisfied", watched)
    monkeypatch.setattr(base, "_BLOCK", 32)
    assert torch.equal(several.satisfied(letters.to(torch.uint8)), whole)
    assert seen == [(rows, torch.int64) for rows in (32, 32, 32, 4)]


@pytest.mark.parametrize(
    ("constraint", "design", "sentence"),
    [
        (
            HammingBall(SPACE, "AAAAAAAA", 1),
            "ACAAAGAA",
            "2 changes from the reference (at most 1): 2A>C, 6A>G",
        ),
        (
            HammingBall(SPACE, "AAAAAAAA", 1),
            "CCCCCCCA",
            "7 changes from the reference (at most 1): 1A>C, 2A>C, 3A>C, 4A>C, 5A>C, ...",
        ),
        (
            AllowedLetters(SPACE, only(2, "CG")),
            "AAAAAAAA",
            "letter A at position 3 (allowed CG)",
        ),
        (
            ForbiddenMotifs(SPACE, ["GGTCTC"], True),
            "AGGTCTCA",
            "forbidden motif GGTCTC at positions 2-7",
        ),
        (
            ForbiddenMotifs(SPACE, ["GGTCTC"], True),
            "AAGAGACC",
            "forbidden motif GGTCTC (reverse strand) at positions 3-8",
        ),
        (
            ForbiddenMotifs(SPACE, ["gaattc", "AAAA"], True),
            "AAAAAGAA",
            "forbidden motif AAAA at positions 1-4 and 1 more",
        ),
        (
            GCWindow(SPACE, 0.3, 0.6, None),
            "GGGCCCAA",
            "GC content 75 % in positions 1-8 (allowed 30-60 %)",
        ),
        (
            GCWindow(SPACE, 0.25, 0.75, 4),
            "ACGTCAAA",
            "",
        ),
        (
            GCWindow(SPACE, 0.25, 0.75, 4),
            "ACGAAAAA",
            "GC content 0 % in positions 4-7 (allowed 25-75 %) and 1 more windows",
        ),
        (HomopolymerLimit(SPACE, 3), "ACCCCCTT", "run of 5 C at positions 2-6 (at most 3)"),
        (HomopolymerLimit(SPACE, 3), "ACGTTTTT", "run of 5 T at positions 4-8 (at most 3)"),
        (
            ForbiddenTransitions(SPACE, without("CG")),
            "GCTCGTAA",
            "forbidden pair CG at positions 4-5",
        ),
        (
            ForbiddenTransitions(SPACE, without("CG", "AA")),
            "GCTAAACG",
            "forbidden pair AA at positions 4-5 and 2 more",
        ),
        (RequiredMotifs(SPACE, ["GGTCTC"], True), "AGAGACCA", ""),
        (
            RequiredMotifs(SPACE, ["GGTCTC"], False),
            "TGGTCTGT",
            "required motif GGTCTC is missing (1 letter differs at positions 2-7)",
        ),
        (
            RequiredMotifs(SPACE, ["ggtctc", "AC", "CCC"], True),
            "TTGAGAAA",
            "required motif GGTCTC (reverse strand) is missing (2 letters differ at positions 3-8)"
            ", and 2 more",
        ),
        # One motif is a palindrome, so that it has one reading and the other two.
        (
            RequiredMotifs(SPACE, ["GGTCTC", "GAATTC"], True),
            "GGTCTCAA",
            "required motif GAATTC is missing (3 letters differ at positions 1-6)",
        ),
        (Rejection(SPACE, lambda x: x[:, 0] > 0, "no_a", "it begins with A"), "CAAAAAAA", ""),
        (
            Rejection(SPACE, lambda x: x[:, 0] > 0, "no_a", "it begins with A"),
            "AAAAAAAA",
            "it begins with A",
        ),
    ],
)
def test_sentences(constraint, design, sentence):
    assert constraint.violations(SPACE.encode([design])) == [sentence]


def test_product_joins_sentences():
    product = AllOf(SPACE, [HomopolymerLimit(SPACE, 3), ForbiddenMotifs(SPACE, ["TTTT"], False)])
    assert product.violations(SPACE.encode(["ACGTACGT", "ACGTTTTA"])) == [
        "",
        "run of 4 T at positions 4-7 (at most 3); forbidden motif TTTT at positions 4-7",
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HammingBall(SPACE, "ACG", 1), "has 3 letters; 8 are needed"),
        (lambda: HammingBall(SPACE, "ACGTACGX", 1), "has 'X' at position 8"),
        (lambda: HammingBall(SPACE, "ACGTACGT", -1), "radius -1 is out of range: 0 to 8"),
        (lambda: HammingBall(SPACE, "ACGTACGT", 9), "radius 9 is out of range: 0 to 8"),
        (lambda: AllowedLetters(SPACE, EVERYTHING[:5]), r"bool of shape \(8, 4\)"),
        (lambda: AllowedLetters(SPACE, EVERYTHING.float()), r"torch.float32 of shape \(8, 4\)"),
        (lambda: AllowedLetters(SPACE, only(6, "")), "position 7 has no allowed letter"),
        (lambda: ForbiddenMotifs(SPACE, [], True), "no motif is given"),
        (lambda: ForbiddenMotifs(SPACE, ["ACG", ""], True), "motif '' has 0 letters; 1 to 8"),
        (lambda: ForbiddenMotifs(SPACE, ["A" * 9], True), "has 9 letters; 1 to 8 are possible"),
        (lambda: ForbiddenMotifs(SPACE, ["ACU"], True), "'ACU' has 'U' at position 3"),
        (lambda: ForbiddenMotifs(SPACE, ["NN"], True), "motif 'NN' occurs in every design"),
        (
            lambda: ForbiddenMotifs(SequenceSpace(RNA, 8), ["ACG"], True),
            "rna has no complementary strand",
        ),
        (lambda: GCWindow(SPACE, 0.6, 0.4), "from 0.6 to 0.4 is not a range"),
        (lambda: GCWindow(SPACE, -0.1, 0.4), "is not a range"),
        (lambda: GCWindow(SPACE, 0.1, 1.4), "is not a range"),
        (lambda: GCWindow(SPACE, float("nan"), 0.5), "is not a range"),
        (lambda: GCWindow(SPACE, 0.2, 0.5, 9), "window of 9 letters does not fit; 1 to 8"),
        (lambda: GCWindow(SPACE, 0.2, 0.5, 0), "window of 0 letters does not fit"),
        (
            lambda: GCWindow(SPACE, 0.41, 0.45, 5),
            "from 0.41 to 0.45: 2 of 5 is 0.4, 3 of 5 is 0.6",
        ),
        (lambda: GCWindow(SequenceSpace(BINARY, 8), 0.2, 0.5), "binary has no GC content"),
        (lambda: HomopolymerLimit(SPACE, 0), "must be at least 1"),
        (lambda: ForbiddenTransitions(SPACE, ALL_PAIRS[:3]), r"of shape \(3, 4\); bool of shape"),
        (lambda: ForbiddenTransitions(SPACE, ALL_PAIRS.float()), "torch.float32 of shape"),
        (lambda: ForbiddenTransitions(SPACE, ~ALL_PAIRS), "no sequence of 2 letters"),
        # A before C before G before T, and nothing else: four letters at most.
        (
            lambda: ForbiddenTransitions(SPACE, ALL_PAIRS.triu(1)),
            "no sequence of 5 letters, and the designs have 8",
        ),
        (lambda: RequiredMotifs(SPACE, [], True), "no motif is given"),
        (lambda: RequiredMotifs(SPACE, ["A" * 9], True), "has 9 letters; 1 to 8 are possible"),
        (lambda: RequiredMotifs(SPACE, ["NN"], True), "motif 'NN' occurs in every design"),
        (lambda: RequiredMotifs(SequenceSpace(RNA, 8), ["A"], True), "no complementary strand"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_palindrome_is_read_once():
    assert ForbiddenMotifs(SPACE, ["GAATTC", "GAATTC"], True).labels == ["GAATTC"]
    assert ForbiddenMotifs(SPACE, ["GTYRAC"], True).labels == ["GTYRAC"]
    assert len(ForbiddenMotifs(SPACE, ["GGTCTC"], True).labels) == 2


def test_gc_bounds_survive_rounding():
    # 0.7 * 10 is a little more than 7, and 0.3 * 10 a little less than 3 or exactly 3.
    space = SequenceSpace(DNA, 10)
    seven = space.encode(["GGGGGGGAAA"])
    assert GCWindow(space, 0.7, 0.7).satisfied(seven).all()
    assert GCWindow(space, 0.3, 0.7, 10).satisfied(seven).all()


def test_transitions_that_end_are_fine_in_short_designs():
    space = SequenceSpace(DNA, 4)
    constraint = ForbiddenTransitions(space, ALL_PAIRS.triu(1))
    assert constraint.satisfied(space.encode(["ACGT", "ACGG"])).tolist() == [True, False]
    single = SequenceSpace(DNA, 1)
    assert ForbiddenTransitions(single, ~ALL_PAIRS).satisfied(single.encode(["A", "T"])).all()


def test_a_motif_given_twice_is_required_once():
    def labels(motifs, both):
        groups = RequiredMotifs(SPACE, motifs, both).groups
        return [[reading.label for reading in group] for group in groups]

    two = ["GGTCTC", "GGTCTC (reverse strand)"]
    assert labels(["GGTCTC", "GAGACC", "ggtctc", "GAATTC"], True) == [two, ["GAATTC"]]
    assert labels(["GGTCTC", "GAGACC"], False) == [["GGTCTC"], ["GAGACC"]]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda x: x[:, 0], r"'picky' returned torch.int64 of shape \(3,\); a bool tensor"),
        (lambda x: x > 0, r"torch.bool of shape \(3, 8\)"),
        (lambda x: True, "returned a bool; a bool tensor of shape \\(3,\\), one flag per design"),
        (lambda x: [True] * 3, "returned a list"),
    ],
)
def test_a_rejection_checks_what_its_function_returns(answer, complaint):
    constraint = Rejection(SPACE, answer, "picky")
    with pytest.raises(InputError, match=complaint):
        constraint.satisfied(SPACE.encode(["ACGTACGT"] * 3))


def test_a_rejection_of_points():
    space = BoxSpace.cube(2, -1.0, 1.0)
    disc = Rejection(space, lambda x: x.square().sum(1) <= 1, "disc", "out of the disc")
    points = torch.tensor([[0.6, 0.7], [0.7, 0.8]])
    assert disc.satisfied(points).tolist() == [True, False]
    assert disc.violations(points) == ["", "out of the disc"]
    assert AllOf(space, [disc]).conflicts(points).tolist() == [0, 1]

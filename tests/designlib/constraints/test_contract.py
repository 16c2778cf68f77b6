"""What every constraint promises, checked against naive readings of strings."""

import itertools
import re
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from designlib.constraints import (
    AllOf,
    AllowedLetters,
    Constraint,
    ForbiddenMotifs,
    ForbiddenTransitions,
    GCWindow,
    HammingBall,
    HomopolymerLimit,
    Masking,
    Rejection,
    RequiredMotifs,
    WithFlanks,
    base,
    feasible_starts,
)
from designlib.notation.alphabets import DNA, PROTEIN, Alphabet
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace

BINARY = Alphabet("binary", "01")
IUPAC = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
    "0": "0",
    "1": "1",
}
PARTNER = dict(zip("ACGT", "TGCA", strict=True))


def in_ball(reference, radius):
    return lambda s: sum(a != b for a, b in zip(s, reference, strict=True)) <= radius


def has_letters(choices):
    return lambda s: all(s[i] in letters for i, letters in choices.items())


def occurs(s, motif, both):
    readings = [s]
    if both:
        readings.append("".join(PARTNER[c] for c in reversed(s)))
    pattern = "".join(f"[{IUPAC.get(c, c)}]" for c in motif)
    return any(re.search(pattern, text) for text in readings)


def free_of(motifs, both):
    return lambda s: not any(occurs(s, motif, both) for motif in motifs)


def has_motifs(motifs, both):
    return lambda s: all(occurs(s, motif, both) for motif in motifs)


def without_pairs(pairs):
    return lambda s: not any(a + b in pairs for a, b in itertools.pairwise(s))


def transitions(space, pairs):
    letters = space.alphabet.letters
    return ForbiddenTransitions(
        space, torch.tensor([[a + b not in pairs for b in letters] for a in letters])
    )


def gc_between(low, high, window):
    def within(s):
        width = window or len(s)
        shares = [
            sum(c in "GC" for c in s[i : i + width]) / width for i in range(len(s) - width + 1)
        ]
        return all(low - 1e-9 <= share <= high + 1e-9 for share in shares)

    return within


def no_run_over(limit):
    return lambda s: max(len(list(group)) for _, group in itertools.groupby(s)) <= limit


def letter_table(space, choices):
    rows = [choices.get(i, space.alphabet.letters) for i in range(space.length)]
    return torch.tensor([[c in row for c in space.alphabet.letters] for row in rows])


def dna_cases(space):
    """Return (constraint, naive reading) pairs for DNA of five letters or more."""
    reference = ("ACGTT" * space.length)[: space.length]
    choices = {0: "A", 2: "CG", 4: "ACGT"}
    cases: list[tuple[Constraint, Callable[[str], bool]]]
    cases = [(HammingBall(space, reference, r), in_ball(reference, r)) for r in (0, 1, 3)]
    cases.append((AllowedLetters(space, letter_table(space, choices)), has_letters(choices)))
    for motifs in (
        ["GA"],
        ["ACGT"],
        ["GNC", "RYR"],
        ["AAA", "T", "CCCC"],
        ["NAC", "CTN"],
        ["BDHV", "SW", "KMN"],
        ["GGTCT", "N" * 4 + "A"],
    ):
        cases += [(ForbiddenMotifs(space, motifs, b), free_of(motifs, b)) for b in (False, True)]
    for low, high, window in (
        (0.2, 0.6, None),
        (0.0, 0.5, 2),
        (0.3, 0.7, 3),
        (0.4, 0.6, 5),
        (1.0, 1.0, 1),
    ):
        cases.append((GCWindow(space, low, high, window), gc_between(low, high, window)))
    cases += [(HomopolymerLimit(space, r), no_run_over(r)) for r in (1, 2, 4, 99)]
    for motifs in (
        ["GA"],
        ["ACGTT"],
        ["GNC", "RYR"],
        ["A", "T", "CC"],
        ["NAC", "GTN", "GT"],
        ["BDHV", "SW", "KMN"],
        ["CGCG", "TTA"],
    ):
        cases += [(RequiredMotifs(space, motifs, b), has_motifs(motifs, b)) for b in (False, True)]
    for pairs in ({"CG"}, {"AA", "CC", "GG", "TT"}, {"AC", "CG", "GT", "TA"}, {"TC", "TG", "TT"}):
        cases.append((transitions(space, pairs), without_pairs(pairs)))
    for before, after in (("TG", "A"), ("", "CC"), ("ACGT", "")):
        for motifs in (["GA"], ["ACGT"], ["RYR", "AC"]):
            cases.append(
                (
                    WithFlanks(space, before, after, partial(forbids, motifs)),
                    partial(between, before, after, free_of(motifs, True)),
                )
            )
        limit = WithFlanks(space, before, after, lambda s: HomopolymerLimit(s, 2))
        cases.append((limit, partial(between, before, after, no_run_over(2))))
    return cases


def forbids(motifs, space):
    return ForbiddenMotifs(space, motifs, True)


def between(before, after, naive, design):
    return naive(before + design + after)


def all_designs(space):
    count = len(space.alphabet) ** space.length
    places = len(space.alphabet) ** torch.arange(space.length)
    return torch.arange(count)[:, None] // places % len(space.alphabet)


def brute_force(constraint, letters, n_letters=4):
    """Return the mask found by applying every single change."""
    n, sites = letters.shape
    changed = letters[:, None, None].repeat(1, sites, n_letters, 1)
    for site in range(sites):
        changed[:, site, :, site] = torch.arange(n_letters)
    return constraint.satisfied(changed.reshape(-1, sites)).view(n, sites, n_letters)


FIVE = SequenceSpace(DNA, 5)
CASES = dna_cases(FIVE)
TOGETHER = [(1, 24), (3, 8), (2, 10, 19, 24), (2, 27), (34, 41), (4, 19, 28, 41), (6, 35, 44)]
PAIRS = [tuple(CASES[index] for index in indices) for indices in TOGETHER]


def product_case(members):
    product = AllOf(members[0][0].space, [constraint for constraint, _ in members])
    return product, lambda s: all(naive(s) for _, naive in members)


def test_the_products_admit_designs():
    for members in PAIRS:
        product, _ = product_case(members)
        assert product.satisfied(all_designs(FIVE)).sum() > 5


ALL = [*CASES, *(product_case(members) for members in PAIRS), (AllOf(FIVE, []), lambda s: True)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case[0].name)
@pytest.mark.parametrize("looked_up", [True, False])
def test_contract_on_every_design(case, looked_up, monkeypatch):
    constraint, naive = case
    if not looked_up:
        monkeypatch.setattr(base, "_LOOKED_UP", 0)
    designs = all_designs(FIVE)
    satisfied = constraint.satisfied(designs)
    assert satisfied.tolist() == [naive(s) for s in FIVE.decode(designs)]
    assert torch.equal(constraint.conflicts(designs) == 0, satisfied)
    assert (constraint.conflicts(designs) >= 0).all()
    assert [sentence == "" for sentence in constraint.violations(designs)] == satisfied.tolist()
    feasible = designs[satisfied]
    moves = constraint.allowed_moves(feasible)
    assert moves.shape == (len(feasible), 5, 4)
    assert torch.equal(moves, brute_force(constraint, feasible))
    # One design at a time, and designs that are not contiguous in memory.
    if len(feasible):
        assert torch.equal(constraint.allowed_moves(feasible[-1:]), moves[-1:])
    strided = feasible.repeat_interleave(2, 0)[::2].T.contiguous().T
    assert torch.equal(constraint.allowed_moves(strided), moves)
    assert torch.equal(constraint.satisfied(strided), satisfied[satisfied])


@given(seed=st.integers(0, 10**6), length=st.integers(5, 30), data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_longer_designs(seed, length, data):
    space = SequenceSpace(DNA, length)
    cases = dna_cases(space)
    chosen = data.draw(st.lists(st.sampled_from(range(len(cases))), min_size=1, max_size=3))
    constraint, naive = product_case([cases[i] for i in chosen])
    generator = torch_generator(seed)
    noise = space.random(20, generator)
    assert constraint.satisfied(noise).tolist() == [naive(s) for s in space.decode(noise)]
    feasible = noise[constraint.satisfied(noise)]
    if chosen[0] not in (4, 5, 6):
        try:
            feasible = feasible_starts(space, constraint, 5, generator)
        except ValueError:
            return
    assert constraint.satisfied(feasible).all()
    assert torch.equal(constraint.allowed_moves(feasible), brute_force(constraint, feasible))


def test_designs_with_random_motifs():
    generator = torch_generator(3)
    space = SequenceSpace(DNA, 12)
    for _ in range(40):
        sizes = torch.randint(1, 7, (4,), generator=generator).tolist()
        codes = [torch.randint(14, (k,), generator=generator).tolist() for k in sizes]
        motifs = ["".join("ACGTRYSWKMBDHV"[c] for c in code) + "A" for code in codes]
        constraint = ForbiddenMotifs(space, motifs, True)
        naive = free_of(motifs, True)
        designs = space.random(300, generator)
        satisfied = constraint.satisfied(designs)
        assert satisfied.tolist() == [naive(s) for s in space.decode(designs)]
        feasible = designs[satisfied]
        assert torch.equal(constraint.allowed_moves(feasible), brute_force(constraint, feasible))


@pytest.mark.parametrize(
    ("make", "naive"),
    [
        (lambda s: ForbiddenMotifs(s, ["11", "0100"], False), free_of(["11", "0100"], False)),
        (lambda s: RequiredMotifs(s, ["11", "0100"], False), has_motifs(["11", "0100"], False)),
        (lambda s: transitions(s, {"11"}), without_pairs({"11"})),
        (lambda s: HomopolymerLimit(s, 1), no_run_over(1)),
        (lambda s: HomopolymerLimit(s, 2), no_run_over(2)),
        (lambda s: HammingBall(s, "010101", 2), in_ball("010101", 2)),
    ],
)
def test_binary(make, naive):
    space = SequenceSpace(BINARY, 6)
    constraint = make(space)
    designs = all_designs(space)
    satisfied = constraint.satisfied(designs)
    assert satisfied.tolist() == [naive(s) for s in space.decode(designs)]
    feasible = designs[satisfied]
    assert torch.equal(constraint.allowed_moves(feasible), brute_force(constraint, feasible, 2))


def test_protein_motifs():
    space = SequenceSpace(PROTEIN, 30)
    constraint = ForbiddenMotifs(space, ["NXB", "GG", "J"], False)
    designs = space.random(400, torch_generator(1))
    pattern = re.compile("N.[DN]|GG|[IL]")
    satisfied = constraint.satisfied(designs)
    assert satisfied.tolist() == [pattern.search(s) is None for s in space.decode(designs)]
    feasible = designs[satisfied]
    assert len(feasible) > 5
    assert torch.equal(constraint.allowed_moves(feasible), brute_force(constraint, feasible, 20))


def test_protein_pairs_and_required_motifs():
    space = SequenceSpace(PROTEIN, 12)
    pairs = {a + b for a in "ACDEF" for b in "WYDE"}
    motifs = ["WXB", "K"]
    constraint = AllOf(
        space, [transitions(space, pairs), RequiredMotifs(space, motifs, both_strands=False)]
    )
    pattern, pairs_absent = re.compile("W.[DN]"), without_pairs(pairs)
    starts = feasible_starts(space, constraint, 50, torch_generator(1))
    designs = torch.cat([starts, space.random(200, torch_generator(2))])
    naive = [
        pairs_absent(s) and "K" in s and pattern.search(s) is not None
        for s in space.decode(designs)
    ]
    satisfied = constraint.satisfied(designs)
    assert satisfied.tolist() == naive
    assert satisfied[:50].all()
    assert torch.equal(constraint.allowed_moves(starts), brute_force(constraint, starts, 20))


def test_designs_with_random_required_motifs():
    # Short motifs in short designs: they overlap, occur often, and one change both destroys
    # an occurrence and makes another.
    generator = torch_generator(4)
    space = SequenceSpace(DNA, 9)
    moved = 0
    for _ in range(40):
        sizes = torch.randint(1, 5, (3,), generator=generator).tolist()
        codes = [torch.randint(14, (k,), generator=generator).tolist() for k in sizes]
        motifs = ["".join("ACGTRYSWKMBDHV"[c] for c in code) for code in codes]
        for both in (False, True):
            constraint, naive = RequiredMotifs(space, motifs, both), has_motifs(motifs, both)
            designs = space.random(300, generator)
            satisfied = constraint.satisfied(designs)
            assert satisfied.tolist() == [naive(s) for s in space.decode(designs)]
            feasible = designs[satisfied]
            moves = constraint.allowed_moves(feasible)
            assert torch.equal(moves, brute_force(constraint, feasible))
            moved += len(feasible)
    assert moved > 1000


def test_missing_letters_are_counted():
    space = SequenceSpace(DNA, 8)
    constraint = RequiredMotifs(space, ["GGTCTC", "AC"], both_strands=False)
    designs = space.encode(["GGTCTCAC", "AGGTCTAC", "TTTTTTTT", "GGTCTGAG"])
    # The third is nearest to GTCTC at 3 (2 T of 6 letters), and to AC nowhere.
    assert constraint.conflicts(designs).tolist() == [0, nearest("AGGTCTAC"), 4 + 2, 1 + 1]


def nearest(s):
    windows = [s[i : i + 6] for i in range(len(s) - 5)]
    return min(sum(a != b for a, b in zip(window, "GGTCTC", strict=True)) for window in windows)


@pytest.mark.parametrize("looked_up", [True, False])
def test_a_rejection_has_no_mask_but_a_product_may(looked_up, monkeypatch):
    if not looked_up:
        monkeypatch.setattr(base, "_LOOKED_UP", 0)
    seen = []

    def accepts(letters):
        seen.append(len(letters))
        return (letters == 0).sum(1) != 2

    rejection = Rejection(FIVE, accepts, "not_two", "there are two A")
    designs = all_designs(FIVE).T.contiguous().T
    naive = [s.count("A") != 2 for s in FIVE.decode(designs)]
    assert isinstance(rejection, Constraint)
    assert not isinstance(rejection, Masking)
    assert rejection.satisfied(designs).tolist() == naive
    assert rejection.conflicts(designs).tolist() == [int(not fine) for fine in naive]
    assert rejection.violations(designs) == ["" if fine else "there are two A" for fine in naive]
    seen.clear()
    assert rejection.violations(designs[:0]) == []
    assert rejection.conflicts(designs[:0]).shape == (0,)
    assert not seen
    run = HomopolymerLimit(FIVE, 2)
    product = AllOf(FIVE, [rejection, run])
    assert product.is_masked == looked_up
    feasible = designs[product.satisfied(designs)]
    exact = brute_force(product, feasible)
    moves = product.allowed_moves(feasible)
    assert torch.equal(moves, exact if looked_up else brute_force(run, feasible))
    assert (moves | ~exact).all()


def test_no_designs():
    empty = torch.zeros((0, 5), dtype=torch.int64)
    for constraint, _ in ALL:
        assert constraint.allowed_moves(empty).shape == (0, 5, 4)
        assert constraint.violations(empty) == []

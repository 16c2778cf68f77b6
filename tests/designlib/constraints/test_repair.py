"""Designs made feasible with few changes."""

import math

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
    repair,
)
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtMostComponents
from designlib.constraints.sum_to_one import SumToOne
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError

EIGHT = SequenceSpace(DNA, 8)
LONG = SequenceSpace(DNA, 40)
NO_CG = torch.ones(4, 4, dtype=torch.bool)
NO_CG[1, 2] = False
FIXED = torch.ones(8, 4, dtype=torch.bool)
FIXED[0] = torch.tensor([False, True, False, False])

# How many changes more than needed the search may make, on average over 60 designs.
CASES = {
    "required": ([RequiredMotifs(EIGHT, ["GAT", "CCA"], True)], 0.02),
    "forbidden": (
        [ForbiddenMotifs(EIGHT, ["GA", "CC", "TNA"], True), ForbiddenTransitions(EIGHT, NO_CG)],
        0.02,
    ),
    "sites": ([AllowedLetters(EIGHT, FIXED), HomopolymerLimit(EIGHT, 1)], 0.02),
    "many": (
        [
            RequiredMotifs(EIGHT, ["GAT"], True),
            GCWindow(EIGHT, 0.25, 0.5, 4),
            HomopolymerLimit(EIGHT, 2),
            ForbiddenTransitions(EIGHT, NO_CG),
        ],
        0.1,
    ),
    "ball": (
        [
            HammingBall(EIGHT, "ACGTACGT", 4),
            RequiredMotifs(EIGHT, ["GAT"], True),
            GCWindow(EIGHT, 0.5, 0.5),
        ],
        0.1,
    ),
    # No single change keeps every window at two of four, so that random designs are undone.
    "pattern": ([GCWindow(EIGHT, 0.5, 0.5, 4), HomopolymerLimit(EIGHT, 1)], 0.5),
    "rejection": ([Rejection(EIGHT, lambda x: x.sum(1) % 7 == 0)], 0.02),
}


@pytest.mark.parametrize(("members", "excess"), CASES.values(), ids=CASES)
def test_repairs_are_close_to_the_nearest_feasible_design(members, excess):
    constraint = AllOf(EIGHT, members)
    designs = EIGHT.random(60, torch_generator(5))
    every = torch.cartesian_prod(*[torch.arange(4)] * 8)
    feasible = every[constraint.satisfied(every)]
    nearest = (designs[:, None] != feasible).sum(2).min(1).values
    assert nearest.double().mean() > 0.5
    mended = repair(EIGHT, constraint, designs, torch_generator(1))
    assert constraint.satisfied(mended).all()
    changes = (mended != designs).sum(1)
    assert (changes >= nearest).all()
    assert (changes - nearest).double().mean() <= excess
    fine = constraint.satisfied(designs)
    assert torch.equal(mended[fine], designs[fine])
    assert torch.equal(mended, repair(EIGHT, constraint, designs, torch_generator(1)))


def test_longer_designs():
    constraint = AllOf(
        LONG,
        [
            RequiredMotifs(LONG, ["TGACTCA", "TATAAA"], True),
            GCWindow(LONG, 0.3, 0.7, 20),
            HomopolymerLimit(LONG, 4),
            ForbiddenMotifs(LONG, ["GGTCTC", "GAATTC"], True),
        ],
    )
    designs = LONG.random(20, torch_generator(0))
    mended = repair(LONG, constraint, designs.T.contiguous().T, torch_generator(1))
    assert constraint.satisfied(mended).all()
    # Two motifs of 13 letters in all, of which about 6 are in place somewhere.
    assert (mended != designs).sum(1).double().mean() < 9


def test_feasible_designs_stay_and_the_order_too():
    run = HomopolymerLimit(EIGHT, 2)
    designs = EIGHT.encode(["ACGTACGT", "AAACGTTT", "CCGGCCGG", "ACGTACCC"])
    before = designs.clone()
    mended = repair(EIGHT, run, designs, torch_generator(0))
    assert torch.equal(mended[[0, 2]], designs[[0, 2]])
    assert (mended != designs).sum(1).tolist() == [0, 2, 0, 1]
    assert torch.equal(designs, before)
    kept = repair(EIGHT, run, mended, torch_generator(0))
    assert torch.equal(kept, mended)
    assert kept is not mended
    assert repair(EIGHT, run, designs[:0], torch_generator(0)).shape == (0, 8)


def test_a_design_that_cannot_be_repaired_is_named():
    constraint = AllOf(EIGHT, [RequiredMotifs(EIGHT, ["GGG"], False), HomopolymerLimit(EIGHT, 2)])
    designs = EIGHT.encode(["ACGTACGT", "AAACGTGG"])
    with pytest.raises(InputError) as caught:
        repair(EIGHT, constraint, designs, torch_generator(0))
    assert str(caught.value) == (
        "design 1 (ACGTACGT) could not be repaired: required motif GGG is missing (2 letters "
        "differ at positions 1-3); no design satisfies required_motifs and max_homopolymer "
        "together: required motif GGG contains a run of 3 G; relax at least one of them"
    )


def test_a_site_without_letters_is_told_at_once():
    table = torch.ones(8, 4, dtype=torch.bool)
    table[0, 1] = False
    members = [AllowedLetters(EIGHT, FIXED), AllowedLetters(EIGHT, table)]
    designs = EIGHT.encode(["CCGTACGT", "CAACGTGG"])
    with pytest.raises(InputError, match=r"design 1 \(CCGTACGT\) .* position 1 has no letter left"):
        repair(EIGHT, AllOf(EIGHT, members), designs, torch_generator(0))


def test_designs_of_another_length_are_refused():
    with pytest.raises(InputError, match="have 8 letters; 40 are needed"):
        repair(LONG, HomopolymerLimit(LONG, 2), EIGHT.encode(["ACGTACGT"]), torch_generator(0))


BOX = BoxSpace((0.0, -1.0, -math.inf), (1.0, math.inf, math.inf), ("time", "heat", "load"))
ALLOY = SimplexSpace(("Fe", "Ni", "Co"))


def mended_points(space, rows, *members, dtype=torch.float64):
    designs = torch.tensor(rows, dtype=dtype)
    mended = repair(space, AllOf(space, members), designs, torch_generator(0))
    assert mended.dtype == dtype
    return mended.double()


def test_points_are_clipped():
    bounds = Bounds(BOX, [0.25, -2.0, -math.inf], [2.0, 1.0, 5.0])
    for dtype in (torch.float32, torch.float64):
        rows = [[0.5, 0.5, -9.0], [2.0, -4.0, 6.0], [0.0, 3.0, 0.5]]
        mended = mended_points(BOX, rows, bounds, dtype=dtype)
        assert mended.tolist() == [[0.5, 0.5, -9.0], [1.0, -1.0, 5.0], [0.25, 1.0, 0.5]]


def test_shares_are_divided_by_their_sum():
    for dtype in (torch.float32, torch.float64):
        rows = [[2.0, 1.0, 1.0], [0.25, 0.5, 0.25], [-0.5, 3.0, 1.0]]
        mended = mended_points(ALLOY, rows, dtype=dtype)
        exact = torch.tensor([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.0, 0.75, 0.25]])
        assert torch.allclose(mended, exact.double(), atol=1e-7)


def test_limits_of_shares_move_the_others_equally():
    bounds = Bounds(ALLOY, [0.0, 0.2, 0.0], [0.5, 1.0, 1.0])
    mended = mended_points(ALLOY, [[0.8, 0.1, 0.1], [0.1, 0.0, 0.9]], bounds)
    # Fe gives 0.3 and Ni needs 0.1 of it; the rest goes to both alike.
    expected = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.2, 0.8]], dtype=torch.float64)
    assert torch.allclose(mended, expected, atol=1e-9)


def test_the_smallest_components_are_dropped():
    mended = mended_points(ALLOY, [[0.5, 0.2, 0.3], [1.0, 0.0, 0.0]], AtMostComponents(ALLOY, 2))
    assert torch.allclose(
        mended, torch.tensor([[0.6, 0.0, 0.4], [1.0, 0.0, 0.0]], dtype=torch.float64), atol=1e-9
    )
    assert mended[0, 1] == 0
    # A component with a lower limit is among those that stay.
    bounds = Bounds(ALLOY, [0.0, 0.1, 0.0], [1.0, 1.0, 1.0])
    (row,) = mended_points(ALLOY, [[0.6, 0.0, 0.4]], bounds, AtMostComponents(ALLOY, 2)).tolist()
    assert row[2] == 0
    assert row[1] >= 0.1
    assert sum(row) == pytest.approx(1)


def test_variables_that_must_sum_to_one():
    mended = mended_points(BOX, [[0.5, 0.5, 0.3], [2.0, 3.0, 0.0]], SumToOne(BOX))
    # All are shifted alike: by -0.1, and by -4 / 3.
    expected = torch.tensor([[1.2, 1.2, 0.6], [2.0, 5.0, -4.0]], dtype=torch.float64) / 3
    assert torch.allclose(mended, expected, atol=1e-9)


def test_points_that_cannot_be_repaired_are_named():
    disc = Rejection(BOX, lambda x: x.square().sum(1) <= 1, "disc", "out of the disc")
    points = torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.5, 2.0]])
    with pytest.raises(InputError) as caught:
        repair(BOX, disc, points, torch_generator(0))
    assert str(caught.value) == (
        "design 2 (time=0.5, heat=0.5, load=2) could not be repaired: out of the disc"
    )


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([[0.5, 0.5]], "the designs have 2 variables; 3 are needed"),
        ([[0.5, 0.5, 0.5], [0.5, math.nan, 0.5]], "design 2 has the value nan for variable 2"),
        ([[math.inf, 0.5, 0.5]], "design 1 has the value inf for variable 1; finite"),
    ],
)
def test_points_that_are_no_numbers_are_refused(rows, complaint):
    with pytest.raises(InputError, match=complaint):
        repair(BOX, AllOf(BOX, []), torch.tensor(rows), torch_generator(0))

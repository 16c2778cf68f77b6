"""Constraints on points: bounds, number of components, sum to one."""

import math

import pytest
import torch

from designlib.constraints import AllOf, Constraint, HammingBall
from designlib.constraints.base import Masking
from designlib.constraints.bounds import Bounds, limits_of, members_of
from designlib.constraints.components import AtMostComponents, most_components
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError

DOUBLE = torch.float64
BOX = BoxSpace((0.0, -1.0, -math.inf), (1.0, math.inf, math.inf), ("time", "heat", "load"))
ALLOY = SimplexSpace(("Fe", "Ni", "Co", "Cr"))
LETTERS = SequenceSpace(DNA, 4)


def within(lower, upper):
    return lambda row: all(a <= x <= b for a, x, b in zip(lower, row, upper, strict=True))


CASES = [
    (Bounds(BOX, [0.5, -2.0, 0.0], [2.0, 1.0, 5.0]), within([0.5, -1.0, 0.0], [1.0, 1.0, 5.0])),
    (
        Bounds(ALLOY, [0.1, 0.0, 0.0, 0.0], [0.6, 0.5, 1.0, 0.4]),
        within([0.1, 0.0, 0.0, 0.0], [0.6, 0.5, 1.0, 0.4]),
    ),
    (AtMostComponents(ALLOY, 2), lambda row: sum(x > 0 for x in row) <= 2),
    (AtMostComponents(ALLOY, 4), lambda row: True),
]


def designs_of(constraint):
    """Return designs of which some are feasible, on limits and between them."""
    generator = torch_generator(0)
    designs = constraint.space.random(300, generator)
    if isinstance(constraint.space, SimplexSpace):
        kept = torch.rand(designs.shape, generator=generator) < 0.6
        kept[:, 0] = True
        designs = designs * kept
        return designs / designs.sum(1, keepdim=True)
    designs[::3, 2] = 1 - designs[::3, 0] - designs[::3, 1]
    designs[::7, 0] = 0.5
    return designs


@pytest.mark.parametrize("case", CASES, ids=lambda case: type(case[0]).__name__)
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_contract(case, dtype):
    constraint, naive = case
    designs = designs_of(constraint).to(dtype)
    satisfied = constraint.satisfied(designs)
    assert satisfied.tolist() == [naive(row) for row in designs.tolist()]
    assert satisfied.any()
    conflicts = constraint.conflicts(designs)
    assert torch.equal(conflicts == 0, satisfied)
    assert (conflicts >= 0).all()
    assert [sentence == "" for sentence in constraint.violations(designs)] == satisfied.tolist()
    assert isinstance(constraint, Constraint)
    assert not isinstance(constraint, Masking)
    assert constraint.name
    strided = designs.T.contiguous().T
    assert torch.equal(constraint.satisfied(strided), satisfied)
    assert constraint.violations(designs[:0]) == []
    assert constraint.conflicts(designs[:0]).shape == (0,)


def test_distances_have_the_unit_of_the_constraint():
    bounds, few = CASES[0][0], CASES[2][0]
    points = torch.tensor([[0.25, 3.0, 5.5], [0.5, 1.0, 5.0]], dtype=DOUBLE)
    assert bounds.conflicts(points).tolist() == [0.25 + 2.0 + 0.5, 0.0]
    shares = torch.tensor([[0.25] * 4, [0.5, 0.0, 0.5, 0.0]])
    assert few.conflicts(shares).tolist() == [2, 0]


def test_sentences_name_the_value_and_what_is_allowed():
    bounds, few = CASES[0][0], CASES[2][0]
    points = torch.tensor([[0.75, 3.0, 5.5], [0.25, 0.0, 0.0], [0.5, 0.0, 0.5]])
    assert bounds.violations(points) == [
        "heat = 3 (allowed -1 to 1) and 1 more",
        "time = 0.25 (allowed 0.5 to 1)",
        "",
    ]
    assert few.violations(torch.tensor([[0.5, 0.25, 0.0, 0.25]])) == [
        "3 components, Fe = 0.5, Ni = 0.25, Cr = 0.25 (at most 2 allowed)"
    ]


def test_rounding_of_shares_is_forgiven_and_of_variables_is_not():
    shares = torch.tensor([[0.6 + 1e-12, 0.4 - 1e-12, 0.0, 0.0]], dtype=DOUBLE)
    assert CASES[1][0].satisfied(shares).all()
    assert CASES[1][0].conflicts(shares).tolist() == [0.0]
    assert not CASES[1][0].satisfied(shares + 1e-8).any()
    above = torch.tensor([[1.0, 1.0 + 1e-12, 0.0]], dtype=DOUBLE)
    assert not CASES[0][0].satisfied(above).any()
    # A limit that is no float32 number is met by its rounded value.
    tenth = Bounds(BoxSpace.cube(1), [0.1], [0.2])
    assert tenth.satisfied(torch.tensor([[0.1], [0.2]])).all()
    assert tenth.satisfied(torch.tensor([[0.1], [0.2]], dtype=DOUBLE)).all()


def test_nan_is_infeasible():
    nan = torch.full((1, 3), torch.nan)
    assert not CASES[0][0].satisfied(nan).any()
    assert CASES[0][0].violations(nan) == ["time = nan (allowed 0.5 to 1) and 2 more"]


def test_limits_are_the_narrowest_of_all():
    lower, upper = limits_of(BOX, None)
    assert (lower.tolist(), upper.tolist()) == (list(BOX.lower), list(BOX.upper))
    assert lower.dtype == DOUBLE
    other = Bounds(BOX, [-math.inf, 0.25, -math.inf], [0.75, math.inf, math.inf])
    both = AllOf(BOX, [CASES[0][0], AllOf(BOX, [other])])
    lower, upper = limits_of(BOX, both)
    assert (lower.tolist(), upper.tolist()) == ([0.5, 0.25, 0.0], [0.75, 1.0, 5.0])
    lower, upper = limits_of(ALLOY, AtMostComponents(ALLOY, 2))
    assert (lower.tolist(), upper.tolist()) == ([0.0] * 4, [1.0] * 4)
    lower, upper = limits_of(ALLOY, CASES[1][0])
    assert (lower.tolist(), upper.tolist()) == ([0.1, 0, 0, 0], [0.6, 0.5, 1.0, 0.4])
    with pytest.raises(InputError, match="designs of a SequenceSpace have no limits"):
        limits_of(LETTERS, HammingBall(LETTERS, "ACGT", 1))


def test_limits_keep_every_digit():
    lower, upper = limits_of(BoxSpace((0.1,), (0.3,)), None)
    assert (lower.tolist(), upper.tolist()) == ([0.1], [0.3])


def test_the_smallest_number_of_components_counts():
    assert most_components(None) is None
    assert most_components(CASES[1][0]) is None
    assert most_components(AtMostComponents(ALLOY, 3)) == 3
    both = AllOf(ALLOY, [AtMostComponents(ALLOY, 3), CASES[1][0], AtMostComponents(ALLOY, 2)])
    assert most_components(both) == 2
    assert members_of(both) == both.members
    assert members_of(None) == ()


def test_a_product_of_constraints_on_points():
    few = AtMostComponents(ALLOY, 2)
    both = AllOf(ALLOY, [CASES[1][0], few])
    shares = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.05, 0.45, 0.25, 0.25], [0.0, 0.5, 0.5, 0.0]])
    assert both.satisfied(shares).tolist() == [True, False, False]
    assert both.conflicts(shares).tolist() == pytest.approx([0.0, 0.05 + 2, 0.1])
    assert both.violations(shares)[1] == (
        "Fe = 0.05 (allowed 0.1 to 0.6); 4 components, Fe = 0.05, Ni = 0.45, Co = 0.25, "
        "Cr = 0.25 (at most 2 allowed)"
    )


@pytest.mark.parametrize(
    ("space", "lower", "upper", "complaint"),
    [
        (BOX, [0.0], [1.0], "1 lower and 1 upper limits are given; 3 of each"),
        (BOX, [0.0, 0.0, 0.0], [1.0, 1.0], "3 lower and 2 upper limits"),
        (BOX, [0.0, 2.0, 0.0], [1.0, 1.5, 1.0], "heat has no value from 2 to 1.5"),
        (
            BOX,
            [2.0, 0.0, 0.0],
            [3.0, 1.0, 1.0],
            "time has no value from 2 to 1, the limits of its space",
        ),
        (
            BOX,
            [0.0, math.nan, 0.0],
            [1.0, 1.0, 1.0],
            "heat has limits nan and 1; numbers are accepted",
        ),
        (BOX, [0.0, 0.0, math.inf], [1.0, 1.0, math.inf], "load has limits inf and inf"),
        (
            ALLOY,
            [0.0, 0.5, 0.0, 0.6],
            [1.0, 1.0, 1.0, 1.0],
            "limits of Ni, Cr sum to 1.1; at most 1",
        ),
        (ALLOY, [0.0] * 4, [0.2] * 4, "limits of Fe, Ni, Co, Cr sum to 0.8; shares must sum"),
        (ALLOY, [0.0, 1.5, 0.0, 0.0], [1.0, 2.0, 1.0, 1.0], "Ni has no value from 1.5 to 1"),
    ],
)
def test_clashing_bounds_are_refused(space, lower, upper, complaint):
    with pytest.raises(InputError, match=complaint):
        Bounds(space, lower, upper)


@pytest.mark.parametrize("k", [0, 5, -1])
def test_wrong_numbers_of_components_are_refused(k):
    with pytest.raises(InputError, match=f"at most {k} components are asked for; 1 to 4"):
        AtMostComponents(ALLOY, k)


def test_bounds_that_leave_one_design_are_accepted():
    only = Bounds(ALLOY, [0.25] * 4, [0.25] * 4)
    assert only.satisfied(torch.full((1, 4), 0.25)).all()
    fixed = Bounds(BOX, [0.5, 0.0, 1.0], [0.5, 1.0, 1.0])
    assert fixed.satisfied(torch.tensor([[0.5, 0.5, 1.0], [0.5, 0.5, 1.1]])).tolist() == [
        True,
        False,
    ]

"""Feasible points to start from."""

import math

import pytest
import torch
from scipy import stats

from designlib.constraints import AllOf, Rejection, feasible_starts
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtMostComponents
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SimplexSpace
from designlib.types import InputError

CUBE = BoxSpace.cube(3, -1.0, 1.0)
HALF_OPEN = BoxSpace((-math.inf, 0.0), (math.inf, math.inf))
ALLOY = SimplexSpace(("Fe", "Ni", "Co", "Cr", "Mn"))
BALL = Rejection(CUBE, lambda x: x.square().sum(1) <= 1, "ball", "out of the ball")
ZEROS, ONES = [0.0] * 5, [1.0] * 5


@pytest.mark.parametrize(
    ("space", "members"),
    [
        (CUBE, []),
        (CUBE, [BALL]),
        (CUBE, [BALL, Bounds(CUBE, [0.0, 0.2, 0.3], [math.inf, 0.2, 0.4])]),
        (HALF_OPEN, [Bounds(HALF_OPEN, [1.0, -math.inf], [math.inf, 5.0])]),
        (ALLOY, []),
        (ALLOY, [AtMostComponents(ALLOY, 2)]),
        (ALLOY, [Bounds(ALLOY, [0.1, 0.0, 0.3, 0.0, 0.0], [1.0, 0.0, 0.9, 0.9, 0.9])]),
        (ALLOY, [Bounds(ALLOY, [0.19] * 5, [0.21] * 5)]),
        (ALLOY, [Bounds(ALLOY, [0.0] * 5, [0.35] * 5), AtMostComponents(ALLOY, 3)]),
        (
            ALLOY,
            [
                Bounds(ALLOY, [0.2, 0.0, 0.0, 0.0, 0.0], [0.4, 0.5, 0.5, 0.0, 0.5]),
                AtMostComponents(ALLOY, 3),
                Rejection(ALLOY, lambda x: x[:, 1] > x[:, 2], "order", "less Ni than Co"),
            ],
        ),
    ],
)
def test_starts_are_feasible_and_repeatable(space, members):
    constraint = AllOf(space, members)
    starts = feasible_starts(space, constraint, 300, torch_generator(1))
    assert starts.shape == (300, space.columns)
    assert starts.dtype == torch.float64
    space.check(starts)
    assert constraint.violations(starts) == [""] * 300
    assert len(starts.unique(dim=0)) == 300
    assert torch.equal(starts, feasible_starts(space, constraint, 300, torch_generator(1)))


def test_a_constraint_need_not_be_a_product():
    starts = feasible_starts(CUBE, BALL, 4000, torch_generator(0))
    # The volume inside radius r of the unit ball is r cubed.
    assert stats.kstest(starts.norm(dim=1).numpy() ** 3, "uniform").pvalue > 1e-3


def test_compositions_above_lower_limits_are_uniform():
    bounds = Bounds(ALLOY, [0.2, 0.0, 0.3, 0.0, 0.0], ONES)
    starts = feasible_starts(ALLOY, bounds, 4000, torch_generator(0))
    # What is left is a Dirichlet, of which each share is Beta(1, 4).
    left = (starts - bounds.lower) / 0.5
    for column in left.T:
        assert stats.kstest(column.numpy(), stats.beta(1, 4).cdf).pvalue > 1e-3


def test_every_choice_of_components_is_as_likely():
    starts = feasible_starts(ALLOY, AtMostComponents(ALLOY, 2), 5000, torch_generator(0))
    assert ((starts > 0).sum(1) == 2).all()
    _, counts = (starts > 0).unique(dim=0, return_counts=True)
    assert len(counts) == 10
    assert stats.chisquare(counts).pvalue > 1e-3


def test_narrow_limits_leave_starts_inside_them():
    # None of 100,000 uniform compositions is that close to equal shares.
    bounds = Bounds(ALLOY, [0.198] * 5, [0.202] * 5)
    starts = feasible_starts(ALLOY, bounds, 500, torch_generator(0))
    assert bounds.satisfied(starts).all()
    at_limit = ((starts - bounds.lower).abs() < 1e-6) | ((starts - bounds.upper).abs() < 1e-6)
    assert at_limit.double().mean() < 0.05


def test_seeds_are_used_again_where_nothing_else_is_known():
    point = torch.tensor([[0.25, 0.5, 0.75]], dtype=torch.float64)
    exact = Rejection(CUBE, lambda x: (x == point).all(1), "point", "elsewhere")
    with pytest.raises(InputError, match="no design was found that satisfies point; relax it"):
        feasible_starts(CUBE, exact, 3, torch_generator(0))
    seeds = torch.cat([point, point / 2])
    starts = feasible_starts(CUBE, exact, 3, torch_generator(0), seeds)
    assert torch.equal(starts, point.expand(3, 3))


def test_seeds_of_another_space_are_refused():
    with pytest.raises(InputError, match=r"the seeds are not of this space: .* 2 variables; 3"):
        feasible_starts(CUBE, BALL, 3, torch_generator(0), torch.zeros(1, 2))
    with pytest.raises(InputError, match="the seeds are not of this space: design 1 has x2 = 2"):
        feasible_starts(CUBE, BALL, 3, torch_generator(0), torch.tensor([[0.0, 2.0, 0.0]]))

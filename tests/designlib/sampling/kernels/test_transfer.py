"""Exactness of transfers on grids of compositions small enough to be enumerated."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from designlib.constraints import (
    AllOf,
    AtLeastComponents,
    AtMostComponents,
    Bounds,
    GroupBounds,
    NeverTogether,
    RatioBounds,
    Rejection,
    feasible_starts,
)
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.sampling.drivers import anneal
from designlib.sampling.kernels import GridTransfer
from designlib.sampling.ladders.base import Rung
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.types import InputError
from tests.designlib.sampling.kernels.grids import imbalance, p_of_draws, transition_matrix

THREE = SimplexSpace(("Fe", "Ni", "Co"), grid_steps=6)
FOUR = SimplexSpace(("a", "b", "c", "d"), grid_steps=4)
SYSTEMS = {
    "free": (THREE, None),
    "four": (FOUR, None),
    "bounds": (THREE, Bounds(THREE, [0.1, 0.0, 0.3], [0.7, 0.5, 1.0])),
    "fixed": (THREE, Bounds(THREE, [0.5, 0.0, 0.0], [0.5, 1.0, 1.0])),
    "alone": (THREE, Bounds(THREE, [0.5, 0.5, 0.0], [0.5, 0.5, 0.0])),
    "at most two": (FOUR, AtMostComponents(FOUR, 2)),
    "at most one": (FOUR, AtMostComponents(FOUR, 1)),
    "at least three": (FOUR, AtLeastComponents(FOUR, 3)),
    "group": (FOUR, GroupBounds(FOUR, ["a", "c"], 0.5, 0.75)),
    "apart": (FOUR, NeverTogether(FOUR, [("a", "b"), ("c", "d")])),
    "ratio": (THREE, RatioBounds(THREE, "Fe", "Ni", 0.5, 2.0)),
    "rejection": (FOUR, Rejection(FOUR, lambda x: (x[:, 0] - x[:, 3]).abs() < 0.6)),
    "several": (
        FOUR,
        AllOf(
            FOUR,
            [
                AtMostComponents(FOUR, 3),
                GroupBounds(FOUR, ["a", "b"], 0.25, 1.0),
                NeverTogether(FOUR, [("a", "d")]),
            ],
        ),
    ),
}


def predictor(space, seed=0, spread=1.0):
    generator = torch_generator(seed, "predictor")
    into = 3 * torch.randn(space.columns, 12, generator=generator, dtype=torch.float64)
    out = spread * torch.randn(12, generator=generator, dtype=torch.float64)
    return lambda shares: torch.tanh(shares.to(into) @ into).pow(3) @ out


def target_of(name, beta=1.0):
    space, constraint = SYSTEMS[name]
    return Target(predictor(space), space, constraint, beta=beta, dtype=torch.float64)


def feasible(target):
    """Return every feasible composition, without any code of the library."""
    space = target.space
    rows = [a for a in product(range(space.grid_steps + 1), repeat=space.columns)
            if sum(a) == space.grid_steps]  # fmt: skip
    shares = torch.tensor(rows).double() / space.grid_steps
    return shares if target.constraint is None else shares[target.constraint.satisfied(shares)]


def matrix_of(target):
    moves = torch.arange(target.space.columns**2 * target.space.grid_steps)[:, None]
    designs = feasible(target)
    return designs, transition_matrix(GridTransfer(), target, designs, moves)


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("name", SYSTEMS)
def test_detailed_balance(name, beta):
    target = target_of(name, beta)
    designs, matrix = matrix_of(target)
    assert imbalance(target, designs, matrix) < 1e-12
    # Every two compositions that differ by one transfer are one step apart.
    parts = (designs * SYSTEMS[name][0].grid_steps).round()
    one_transfer = ((parts[:, None] != parts[None]).sum(2)) == 2
    assert (matrix[one_transfer] > 0).all()
    assert (matrix[(parts[:, None] != parts[None]).sum(2) > 2] == 0).all()


def test_detailed_balance_without_gradients():
    target = replace(target_of("several", 2.0), differentiable=False)
    assert imbalance(target, *matrix_of(target)) < 1e-12


@pytest.mark.parametrize("name", ["free", "several", "alone"])
def test_draws_follow_the_matrix(name):
    target = target_of(name, 1.5)
    assert p_of_draws(GridTransfer(), target, *matrix_of(target)) > 1e-3


def test_a_composition_with_no_way_out_stays():
    target = target_of("alone")
    designs = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64)
    state = GridTransfer().init(target, designs)
    after, info = GridTransfer().step(target, state, torch.full((1, 2), 0.5).double())
    assert torch.equal(after.designs, designs)
    assert bool(info.accepted.all())


def test_a_walk_stays_on_the_grid_and_is_the_same_in_any_batch():
    space = SimplexSpace(tuple("abcdef"), grid_steps=20)
    constraint = AllOf(space, [AtMostComponents(space, 3), Bounds(space, [0.0] * 6, [0.6] * 6)])
    target = Target(predictor(space), space, constraint, beta=3.0)
    starts = feasible_starts(space, constraint, 40, torch_generator(1))
    *_, last = anneal([Rung(target, 30, "only")], GridTransfer(), starts, 3, range(40))
    space.check(last.designs)
    assert constraint.satisfied(last.designs).all()
    assert float(last.acceptance.mean()) > 0.2
    *_, part = anneal([Rung(target, 30, "only")], GridTransfer(), starts[:7], 3, range(7))
    assert torch.equal(part.designs, last.designs[:7])


def test_spaces_that_cannot_be_walked_are_refused():
    free, letters = SimplexSpace(("a", "b")), SequenceSpace(DNA, 3)
    fine = SimplexSpace(tuple(f"c{index}" for index in range(20)), grid_steps=1000)
    for space, message in (
        (free, "SimplexSpace has none"),
        (letters, "SequenceSpace"),
        (fine, "20 components in 1000 steps have 400,000 transfers"),
    ):
        target = Target(lambda x: x.flatten(1).sum(1), space)
        with pytest.raises(InputError, match=message):
            GridTransfer().init(target, space.random(2, torch_generator(0)))

"""Exactness of transfers on grids of compositions small enough to be enumerated."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from scipy import stats

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
from designlib.sampling.kernels.base import take
from designlib.sampling.ladders.base import Rung
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.types import InputError

THREE = SimplexSpace(("Fe", "Ni", "Co"), parts=6)
FOUR = SimplexSpace(("a", "b", "c", "d"), parts=4)
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
    rows = [a for a in product(range(space.parts + 1), repeat=space.columns)
            if sum(a) == space.parts]  # fmt: skip
    shares = torch.tensor(rows).double() / space.parts
    return shares if target.constraint is None else shares[target.constraint.satisfied(shares)]


def rows_of(designs, among):
    return (designs[:, None] == among[None]).all(2).long().argmax(1)


def transition_matrix(kernel, target):
    designs = feasible(target)
    n, m = len(designs), target.space.columns**2 * target.space.parts
    rows = torch.arange(n).repeat_interleave(m)
    here = take(kernel.init(target, designs), rows)
    chosen = torch.arange(m).repeat(n)[:, None]
    log_forward = kernel.log_probability(target, here, chosen)
    drawn = log_forward.exp().view(n, m).sum(1)
    assert (drawn - 1).abs().max() < 1e-12
    possible = (log_forward.exp() > 0).nonzero()[:, 0]
    rows, log_forward = rows[possible], log_forward[possible]
    here, chosen = take(here, possible), take(chosen, possible)
    after, back = kernel.move(here, chosen)
    columns = rows_of(after, designs)
    assert torch.equal(designs[columns], after), "an infeasible composition is proposed"
    again, _ = kernel.move(kernel.evaluate(target, after), back)
    assert torch.equal(again, here.designs), "the way back leads elsewhere"
    proposed = kernel.evaluate(target, after)
    accepted = kernel.log_acceptance(target, here, proposed, log_forward, back).exp().clamp(max=1)
    assert (accepted > 0).all()
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix.index_put_((rows, columns), log_forward.exp() * accepted, True)
    matrix.diagonal().add_(1 - matrix.sum(1))
    return designs, matrix


def exact(target, designs):
    return (target.beta * target.predict(designs)).softmax(0)


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("name", SYSTEMS)
def test_detailed_balance(name, beta):
    target = target_of(name, beta)
    designs, matrix = transition_matrix(GridTransfer(), target)
    density = exact(target, designs)
    flow = density[:, None] * matrix
    assert (matrix > -1e-12).all()
    assert (flow - flow.T).abs().max() < 1e-12
    assert (density @ matrix - density).abs().max() < 1e-12
    # Every two compositions that differ by one transfer are one step apart.
    parts = (designs * SYSTEMS[name][0].parts).round()
    one_transfer = ((parts[:, None] != parts[None]).sum(2)) == 2
    assert (matrix[one_transfer] > 0).all()
    assert (matrix[(parts[:, None] != parts[None]).sum(2) > 2] == 0).all()


def test_detailed_balance_without_gradients():
    target = replace(target_of("several", 2.0), differentiable=False)
    designs, matrix = transition_matrix(GridTransfer(), target)
    flow = exact(target, designs)[:, None] * matrix
    assert (flow - flow.T).abs().max() < 1e-12


@pytest.mark.parametrize("name", ["free", "several", "alone"])
def test_draws_follow_the_matrix(name):
    target, kernel, copies = target_of(name, 1.5), GridTransfer(), 2000
    designs, matrix = transition_matrix(kernel, target)
    n = len(designs)
    state = kernel.init(target, designs.repeat_interleave(copies, 0))
    uniforms = torch.rand(n * copies, 2, generator=torch_generator(5, name), dtype=torch.float64)
    after, _ = kernel.step(target, state, uniforms)
    rows = torch.arange(n).repeat_interleave(copies)
    counts = torch.bincount(rows * n + rows_of(after.designs, designs), minlength=n * n)
    seen, expected = counts.double(), matrix.flatten() * copies
    assert (seen[expected < 1e-9] == 0).all(), "an impossible move was drawn"
    large = expected >= 5
    statistic = ((seen - expected)[large] ** 2 / expected[large]).sum()
    freedom = int(large.sum()) - n
    assert freedom <= 0 or stats.chi2.sf(float(statistic), freedom) > 1e-3


def test_a_composition_with_no_way_out_stays():
    target = target_of("alone")
    designs = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64)
    state = GridTransfer().init(target, designs)
    after, info = GridTransfer().step(target, state, torch.full((1, 2), 0.5).double())
    assert torch.equal(after.designs, designs)
    assert bool(info.accepted.all())


def test_a_walk_stays_on_the_grid_and_is_the_same_in_any_batch():
    space = SimplexSpace(tuple("abcdef"), parts=20)
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
    fine = SimplexSpace(tuple(f"c{index}" for index in range(20)), parts=1000)
    for space, message in (
        (free, "SimplexSpace without one"),
        (letters, "SequenceSpace"),
        (fine, "20 components in 1000 parts have 400,000 transfers"),
    ):
        target = Target(lambda x: x.flatten(1).sum(1), space)
        with pytest.raises(InputError, match=message):
            GridTransfer().init(target, space.random(2, torch_generator(0)))

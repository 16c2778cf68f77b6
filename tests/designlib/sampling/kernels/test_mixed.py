"""Exactness of kernels that move one part of a design at a time."""

import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from scipy import integrate, stats

from designlib.constraints import (
    AllOf,
    AllowedLevels,
    AtMostComponents,
    Bounds,
    OnPart,
    Rejection,
    feasible_starts,
)
from designlib.notation.alphabets import DNA
from designlib.notation.variables import Choice, Quantity
from designlib.randomness import torch_generator
from designlib.sampling.drivers import anneal, smc
from designlib.sampling.kernels import MixedKernel
from designlib.sampling.kernels.mixed import Move
from designlib.sampling.ladders.base import Rung
from designlib.sampling.targets import Target
from designlib.spaces import MixedSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError
from tests.designlib.sampling.kernels.grids import density, imbalance, p_of_draws, transition_matrix
from tests.designlib.sampling.kernels.points import (
    Case,
    check_balance,
    check_ranks,
    rejection,
    uniforms,
)

T = Quantity(name="T", unit="°C", low=20, high=80, step=20)
TIME = Quantity(name="time", unit="min", low=0.5, high=2.0)
SOLVENT = Choice(name="solvent", options=("DMF", "THF", "DMSO"))
GRID = MixedSpace(SimplexSpace(("Fe", "Ni", "Co"), 4), (T,), (SOLVENT,))
ALL = MixedSpace(SimplexSpace(("Fe", "Ni", "Co"), 4), (T, TIME), (SOLVENT,))
FREE = ALL.walked(SimplexSpace(("Fe", "Ni", "Co")))
SET = MixedSpace(None, (TIME,), (SOLVENT,))


def yes(*rows):
    return [[bool(one) for one in row] for row in rows]


def part(space, number) -> Any:
    """Return the space of a part, of whatever kind."""
    return space.subspaces[number].space


def composition(space):
    return part(space, 0)


LIMITED = [
    OnPart(GRID, 0, AtMostComponents(composition(GRID), 2)),
    OnPart(GRID, 1, AllowedLevels(part(GRID, 1), yes([1, 1, 0, 1], [1, 0, 1]))),
]
SYSTEMS = {
    "free": None,
    "limited": AllOf(GRID, LIMITED),
    "whole designs": AllOf(GRID, [*LIMITED, Rejection(GRID, lambda x: x[:, 0] * 4 <= x[:, 3])]),
}


def predictor(space, spread=2.0):
    generator = torch_generator(3, "predictor")
    inputs = space.subspaces[-1].inputs.stop
    scale = torch.ones(inputs, dtype=torch.float64)
    for quantity in space.quantities:
        column = next(
            c for c in range(inputs)
            if float(space.relax(highest(space, quantity))[0, c]) == pytest.approx(quantity.high)
        )  # fmt: skip
        scale[column] = 1 / (quantity.high - quantity.low)
    into = torch.randn(inputs, 10, generator=generator, dtype=torch.float64)
    out = spread * torch.randn(10, generator=generator, dtype=torch.float64)
    return lambda x: torch.tanh((x.to(into) * scale) @ into).pow(3) @ out


def highest(space, quantity):
    design = space.random(1, torch_generator(0))
    for part in space.subspaces:
        names = getattr(part.space, "labels", None) or [
            v.name for v in getattr(part.space, "variables", ())
        ]
        if quantity.name in names:
            place = part.columns.start + list(names).index(quantity.name)
            design[:, place] = len(quantity.levels) - 1 if quantity.step else quantity.high
    return design


def target_of(name, beta=1.0):
    return Target(predictor(GRID), GRID, SYSTEMS[name], beta=beta, dtype=torch.float64)


def feasible(target):
    """Return every feasible design of the grid, without any code of the library."""
    shares = [a for a in product(range(5), repeat=3) if sum(a) == 4]
    rows = [(*(x / 4 for x in a), t, s) for a in shares for t in range(4) for s in range(3)]
    designs = torch.tensor(rows, dtype=torch.float64)
    return designs if target.constraint is None else designs[target.constraint.satisfied(designs)]


def all_moves():
    """Return every move of both parts: transfers, then levels."""
    transfers, levels = 3 * 3 * 4, 7
    part = torch.tensor([0] * transfers + [1] * levels)
    first = torch.tensor([*range(transfers), *[0] * levels])[:, None]
    second = torch.tensor([*[0] * transfers, *range(levels)])[:, None]
    return Move(part, (first, second))


def matrix_of(kernel, target):
    designs = feasible(target)
    return designs, transition_matrix(kernel, target, designs, all_moves())


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("name", SYSTEMS)
def test_detailed_balance_on_a_grid(name, beta):
    target = target_of(name, beta)
    designs, matrix = matrix_of(MixedKernel(), target)
    assert imbalance(target, designs, matrix) < 1e-12
    # Every design is reached from every other in the end, so the density is the only one kept.
    reached = torch.linalg.matrix_power(matrix, 64)
    assert (reached > 0).all()
    exact = density(target, designs)
    assert (exact @ matrix - exact).abs().max() < 1e-12


def test_detailed_balance_without_gradients():
    target = replace(target_of("limited"), differentiable=False)
    assert imbalance(target, *matrix_of(MixedKernel(), target)) < 1e-12


class WithoutTheWayBack(MixedKernel):
    def log_acceptance(self, target, state, proposed, log_forward, back):
        return target.beta * (proposed.value - state.value)


class PartByPlace(MixedKernel):
    """The part is chosen by where the chain is, as if it were not."""

    def log_probability(self, target, state, move):
        often = 0.2 + 0.6 * (state.designs[:, 0] > 0.3).double()
        chance = torch.where(move.part == 0, often, 1 - often)
        return super().log_probability(target, state, move) + chance.double().log() - math.log(0.5)

    def log_acceptance(self, target, state, proposed, log_forward, back):
        gain = target.beta * (proposed.value - state.value)
        plain = MixedKernel.log_probability(self, target, proposed, back)
        often = 0.2 + 0.6 * (state.designs[:, 0] > 0.3).double()
        chance = torch.where(back.part == 0, often, 1 - often)
        return gain + plain + chance.double().log() - math.log(0.5) - log_forward


class BothPartsMove(MixedKernel):
    """Both parts move, and the probability of one is counted."""

    def move(self, state, move):
        designs, back = super().move(state, move)
        other, _ = super().move(state, move._replace(part=1 - move.part))
        return torch.where(designs != state.designs, designs, other), back


@pytest.mark.parametrize("kernel", [WithoutTheWayBack(), PartByPlace()])
def test_planted_bugs_are_found(kernel):
    target = target_of("free", 1.0)
    assert imbalance(target, *matrix_of(kernel, target)) > 1e-5


def test_draws_follow_the_matrix():
    target = target_of("limited", 1.5)
    assert p_of_draws(MixedKernel(), target, *matrix_of(MixedKernel(), target)) > 1e-3


def test_draws_of_two_parts_at_once_are_found():
    target = target_of("limited", 1.5)
    assert p_of_draws(BothPartsMove(), target, *matrix_of(MixedKernel(), target)) < 1e-6


def mixed_case(space, beta=1.5):
    constraint = AllOf(space, [])
    if space.composition is not None:
        own = composition(space)
        constraint = AllOf(space, [OnPart(space, 0, Bounds(own, [0.0] * 3, [0.75, 1.0, 1.0]))])
    inner = predictor(space)
    target = Target(inner, space, constraint, beta=beta, dtype=torch.float64)
    ceiling = float((beta * inner(space.relax(space.random(200_000, torch_generator(9)),
                                              torch.float64))).max()) + 0.7  # fmt: skip

    def propose(n, generator):
        return space.random(n, generator), torch.zeros(n, dtype=torch.float64)

    # `rejection` and `statistics` take designs, which here are not what a predictor takes.
    on_designs = replace(target, predict=lambda x: inner(space.relax(x, torch.float64)))
    return target, on_designs, rejection(on_designs, propose, ceiling, 4000)


class OnDesigns(MixedKernel):
    """The kernel under test, asked with a target whose predictor takes designs."""

    def __init__(self, target):
        super().__init__()
        self.target = target

    def evaluate(self, target, designs, tuning=None):
        return super().evaluate(self.target, designs, tuning)


SPACES = {"composition on a grid": ALL, "any composition": FREE, "settings": SET}


@pytest.mark.parametrize("name", SPACES)
def test_balance_with_quantities(name):
    target, on_designs, draws = mixed_case(SPACES[name])
    check_balance(OnDesigns(target), Case(on_designs, draws, 0.3))


@pytest.mark.statistical
@pytest.mark.parametrize("name", SPACES)
def test_ranks_of_exact_draws_with_quantities(name):
    target, on_designs, draws = mixed_case(SPACES[name])
    check_ranks(OnDesigns(target), Case(on_designs, draws, 0.3))


class ForgetsTheDensity(OnDesigns):
    """A part's proposal density is left out of the ratio."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return target.beta * (proposed.value - state.value)


@pytest.mark.statistical
def test_a_forgotten_density_is_found():
    target, on_designs, draws = mixed_case(SET)
    with pytest.raises(AssertionError, match="ranks are not uniform"):
        check_ranks(ForgetsTheDensity(target), Case(on_designs, draws, 0.3))


@pytest.mark.statistical
def test_long_chains_agree_with_quadrature():
    """Share of each solvent and mean time, by numerical integration over the time."""
    target, on_designs, _ = mixed_case(SET)

    def density(time, option):
        row = torch.tensor([[time, float(option)]], dtype=torch.float64)
        return float((target.beta * on_designs.predict(row)).exp())

    masses = [integrate.quad(density, 0.5, 2.0, args=(k,))[0] for k in range(3)]
    means = [integrate.quad(lambda t, k=k: t * density(t, k), 0.5, 2.0)[0] for k in range(3)]
    n, kernel = 6000, MixedKernel()
    state = kernel.init(target, SET.random(n, torch_generator(1)))
    for step in range(120):
        state, info = kernel.step(target, state, uniforms(n, kernel.draws_per_step(SET), step))
        if step < 40:
            state = kernel.adapt(state, info)
    counts = torch.bincount(state.designs[:, 1].long(), minlength=3)
    expected = n * torch.tensor(masses, dtype=torch.float64) / sum(masses)
    assert stats.chisquare(counts.numpy(), expected.numpy()).pvalue > 1e-3
    mean = sum(means) / sum(masses)
    error = float(state.designs[:, 0].std()) / n**0.5
    assert abs(float(state.designs[:, 0].mean()) - mean) < 4 * error


def test_only_the_part_that_moved_is_tuned():
    target, _, _ = mixed_case(FREE)
    assert target.constraint is not None
    kernel: Any = MixedKernel()
    starts = feasible_starts(FREE, target.constraint, 60, torch_generator(1))
    state = kernel.init(target, starts)
    before = state.tuning
    after, info = kernel.step(target, state, uniforms(60, kernel.draws_per_step(FREE), "tuning"))
    tuned = kernel.adapt(after, info)
    for number in range(2):
        moved = tuned.tuning[number].seen > before[number].seen
        assert torch.equal(moved, after.chosen == number)
        assert torch.equal(tuned.tuning[number].log_size != before[number].log_size, moved)
    assert tuned.tuning[2] is None
    retargeted = kernel.retarget(target, tuned)
    assert torch.equal(retargeted.tuning[0].log_size, tuned.tuning[0].log_size)
    assert not retargeted.tuning[0].seen.any()


def test_walks_keep_to_the_constraints_and_are_the_same_in_any_batch():
    own = composition(ALL)
    constraint = AllOf(
        ALL,
        [
            OnPart(ALL, 0, AtMostComponents(own, 2)),
            OnPart(ALL, 1, Bounds(part(ALL, 1), [1.0], [1.5])),
            OnPart(ALL, 2, AllowedLevels(part(ALL, 2), yes([1, 1, 0, 1], [1, 0, 1]))),
        ],
    )
    target = Target(predictor(ALL), ALL, constraint, beta=3.0)
    starts = feasible_starts(ALL, constraint, 40, torch_generator(1))
    rungs = [Rung(target, 20, "only")]
    *_, last = anneal(rungs, MixedKernel(), starts, 3, range(40), warm_up=4)
    ALL.check(last.designs)
    assert constraint.satisfied(last.designs).all()
    assert float(last.acceptance.mean()) > 0.2
    *_, few = anneal(rungs, MixedKernel(), starts[:7], 3, range(7), warm_up=4)
    assert torch.equal(few.designs, last.designs[:7])
    ladder = [Rung(replace(target, beta=b), 4, str(b)) for b in (0.5, 1.5, 3.0)]
    *_, particles = smc(ladder, MixedKernel(), starts, 3, range(40), warm_up=2)
    assert constraint.satisfied(particles.designs).all()


def test_other_spaces_are_refused():
    letters = SequenceSpace(DNA, 3)
    target = Target(lambda x: x.flatten(1).sum(1), letters)
    with pytest.raises(InputError, match="MixedSpace, and the target is on a SequenceSpace"):
        MixedKernel().init(target, letters.random(2, torch_generator(0)))

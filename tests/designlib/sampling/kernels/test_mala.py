"""Metropolis-adjusted Langevin: exact in boxes and out of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from designlib.constraints import AllOf
from designlib.constraints.bounds import Bounds
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.sampling.kernels.mala import Mala, TruncatedNormal
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError
from tests.designlib.sampling.kernels.langevin import (
    BOX,
    DOUBLE,
    DRAWS,
    FREE,
    LAST,
    NARROW_BOX,
    Planted,
    case,
    edged,
    in_box,
    make,
)
from tests.designlib.sampling.kernels.points import (
    Case,
    acceptance_after_warm_up,
    check_ranks,
    rejection,
    uniforms,
    walk,
)


class NoNormaliser(Planted):
    """The density of a proposal is that of the normal number, as if nothing were cut off."""

    def proposal(self, target, state):
        right = super().proposal(target, state)
        return WithoutNormaliser(*right)


class WithoutNormaliser(TruncatedNormal):
    def log_density(self, values):
        log_mass = ((self.below + self.above) / 2).log().where(self.upper > self.lower, 0.0)
        return super().log_density(values) + log_mass


class Projected(Planted):
    """A proposal out of limits is put on them instead of being drawn between them."""

    def proposal(self, target, state):
        return Clamped(*super().proposal(target, state))


class Clamped(TruncatedNormal):
    def draw(self, uniforms):
        offset = torch.special.ndtri(uniforms) * self.deviation
        return (self.mean + offset).clamp(self.lower, self.upper)


LIMIT_BUGS = [NoNormaliser, Projected]


def planted(bug):
    return type("Planted", (bug, Mala), {})(0.4)


@pytest.mark.parametrize("bug", LIMIT_BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("name", ["box", "narrow"])
def test_bugs_at_limits_are_caught(bug, name):
    with pytest.raises(AssertionError):
        check_ranks(make(name, bug), case(name))
    with pytest.raises(AssertionError):
        check_density(planted(bug), BOUNDED)


BOUNDED = Target(
    lambda x: (2 * x[:, 0]).sin() * 3, BoxSpace((-1.0,), (1.5,)), beta=2.0, dtype=DOUBLE
)
HALF_OPEN = replace(BOUNDED, space=BoxSpace((-1.0,), (math.inf,)))
OPEN = replace(BOUNDED, space=BoxSpace.cube(1))
NODES, WEIGHTS = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(300))


def check_density(kernel, target):
    """Raise AssertionError unless a draw's distribution function is its uniform number.

    The density is integrated from the smallest possible point up to the draw.
    """
    draws = torch.tensor([1e-9, 0.03, 0.4, 0.5, 0.77, 0.999, LAST], dtype=DOUBLE)
    starts = torch.linspace(-1, 1.5, 9, dtype=DOUBLE).repeat_interleave(len(draws))[:, None]
    levels = draws.repeat(9)
    state = kernel.init(target, starts)
    points, _ = kernel.draw(target, state, torch.stack([levels, levels], 1))
    proposal = kernel.proposal(target, state)
    bottom = (proposal.mean - 9 * proposal.deviation).maximum(proposal.lower)
    half = (points - bottom) / 2
    total = torch.zeros_like(levels)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        at = bottom + half * (node + 1)
        total += weight * half[:, 0] * kernel.log_probability(target, state, at).exp()
    torch.testing.assert_close(total, levels, rtol=0, atol=1e-12)


@pytest.mark.parametrize("target", [BOUNDED, HALF_OPEN, OPEN])
@pytest.mark.parametrize("size", [0.03, 0.4, 3.0])
def test_proposals_follow_a_density_that_integrates_to_one(target, size):
    check_density(Mala(size), target)


def test_the_proposal_is_the_formula():
    target = case("scaled").target
    kernel = Mala(0.3, [0.2, 1.0, 2.0])
    state = kernel.init(target, case("scaled").exact[:50])
    gradient = torch.func.grad(lambda x: edged(x).sum())(state.designs)
    proposal = kernel.proposal(target, state)
    scales = torch.tensor([0.2, 1.0, 2.0], dtype=DOUBLE)
    drifted = state.designs + 0.3**2 / 2 * 0.8 * scales * gradient
    lower, upper = BOX.limits()
    torch.testing.assert_close(proposal.mean, drifted.clamp(lower, upper))
    torch.testing.assert_close(proposal.deviation[0], 0.3 * scales.sqrt())
    widths = Mala(0.3).init(target, state.designs)
    deviation = Mala(0.3).proposal(target, widths).deviation
    torch.testing.assert_close(deviation[0], torch.tensor([0.3, 0.9, 0.3], dtype=DOUBLE))


def test_flat_scores_do_not_break_the_adaptation():
    target = replace(BOUNDED, predict=lambda x: 0 * x.sum(1))
    kernel = Mala()
    state = kernel.init(target, torch.zeros(4, 1, dtype=DOUBLE))
    state = state._replace(tuning=state.tuning._replace(log_size=torch.full((4,), 1e4).double()))
    for step in range(50):
        state, info = kernel.step(target, state, uniforms(4, 2, step))
        state = kernel.adapt(state, info)
        assert info.accepted.all()
    target.check(state.designs)


def test_fixed_variables_stay_and_limits_hold():
    target = replace(case("box").target, constraint=AllOf(BOX, [NARROW_BOX]))
    kernel = Mala(2.0)
    starts = case("narrow").exact[:50]
    state = walk(kernel, target, starts, uniforms(40, 200, "narrow").view(40, 50, 4))
    assert (state.designs[:, 2] == 0.5).all()
    assert NARROW_BOX.satisfied(state.designs).all()
    assert (state.designs[:, :2] != starts[:, :2]).all()


def test_other_constraints_are_rejected():
    class Disc:
        name = "disc"

        def conflicts(self, designs):
            return (designs.square().sum(1) - 1).clamp(min=0)

        def satisfied(self, designs):
            return designs.square().sum(1) <= 1

        def violations(self, designs):
            return ["" if fine else "outside" for fine in self.satisfied(designs).tolist()]

    target = Target(lambda x: 2 * x[:, 0] + x[:, 1], FREE, Disc(), dtype=DOUBLE)
    square = in_box(torch.tensor([-1.0, -1.0]).double(), torch.tensor([1.0, 1.0]).double())
    chosen = Case(target, rejection(target, square, 3.0, DRAWS), 0.8)
    check_ranks(Mala(0.8), chosen)
    with pytest.raises(InputError, match="start of chain 1 is infeasible: outside"):
        Mala().init(target, torch.tensor([[0.0, 0.5], [2.0, 0.0]]))


def test_adaptation_reaches_the_aim():
    scales = torch.logspace(-1, 1, 10, dtype=DOUBLE)
    target = Target(lambda x: -(x / scales).square().sum(1) / 2, BoxSpace.cube(10), dtype=DOUBLE)
    starts = torch.randn(128, 10, generator=torch_generator(0), dtype=DOUBLE) * scales
    for first in (1e-3, 5.0):
        kernel = Mala(first, (scales**2).tolist())
        rate, state = acceptance_after_warm_up(kernel, target, starts)
        assert abs(rate - 0.57) < 0.03
        # Roberts and Rosenthal: 1.65 d^(-1/6) standard deviations where all are alike.
        assert abs(float(state.tuning.log_size.median().exp()) - 1.65 * 10 ** (-1 / 6)) < 0.2
    rate, _ = acceptance_after_warm_up(Mala(), replace(target, space=box_of(10)), starts / 10)
    assert abs(rate - 0.57) < 0.03


def box_of(n):
    return BoxSpace.cube(n, -20.0, 20.0)


def test_a_new_rung_is_evaluated_afresh_and_keeps_its_size():
    chosen, kernel = case("box"), Mala(0.5)
    state = kernel.init(chosen.target, chosen.exact[:20])
    state, info = kernel.step(chosen.target, state, uniforms(20, 4))
    state = kernel.adapt(state, info)
    other = replace(chosen.target, predict=lambda x: x.square().sum(1), constraint=NARROW_ENOUGH)
    moved = kernel.retarget(other, state)
    torch.testing.assert_close(moved.value, state.designs.square().sum(1))
    torch.testing.assert_close(moved.gradient, 2 * state.designs)
    assert torch.equal(moved.tuning.log_size, state.tuning.log_size)
    assert (moved.tuning.seen == 0).all()
    # The limits are those of the new target.
    after, _ = kernel.draw(other, moved, torch.full((20, 4), LAST, dtype=DOUBLE))
    assert (after[:, 2] <= 50).all()


NARROW_ENOUGH = Bounds(BOX, [0.0, -1.0, 0.0], [1.0, 2.0, 50.0])


@pytest.mark.parametrize("size", [0.0, -1.0, math.inf, math.nan])
def test_wrong_step_sizes_are_refused(size):
    with pytest.raises(InputError, match=r"step size is .*positive and finite"):
        Mala(size)


def test_wrong_preconditioners_are_refused():
    with pytest.raises(InputError, match="of variable 2 is 0; it must be positive"):
        Mala(0.1, [1.0, 0.0, 2.0])
    with pytest.raises(InputError, match="of variable 1 is nan"):
        Mala(0.1, [math.nan])
    with pytest.raises(InputError, match="has 2 numbers; 3, one per variable"):
        Mala(0.1, [1.0, 2.0]).init(case("box").target, case("box").exact[:3])


def test_wrong_spaces_and_starts_are_refused():
    letters = Target(lambda x: x.sum((1, 2)), SequenceSpace(DNA, 3))
    with pytest.raises(InputError, match=r"variables of a BoxSpace.*a SequenceSpace"):
        Mala().init(letters, torch.zeros(2, 3, dtype=torch.int64))
    narrow = case("narrow").target
    with pytest.raises(InputError, match=r"chain 0 is infeasible: x1 = 0.9 \(allowed 0.25 to"):
        Mala().init(narrow, torch.tensor([[0.9, 0.0, 0.5]]))
    with pytest.raises(InputError, match="x1 = 2; finite values from 0 to 1"):
        Mala().init(narrow, torch.tensor([[2.0, 0.0, 0.5]]))


def test_a_predictor_that_fails_on_the_way_is_named():
    target = Target(lambda x: torch.where(x[:, 0] > 1.0, torch.nan, x[:, 0]), FREE, label="rung 4")
    state = Mala(0.5).init(target, torch.zeros(2, 2))
    draws = torch.full((2, 3), 0.5, dtype=DOUBLE)
    draws[1] = 0.9999
    with pytest.raises(NonFiniteScoreError, match="for chain 1 at rung 'rung 4'"):
        Mala(0.5).step(target, state, draws)

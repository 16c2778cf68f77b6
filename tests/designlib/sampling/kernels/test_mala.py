"""Metropolis-adjusted Langevin: exact in boxes and out of them."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from designlib.constraints import AllOf
from designlib.constraints.bounds import Bounds
from designlib.constraints.sum_to_one import SumToOne
from designlib.notation.alphabets import DNA
from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels import Kernel
from designlib.sampling.kernels.mala import Mala, State, TruncatedNormal
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError
from tests.designlib.sampling.kernels.points import (
    Case,
    acceptance_after_warm_up,
    check_balance,
    check_end_states,
    check_ranks,
    rejection,
    uniforms,
)

DOUBLE = torch.float64
DRAWS = 25_000
FREE = BoxSpace.cube(2)
BOX = BoxSpace((0.0, -1.0, 0.0), (1.0, 2.0, math.inf))
NARROW = Bounds(BOX, [0.25, -5.0, 0.5], [0.75, 0.5, 0.5])
LAST = 1 - 2**-53


def skewed(x):
    """Return the log density of the log odds of a Beta number, and a normal one round a curve."""
    odds, curve = x[:, 0], (1.5 * x[:, 0]).sin()
    return 4 * odds - 5 * torch.nn.functional.softplus(odds) - (x[:, 1] - curve).square() / 2


def edged(x):
    """Return a score with its mass at the edges of the box."""
    return (
        3 * x[:, 0]
        - 1.5 * x[:, 1]
        - x[:, 2]
        + (3 * x[:, 0] * x[:, 1]).sin()
        + 0.8 * (2 * x[:, 2] + x[:, 1]).cos()
    )


def in_box(lower, upper):
    """Return a way to propose points: uniform, or exponential with rate 0.8 upwards."""

    def propose(n, generator):
        noise = torch.rand((n, len(lower)), generator=generator, dtype=DOUBLE)
        open_above = torch.isinf(upper)
        flat = lower + noise * (upper - lower).nan_to_num(0, 0)
        points = torch.where(open_above, lower - (1 - noise).log() / 0.8, flat)
        return points, (-0.8 * (points - lower)).where(open_above, 0.0).sum(1)

    return propose


@cache
def case(name):
    if name == "skewed":
        generator = torch_generator(2)
        # Beta(4, 1) is the fourth root of a uniform number.
        root = torch.rand(DRAWS, generator=generator, dtype=DOUBLE).pow(1 / 4)
        normal = torch.randn(DRAWS, generator=generator, dtype=DOUBLE)
        odds = (root / (1 - root)).log()
        exact = torch.stack([odds, (1.5 * odds).sin() + normal], 1)
        return Case(Target(skewed, FREE, dtype=DOUBLE), exact, 1.1)
    # Exact draws weigh the score by beta, so that a wrong beta shows.
    target = Target(edged, BOX, beta=0.8, dtype=DOUBLE)
    lower, upper = BOX.limits()
    if name == "narrow":
        target = replace(target, constraint=NARROW)
        lower, upper = NARROW.lower, NARROW.upper
    exact = rejection(target, in_box(lower, upper), 0.8 * 6.5, DRAWS)
    scales = {"box": None, "narrow": (0.03, 0.15, 1.0), "scaled": (0.2, 1.0, 2.0)}[name]
    return Case(target, exact, {"box": 0.4, "narrow": 1.5, "scaled": 0.9}[name], scales)


CASES = ["skewed", "box", "scaled", "narrow"]


def make(kind, name):
    return kind(case(name).step_size, case(name).preconditioner)


class NoRejection(Mala):
    """Every proposal is accepted."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return torch.zeros_like(log_forward)


class HalfBeta(Mala):
    """The acceptance ratio has half the inverse temperature."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        right = super().log_acceptance(target, state, proposed, log_forward, back)
        return right - target.beta / 2 * (proposed.value - state.value)


class StaleGradient(Mala):
    """The reverse proposal uses the gradient at the current point."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        stale = proposed._replace(gradient=state.gradient)
        return super().log_acceptance(target, state, stale, log_forward, back)


class NoNormaliser(Mala):
    """The density of a proposal is that of the normal number, as if nothing were cut off."""

    def proposal(self, target, state):
        right = super().proposal(target, state)
        return WithoutNormaliser(*right)


class WithoutNormaliser(TruncatedNormal):
    def log_density(self, values):
        log_mass = ((self.below + self.above) / 2).log().where(self.upper > self.lower, 0.0)
        return super().log_density(values) + log_mass


class InvertedAcceptance(Mala):
    """The acceptance ratio is upside down."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return -super().log_acceptance(target, state, proposed, log_forward, back)


class ForwardOnly(Mala):
    """The probabilities of the proposals are left out of the ratio."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return target.beta * (proposed.value - state.value)


class Projected(Mala):
    """A proposal out of limits is put on them instead of being drawn between them."""

    def proposal(self, target, state):
        return Clamped(*super().proposal(target, state))


class Clamped(TruncatedNormal):
    def draw(self, uniforms):
        offset = torch.special.ndtri(uniforms) * self.deviation
        return (self.mean + offset).clamp(self.lower, self.upper)


BUGS = [NoRejection, HalfBeta, StaleGradient, InvertedAcceptance, ForwardOnly]
LIMIT_BUGS = [NoNormaliser, Projected]


@pytest.mark.parametrize("name", CASES)
def test_ranks_of_exact_draws(name):
    check_ranks(make(Mala, name), case(name))


@pytest.mark.parametrize("name", CASES)
def test_detailed_balance_at_every_point(name):
    check_balance(make(Mala, name), case(name))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("name", ["skewed", "scaled"])
def test_bugs_are_caught(bug, name):
    for check in (check_ranks, check_balance):
        with pytest.raises(AssertionError):
            check(make(bug, name), case(name))


@pytest.mark.parametrize("bug", LIMIT_BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("name", ["box", "narrow"])
def test_bugs_at_limits_are_caught(bug, name):
    with pytest.raises(AssertionError):
        check_ranks(make(bug, name), case(name))
    with pytest.raises(AssertionError):
        check_density(bug(0.4), BOUNDED)


@pytest.mark.parametrize("name", ["skewed", "scaled"])
def test_end_states_of_many_chains(name):
    chosen = case(name)
    starts = chosen.target.space.random(3000, torch_generator(9))
    check_end_states(make(Mala, name), chosen, starts, 80)


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


def walk(kernel, target, starts, draws):
    state = kernel.init(target, starts)
    for numbers in draws:
        state, _ = kernel.step(target, state, numbers)
    return state


@pytest.mark.parametrize("name", CASES)
def test_a_chain_is_the_same_in_every_batch(name):
    chosen, kernel = case(name), make(Mala, name)
    starts, draws = chosen.exact[:8], kernel.draws_per_step(chosen.target.space)
    together = walk(kernel, chosen.target, starts, chain_uniforms(3, 0, range(8), 15, draws))
    for chain in (0, 5):
        numbers = chain_uniforms(3, 0, [chain], 15, draws)
        alone = walk(kernel, chosen.target, starts[chain : chain + 1], numbers)
        torch.testing.assert_close(alone.designs[0], together.designs[chain], rtol=0, atol=1e-12)
    assert (together.designs != starts).any(1).all()


@pytest.mark.parametrize("name", CASES)
def test_cached_equals_recomputed_and_memory_layout_does_not_matter(name):
    chosen, kernel = case(name), make(Mala, name)
    starts, draws = chosen.exact[:64], kernel.draws_per_step(chosen.target.space)
    numbers = chain_uniforms(3, 0, range(64), 25, draws)
    state = walk(kernel, chosen.target, starts, numbers)
    fresh = kernel.init(chosen.target, state.designs)
    torch.testing.assert_close(state.value, fresh.value, rtol=0, atol=1e-12)
    torch.testing.assert_close(state.gradient, fresh.gradient, rtol=0, atol=1e-12)
    strided = starts.T.contiguous().T
    padded = torch.stack([numbers, numbers], -1)[..., 0]
    assert torch.equal(walk(kernel, chosen.target, strided, padded).designs, state.designs)
    assert chosen.target.space.check(state.designs) is None


def test_float32_predictors_get_float32_and_points_stay_float64():
    seen = set()

    def score(x):
        seen.add(x.dtype)
        return edged(x)

    target = replace(case("box").target, predict=score, dtype=torch.float32)
    kernel = Mala(0.5)
    state = walk(
        kernel, target, case("box").exact[:100].float(), uniforms(20, 400).view(20, 100, 4)
    )
    assert seen == {torch.float32}
    assert state.designs.dtype == DOUBLE
    assert state.value.dtype == torch.float32
    fresh = kernel.init(target, state.designs)
    torch.testing.assert_close(state.value, fresh.value, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("number", [0.0, LAST])
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e30])
@pytest.mark.parametrize("target", [BOUNDED, HALF_OPEN, OPEN])
def test_extreme_uniforms_and_sizes(number, size, target):
    kernel = Mala(size)
    starts = torch.tensor([[-1.0], [0.0], [1.5]], dtype=DOUBLE)
    state = kernel.init(target, starts)
    points, log_forward = kernel.draw(target, state, torch.full((3, 2), number, dtype=DOUBLE))
    assert points.isfinite().all()
    assert log_forward.isfinite().all()
    lower, upper = target.space.limits()
    assert ((points >= lower) & (points <= upper)).all()
    proposed = kernel.evaluate(target, points, state.tuning)
    assert kernel.log_probability(target, proposed, starts).isfinite().all()


@pytest.mark.parametrize("beta", [1e-8, 1e8])
@pytest.mark.parametrize("name", CASES)
def test_extreme_betas(beta, name):
    target = replace(case(name).target, beta=beta, predict=lambda x: -x.square().sum(1))
    kernel = make(Mala, name)
    state = kernel.init(target, case(name).exact[:200])
    for step in range(12):
        draws = uniforms(200, kernel.draws_per_step(target.space), step)
        state, info = kernel.step(target, state, draws)
        assert not info.log_acceptance.isnan().any()
    target.check(state.designs)
    if beta > 1:
        # So cold that a chain may only go down, even where almost nothing is accepted.
        assert (state.value >= -case(name).exact[:200].square().sum(1) - 1e-6).all()


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
    target = replace(case("box").target, constraint=AllOf(BOX, [NARROW]))
    kernel = Mala(2.0)
    starts = case("narrow").exact[:50]
    state = walk(kernel, target, starts, uniforms(40, 200, "narrow").view(40, 50, 4))
    assert (state.designs[:, 2] == 0.5).all()
    assert NARROW.satisfied(state.designs).all()
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


def test_without_gradients_it_is_an_exact_random_walk():
    chosen = case("box")
    target = replace(chosen.target, differentiable=False)
    check_ranks(Mala(0.5), chosen._replace(target=target))


def test_it_is_a_kernel():
    kernel = Mala()
    assert isinstance(kernel, Kernel)
    assert kernel.draws_per_step(BOX) == 4
    assert kernel.passes_per_step(BOUNDED) == 1
    assert isinstance(kernel.init(BOUNDED, torch.zeros(2, 1)), State)


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
    summed = Target(lambda x: x.sum(1), FREE, SumToOne(FREE))
    with pytest.raises(InputError, match="no proposal in a box sums to one"):
        Mala().init(summed, torch.tensor([[0.5, 0.5]]))


def test_a_predictor_that_fails_on_the_way_is_named():
    target = Target(lambda x: torch.where(x[:, 0] > 1.0, torch.nan, x[:, 0]), FREE, label="rung 4")
    state = Mala(0.5).init(target, torch.zeros(2, 2))
    draws = torch.full((2, 3), 0.5, dtype=DOUBLE)
    draws[1] = 0.9999
    with pytest.raises(NonFiniteScoreError, match="for chain 1 at rung 'rung 4'"):
        Mala(0.5).step(target, state, draws)

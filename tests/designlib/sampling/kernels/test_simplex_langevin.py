"""Langevin moves between pairs of components: exact on compositions, bounded and sparse ones."""

import math
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
import torch

from designlib.constraints import AllOf
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtMostComponents
from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels import Kernel
from designlib.sampling.kernels.mala import TruncatedNormal
from designlib.sampling.kernels.simplex_langevin import Move, SimplexLangevin, State
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SimplexSpace
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
DRAWS = 20_000
LAST = 1 - 2**-53
FOUR = SimplexSpace(("Fe", "Ni", "Co", "Cr"))
FIVE = SimplexSpace(("Fe", "Ni", "Co", "Cr", "Mn"))
ALPHA = torch.tensor([2.0, 3.5, 1.5, 5.0], dtype=DOUBLE)
NARROW = Bounds(FOUR, [0.1, 0.0, 0.0, 0.3], [0.35, 0.2, 1.0, 0.6])
ALLOWED = Bounds(FIVE, [0.0, 0.15, 0.0, 0.0, 0.0], [0.45, 1.0, 0.6, 0.0, 1.0])


def dirichlet(x):
    return ((ALPHA - 1) * x.log()).sum(1)


def wavy(x):
    """Return a score whose faces and corners differ."""
    slopes = torch.tensor([3.0, -2.0, 1.0, 0.0, -1.0, 2.0], dtype=DOUBLE)[: x.shape[1]]
    return x @ slopes + 2 * (5 * x[:, 0] - 3 * x[:, 1]).sin() - 4 * (x[:, 2] - 0.4).square()


ALIKE = torch.tensor(0.0)


def on_faces(space, k, ranks=ALIKE):
    """Return a way to propose compositions: a uniform face of k components, uniform on it.

    Components of rank -1 are on every face and those of rank 1 on none.
    """

    def propose(n, generator):
        order = (torch.rand((n, space.columns), generator=generator) + ranks).argsort(1)
        amounts = -torch.rand((n, space.columns), generator=generator, dtype=DOUBLE).log()
        amounts = amounts.scatter(1, order[:, k:], 0.0)
        points = amounts / amounts.sum(1, keepdim=True)
        return points, torch.zeros(n, dtype=DOUBLE)

    return propose


@cache
def case(name):
    if name == "dirichlet":
        concentration = torch.distributions.Dirichlet(ALPHA)
        with torch.random.fork_rng():
            torch.manual_seed(4)
            exact = concentration.sample(torch.Size([DRAWS]))
        return Case(Target(dirichlet, FOUR, dtype=DOUBLE), exact, 0.25)
    thrice = AtMostComponents(FIVE, 3)
    space, constraint, propose, ceiling, step_size = {
        "wavy": (FOUR, None, on_faces(FOUR, 4), 5, 0.4),
        "bounded": (FOUR, NARROW, on_faces(FOUR, 4), 4, 0.6),
        "sparse": (FIVE, thrice, on_faces(FIVE, 3), 5, 0.6),
        "single": (FIVE, AtMostComponents(FIVE, 1), on_faces(FIVE, 1), 5, 0.4),
        "sparse-bounded": (
            FIVE,
            AllOf(FIVE, [ALLOWED, thrice]),
            on_faces(FIVE, 3, torch.tensor([0, -1, 0, 1, 0])),
            4,
            0.4,
        ),
    }[name]
    target = Target(wavy, space, constraint, beta=0.8, dtype=DOUBLE)
    exact = rejection(target, propose, 0.8 * ceiling, DRAWS)
    return Case(target, exact, step_size)


CASES = ["dirichlet", "wavy", "bounded", "sparse", "sparse-bounded", "single"]


def make(kind, name):
    return kind(case(name).step_size)


class NoRejection(SimplexLangevin):
    """Every proposal is accepted."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return torch.zeros_like(log_forward)


class HalfBeta(SimplexLangevin):
    """The acceptance ratio has half the inverse temperature."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        right = super().log_acceptance(target, state, proposed, log_forward, back)
        return right - target.beta / 2 * (proposed.value - state.value)


class StaleGradient(SimplexLangevin):
    """The reverse proposal uses the gradient at the current composition."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        stale = proposed._replace(gradient=state.gradient)
        return super().log_acceptance(target, state, stale, log_forward, back)


class InvertedAcceptance(SimplexLangevin):
    """The acceptance ratio is upside down."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return -super().log_acceptance(target, state, proposed, log_forward, back)


class ForwardOnly(SimplexLangevin):
    """The probabilities of the proposals are left out of the ratio."""

    def log_acceptance(self, target, state, proposed, log_forward, back):
        return target.beta * (proposed.value - state.value)


class NoNormaliser(SimplexLangevin):
    """The density of a proposal is that of the normal number, as if nothing were cut off."""

    def _pairs(self, target, state, first, second):
        pairs = super()._pairs(target, state, first, second)
        return pairs._replace(position=WithoutNormaliser(*pairs.position))


class WithoutNormaliser(TruncatedNormal):
    def log_density(self, values):
        return super().log_density(values) + ((self.below + self.above) / 2).log()


class HandsOverToTheNext(SimplexLangevin):
    """A share goes to the first component outside, not to a random one, and back by chance."""

    def draw(self, target, state, uniforms):
        move, log_forward = super().draw(target, state, uniforms)
        return move._replace(
            entering=(~state.support).to(torch.uint8).argmax(1)[:, None]
        ), log_forward


BUGS = [NoRejection, HalfBeta, StaleGradient, InvertedAcceptance, ForwardOnly]


@pytest.mark.parametrize("name", CASES)
def test_ranks_of_exact_draws(name):
    check_ranks(make(SimplexLangevin, name), case(name))


@pytest.mark.parametrize("name", CASES)
def test_detailed_balance_at_every_point(name):
    check_balance(make(SimplexLangevin, name), case(name))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("name", ["bounded", "sparse"])
def test_bugs_are_caught(bug, name):
    for check in (check_ranks, check_balance):
        with pytest.raises(AssertionError):
            check(make(bug, name), case(name))


def test_a_missing_normaliser_is_caught():
    with pytest.raises(AssertionError):
        check_ranks(make(NoNormaliser, "bounded"), case("bounded"))
    with pytest.raises(AssertionError):
        check_total(NoNormaliser(0.4), "wavy")


def test_a_choice_of_the_first_component_outside_is_caught():
    with pytest.raises(AssertionError):
        check_ranks(make(HandsOverToTheNext, "sparse"), case("sparse"))


@pytest.mark.parametrize("name", ["dirichlet", "bounded", "sparse"])
def test_end_states_of_many_chains(name):
    chosen = case(name)
    starts = chosen.exact[:1].repeat(2500, 1)
    state = check_end_states(make(SimplexLangevin, name), chosen, starts, 60)
    assert ((state.designs.sum(1) - 1).abs() < 1e-13).all()


NODES, WEIGHTS = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(200))


def check_total(kernel, name):
    """Raise AssertionError unless the densities of all moves from a composition sum to one.

    Over every ordered matching of the support, the amounts moved integrated one pair after
    the other, and over every component that may hand over its share.
    """
    target = case(name).target
    composition = case(name).exact[:1]
    state = kernel.init(target, composition)
    support = state.support[0].nonzero()[:, 0].tolist()
    outside = [c for c in range(target.space.columns) if c not in support and allowed(target, c)]
    handed = len(support) < len(support) + len(outside)
    share = (1.0 if len(support) == 1 else 0.25) if handed else 0.0
    total = 0.0
    if len(support) > 1:
        for order in permutations(support):
            total += integral_over_amounts(kernel, target, state, order)
        assert total == pytest.approx(1 - share, abs=1e-10)
    for leaving in support if handed else []:
        for entering in outside:
            move = one_move(state, support, leaving, entering)
            total += float(kernel.log_probability(target, state, move).exp())
    assert total == pytest.approx(1, abs=1e-10)


def allowed(target, component):
    bounds = [m for m in getattr(target.constraint, "members", ()) if isinstance(m, Bounds)]
    return all(float(bound.upper[component]) > 0 for bound in bounds)


def one_move(state, order, leaving=0, entering=0):
    matched = 2 * (len(order) // 2)
    first, second = torch.tensor([order[0:matched:2]]), torch.tensor([order[1:matched:2]])
    amount = state.designs.gather(1, first.long())
    hands_over = torch.tensor([leaving != entering])
    return Move(
        first.long(),
        second.long(),
        amount,
        hands_over,
        torch.tensor([[leaving]]),
        torch.tensor([[entering]]),
    )


def integral_over_amounts(kernel, target, state, order):
    """Return the probability of one order: a product, since the pairs are independent."""
    move = one_move(state, order)
    pairs = kernel._pairs(target, state, move.first, move.second)
    steady = kernel.log_probability(target, state, move)
    # The density at the current amounts times, for each pair, the integral relative to it.
    total = steady.exp()
    for pair in range(move.first.shape[1]):
        half = pairs.width[:, pair] / 2
        if not pairs.movable[0, pair]:
            continue
        amounts = pairs.bottom[:, pair] + half * (NODES + 1)
        many = move._replace(amount=move.amount.repeat(len(NODES), 1))
        many.amount[:, pair] = amounts
        rows = [torch.zeros(len(NODES), dtype=torch.int64)]
        log_density = kernel.log_probability(
            target, taken(state, rows[0]), taken(many, rows[0])._replace(amount=many.amount)
        )
        total = total * (WEIGHTS * half * (log_density - steady).exp()).sum()
    return float(total)


def taken(parts, rows):
    kept = [taken(p, rows) if isinstance(p, tuple) else p[rows] for p in parts]
    return type(parts)(*kept)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [0.1, 3.0])
def test_the_densities_of_all_moves_sum_to_one(name, size):
    check_total(SimplexLangevin(size), name)


def test_the_proposal_is_the_formula():
    target, kernel = case("bounded").target, SimplexLangevin(0.3)
    composition = torch.tensor([[0.2, 0.1, 0.3, 0.4]], dtype=DOUBLE)
    state = kernel.init(target, composition)
    gradient = torch.func.grad(lambda x: wavy(x).sum())(composition)[0]
    pairs = kernel._pairs(target, state, torch.tensor([[0, 3]]), torch.tensor([[1, 2]]))
    # Fe + Ni = 0.3: Fe from 0.1, which leaves 0.2 of Ni, to 0.3. Cr + Co = 0.7: Cr to 0.6.
    torch.testing.assert_close(pairs.bottom, torch.tensor([[0.1, 0.3]], dtype=DOUBLE))
    torch.testing.assert_close(pairs.top, torch.tensor([[0.3, 0.6]], dtype=DOUBLE))
    slope = torch.stack([gradient[0] - gradient[1], gradient[3] - gradient[2]])
    width = torch.tensor([0.2, 0.3], dtype=DOUBLE)
    start = torch.tensor([0.5, 1 / 3], dtype=DOUBLE)
    mean = (start + 0.3**2 / 2 * 0.8 * width * slope).clamp(0, 1)
    torch.testing.assert_close(pairs.position.mean[0], mean)
    torch.testing.assert_close(pairs.position.deviation, torch.tensor([[0.3]], dtype=DOUBLE))


def test_every_matching_is_as_likely_and_none_depends_on_the_amounts():
    target, kernel = case("sparse").target, SimplexLangevin()
    composition = torch.tensor([[0.9, 0.0, 0.0999, 0.0, 0.0001]], dtype=DOUBLE)
    n = 30_000
    state = kernel.init(target, composition.repeat(n, 1))
    move, _ = kernel.draw(target, state, uniforms(n, kernel.draws_per_step(FIVE)))
    pairs = (move.first * 5 + move.second)[:, 0].bincount(minlength=25).view(5, 5)
    handing = move.hands_over
    exchanges = (move.leaving * 5 + move.entering)[:, 0][handing].bincount(minlength=25)
    exchanges = exchanges.view(5, 5)
    support = torch.tensor([0, 2, 4])
    outside = torch.tensor([1, 3])
    drawn = pairs[support][:, support].masked_select(~torch.eye(3, dtype=torch.bool))
    assert drawn.sum() == n
    assert ((drawn - n / 6).abs() < 4.5 * math.sqrt(n / 6)).all()
    assert abs(int(handing.sum()) - n / 4) < 4.5 * math.sqrt(n * 3 / 16)
    chosen = exchanges[support][:, outside]
    assert chosen.sum() == handing.sum()
    assert ((chosen - n / 24).abs() < 4.5 * math.sqrt(n / 24)).all()


def walk(kernel, target, starts, draws):
    state = kernel.init(target, starts)
    for numbers in draws:
        state, _ = kernel.step(target, state, numbers)
    return state


@pytest.mark.parametrize("name", ["wavy", "sparse-bounded"])
def test_a_chain_is_the_same_in_every_batch_and_layout(name):
    chosen, kernel = case(name), make(SimplexLangevin, name)
    starts, draws = chosen.exact[:8], kernel.draws_per_step(chosen.target.space)
    numbers = chain_uniforms(3, 0, range(8), 10, draws)
    together = walk(kernel, chosen.target, starts, numbers)
    for chain in (0, 5):
        one = chain_uniforms(3, 0, [chain], 10, draws)
        alone = walk(kernel, chosen.target, starts[chain : chain + 1], one)
        torch.testing.assert_close(alone.designs[0], together.designs[chain], rtol=0, atol=1e-12)
    strided = torch.stack([numbers, numbers], -1)[..., 0]
    other = walk(kernel, chosen.target, starts.T.contiguous().T, strided)
    assert torch.equal(other.designs, together.designs)
    assert (together.designs != starts).any(1).sum() > 3
    fresh = kernel.init(chosen.target, together.designs)
    for part, again in zip(together[:-1], fresh[:-1], strict=True):
        torch.testing.assert_close(part, again, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["bounded", "sparse-bounded"])
def test_long_walks_stay_compositions_within_bounds(name):
    chosen, kernel = case(name), SimplexLangevin(1.0)
    target = replace(chosen.target, predict=lambda x: 0 * x.sum(1))
    state = kernel.init(target, chosen.exact[:300])
    for step in range(30):
        state, _ = kernel.step(
            target, state, uniforms(300, kernel.draws_per_step(target.space), step)
        )
        target.check(state.designs)
        assert torch.equal(state.designs > 0, state.support)
    assert ((state.designs.sum(1) - 1).abs() < 1e-14).all()


def test_flat_scores_give_uniform_compositions():
    # Uniform on the face of the support, and every face alike.
    target = replace(case("sparse").target, predict=lambda x: 0 * x.sum(1))
    exact, _ = on_faces(FIVE, 3)(DRAWS, torch_generator(3))
    check_ranks(SimplexLangevin(0.5), Case(target, exact, 0.5))


@pytest.mark.parametrize("number", [0.0, LAST])
@pytest.mark.parametrize("size", [1e-12, 0.3, 1e30])
@pytest.mark.parametrize("name", ["bounded", "sparse-bounded", "single"])
def test_extreme_uniforms_and_sizes(number, size, name):
    chosen, kernel = case(name), SimplexLangevin(size)
    target = replace(chosen.target, predict=wavy)
    state = kernel.init(target, chosen.exact[:50])
    draws = torch.full((50, kernel.draws_per_step(target.space)), number, dtype=DOUBLE)
    draws[:, : target.space.columns] = uniforms(50, target.space.columns)
    move, log_forward = kernel.draw(target, state, draws)
    assert log_forward.isfinite().all()
    designs, back = kernel.move(state, move)
    target.space.check(designs)
    proposed = kernel.evaluate(target, designs, state.tuning)
    assert kernel.log_probability(target, proposed, back).isfinite().all()
    for _ in range(5):
        state, info = kernel.step(target, state, draws)
        assert not info.log_acceptance.isnan().any()
    target.check(state.designs)


@pytest.mark.parametrize("beta", [1e-8, 1e8])
@pytest.mark.parametrize("name", ["bounded", "sparse-bounded", "single"])
def test_extreme_betas(beta, name):
    target = replace(case(name).target, beta=beta, predict=wavy)
    kernel = make(SimplexLangevin, name)
    state = first = kernel.init(target, case(name).exact[:200])
    for step in range(12):
        draws = uniforms(200, kernel.draws_per_step(target.space), step)
        state, info = kernel.step(target, state, draws)
        assert not info.log_acceptance.isnan().any()
    target.check(state.designs)
    assert beta < 1 or (state.value >= first.value - 1e-6).all()


@pytest.mark.parametrize(("name", "faces"), [("sparse", 10), ("sparse-bounded", 3)])
def test_starts_of_fewer_components_reach_every_face(name, faces):
    target, kernel = case(name).target, SimplexLangevin(0.4)
    start = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]], dtype=DOUBLE).repeat(1000, 1)
    state = kernel.init(target, start)
    assert state.support[0].tolist() == [True, True, True, False, False]
    for step in range(30):
        state, _ = kernel.step(target, state, uniforms(1000, kernel.draws_per_step(FIVE), step))
        assert (state.support.sum(1) == 3).all()
        assert (state.support | (state.designs == 0)).all()
    target.check(state.designs)
    assert ((state.designs > 0).sum(1) == 3).all()
    assert len(state.support.unique(dim=0)) == faces


def test_components_that_may_have_no_share_never_take_a_place():
    # Two of five are excluded: at most four then means the other three.
    bounds = Bounds(FIVE, [0.0] * 5, [0.0, 1.0, 0.0, 1.0, 1.0])
    target = Target(wavy, FIVE, AllOf(FIVE, [bounds, AtMostComponents(FIVE, 4)]), dtype=DOUBLE)
    kernel = SimplexLangevin(0.4)
    state = kernel.init(target, torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0]]))
    for step in range(40):
        state, _ = kernel.step(target, state, uniforms(1, kernel.draws_per_step(FIVE), step))
        assert state.support.tolist() == [[False, True, False, True, True]]
    assert ((state.designs > 0) == state.support).all()


def test_float32_predictors_get_float32_and_shares_stay_float64():
    seen = set()

    def score(x):
        seen.add(x.dtype)
        return wavy(x.double()).float()

    target = replace(case("sparse").target, predict=score, dtype=torch.float32)
    kernel = SimplexLangevin(0.4)
    draws = uniforms(20 * 100, kernel.draws_per_step(FIVE)).view(20, 100, -1)
    state = walk(kernel, target, case("sparse").exact[:100].float(), draws)
    assert seen == {torch.float32}
    assert state.designs.dtype == DOUBLE
    assert ((state.designs.sum(1) - 1).abs() < 1e-6).all()


def test_adaptation_reaches_the_aim():
    space = SimplexSpace(tuple("abcdefghij"))
    alpha = torch.linspace(2, 30, 10, dtype=DOUBLE)
    target = Target(lambda x: ((alpha - 1) * x.log()).sum(1), space, dtype=DOUBLE)
    starts = space.random(64, torch_generator(0))
    for first in (1e-3, 5.0):
        rate, _ = acceptance_after_warm_up(SimplexLangevin(first), target, starts)
        assert abs(rate - 0.57) < 0.03


def test_without_gradients_it_is_an_exact_random_walk():
    chosen = case("wavy")
    target = replace(chosen.target, differentiable=False)
    check_ranks(SimplexLangevin(0.4), chosen._replace(target=target))


def test_it_is_a_kernel():
    kernel = SimplexLangevin()
    assert isinstance(kernel, Kernel)
    assert kernel.draws_per_step(FIVE) == 9
    assert kernel.passes_per_step(case("wavy").target) == 1
    assert isinstance(kernel.init(case("wavy").target, case("wavy").exact[:2]), State)


def test_a_new_rung_has_its_own_bounds():
    kernel = SimplexLangevin(0.4)
    state = kernel.init(case("wavy").target, case("bounded").exact[:20])
    state, info = kernel.step(case("wavy").target, state, uniforms(20, 8))
    state = kernel.adapt(state, info)
    again = state._replace(designs=case("bounded").exact[:20])
    moved = kernel.retarget(case("bounded").target, again)
    assert torch.equal(moved.tuning.log_size, state.tuning.log_size)
    move, _ = kernel.draw(case("bounded").target, moved, uniforms(20, 8))
    designs, _ = kernel.move(moved, move)
    assert NARROW.satisfied(designs).all()


def test_wrong_inputs_are_refused():
    with pytest.raises(InputError, match="step size is 0; it must be positive"):
        SimplexLangevin(0.0)
    box = BoxSpace.cube(3, 0.0, 1.0)
    with pytest.raises(InputError, match=r"shares of a SimplexSpace.* on a BoxSpace"):
        SimplexLangevin().init(Target(wavy, box), torch.full((2, 3), 0.2))
    crowded = torch.tensor([[0.2, 0.2, 0.2, 0.2, 0.2]], dtype=DOUBLE)
    with pytest.raises(InputError, match=r"chain 0 is infeasible: 5 components.*at most 3 allowed"):
        SimplexLangevin().init(case("sparse").target, crowded)
    with pytest.raises(InputError, match=r"Fe = 0.05 \(allowed 0.1 to 0.35\)"):
        SimplexLangevin().init(case("bounded").target, torch.tensor([[0.05, 0.15, 0.4, 0.4]]))
    with pytest.raises(InputError, match=r"shares of design 1 sum to 0.9"):
        SimplexLangevin().init(case("wavy").target, torch.tensor([[0.1, 0.4, 0.2, 0.2]]))

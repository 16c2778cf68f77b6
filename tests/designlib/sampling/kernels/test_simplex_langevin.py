"""Langevin moves between pairs of components: exact on compositions, bounded and sparse ones."""

import math
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch

from designlib.constraints import AllOf
from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtMostComponents
from designlib.randomness import torch_generator
from designlib.sampling.kernels.mala import TruncatedNormal
from designlib.sampling.kernels.simplex_langevin import Move, SimplexLangevin
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SimplexSpace
from designlib.types import InputError
from tests.designlib.sampling.kernels.langevin import (
    DOUBLE,
    DRAWS,
    FIVE,
    NARROW,
    SHARES,
    Planted,
    case,
    make,
    on_faces,
    wavy,
)
from tests.designlib.sampling.kernels.points import (
    Case,
    acceptance_after_warm_up,
    check_ranks,
    uniforms,
)


class NoNormaliser(Planted):
    """The density of a proposal is that of the normal number, as if nothing were cut off."""

    def _pairs(self, target, state, first, second):
        pairs = super()._pairs(target, state, first, second)
        return pairs._replace(position=WithoutNormaliser(*pairs.position))


class WithoutNormaliser(TruncatedNormal):
    def log_density(self, values):
        return super().log_density(values) + ((self.below + self.above) / 2).log()


class HandsOverToTheNext(Planted):
    """A share goes to the first component outside, not to a random one, and back by chance."""

    def draw(self, target, state, uniforms):
        move, log_forward = super().draw(target, state, uniforms)
        return move._replace(
            entering=(~state.support).to(torch.uint8).argmax(1)[:, None]
        ), log_forward


def test_a_missing_normaliser_is_caught():
    with pytest.raises(AssertionError):
        check_ranks(make("bounded", NoNormaliser), case("bounded"))
    with pytest.raises(AssertionError):
        check_total(make("wavy", NoNormaliser), "wavy")


def test_a_choice_of_the_first_component_outside_is_caught():
    with pytest.raises(AssertionError):
        check_ranks(make("sparse", HandsOverToTheNext), case("sparse"))


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


@pytest.mark.parametrize("name", SHARES)
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


def test_adaptation_reaches_the_aim():
    space = SimplexSpace(tuple("abcdefghij"))
    alpha = torch.linspace(2, 30, 10, dtype=DOUBLE)
    target = Target(lambda x: ((alpha - 1) * x.log()).sum(1), space, dtype=DOUBLE)
    starts = space.random(64, torch_generator(0))
    for first in (1e-3, 5.0):
        rate, _ = acceptance_after_warm_up(SimplexLangevin(first), target, starts)
        assert abs(rate - 0.57) < 0.03


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

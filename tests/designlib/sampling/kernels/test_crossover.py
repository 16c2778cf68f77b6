"""Crossover between chains on boxes and compositions, and what holds on any space."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from designlib.constraints.bounds import Bounds
from designlib.constraints.components import AtMostComponents
from designlib.notation.alphabets import DNA
from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels import GibbsWithGradients, Kernel, crossover
from designlib.sampling.kernels.crossover import Crossover
from designlib.sampling.kernels.mala import Mala
from designlib.sampling.kernels.simplex_langevin import SimplexLangevin
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError
from tests.designlib.sampling.kernels.points import Case, check_end_states, check_ranks, uniforms
from tests.designlib.sampling.kernels.test_crossover_of_sequences import (
    BUGS,
    TARGETS,
    THREE,
    all_designs,
    rough,
)

DOUBLE = torch.float64
LAST = 1 - 2**-53
SQUARE = BoxSpace.cube(2, -1.0, 1.0)
ALLOY = SimplexSpace(("Fe", "Ni", "Co", "Cr"))


class CrossingOnly:
    """The crossover of a kernel as a kernel of its own."""

    def __init__(self, kernel):
        self.kernel, self.init = kernel, kernel.init

    def draws_per_step(self, space):
        return self.kernel.draws_per_step(space) - self.kernel.kernel.draws_per_step(space)

    def step(self, target, state, draws):
        return self.kernel.cross(target, state, draws)


ALPHA = torch.tensor([2.0, 3.5, 1.5, 5.0], dtype=DOUBLE)
SLOPES = torch.tensor([3.0, -2.0, 1.0, 0.0], dtype=DOUBLE)


def uniform_shares(n, k, generator):
    order = torch.rand((n, 4), generator=generator).argsort(1)
    amounts = -torch.rand((n, 4), generator=generator, dtype=DOUBLE).log()
    amounts = amounts.scatter(1, order[:, k:], 0.0)
    return amounts / amounts.sum(1, keepdim=True)


def kept(target, points, log_ceiling):
    noise = torch.rand(len(points), generator=torch_generator(6), dtype=DOUBLE)
    log_weight = target.beta * target.predict(points) - log_ceiling
    assert (log_weight <= 0).all()
    fine = noise.log() < log_weight
    if target.constraint is not None:
        fine &= target.constraint.satisfied(points)
    return points[fine][:DRAWS]


DRAWS = 20_000


@cache
def case(name):
    """Return a target and pairs of exact draws, as the rows of a batch."""
    generator = torch_generator(3)
    if name == "dirichlet":
        # Gamma numbers of whole and half orders: sums of exponential and squared normal ones.
        exact = torch.stack([gamma(2 * float(a), generator) for a in ALPHA], 1)
        target = Target(lambda x: ((ALPHA - 1) * x.log()).sum(1), ALLOY, dtype=DOUBLE)
        return Case(target, exact / exact.sum(1, keepdim=True), 0.3)
    if name == "box":
        target = Target(
            lambda x: 2 * (3 * x[:, 0] * x[:, 1]).sin() + x[:, 0], SQUARE, beta=0.9, dtype=DOUBLE
        )
        noise = torch.rand((9 * DRAWS, 2), generator=generator, dtype=DOUBLE)
        return Case(target, kept(target, 2 * noise - 1, 2.7), 0.3)
    k = 4 if name == "bounded" else 2
    target = Target(
        lambda x: x @ SLOPES + 2 * (5 * x[:, 0] - 3 * x[:, 1]).sin(), ALLOY, beta=0.9, dtype=DOUBLE
    )
    bounds = Bounds(ALLOY, [0.1, 0.0, 0.0, 0.0], [1.0, 0.5, 1.0, 0.4])
    few = AtMostComponents(ALLOY, 2)
    target = replace(target, constraint=bounds if name == "bounded" else few)
    return Case(target, kept(target, uniform_shares(30 * DRAWS, k, generator), 4.5), 0.3)


def gamma(doubled_order, generator):
    normal = torch.randn((DRAWS, int(doubled_order)), generator=generator, dtype=DOUBLE)
    return normal.square().sum(1) / 2


CASES = {
    "dirichlet": SimplexLangevin,
    "bounded": SimplexLangevin,
    "sparse": SimplexLangevin,
    "box": Mala,
}


@pytest.mark.parametrize("name", CASES)
def test_pairs_of_exact_draws_stay_exact(name):
    chosen = case(name)
    assert len(chosen.exact) == DRAWS
    check_ranks(CrossingOnly(Crossover(CASES[name](0.3), 2)), chosen, group=2)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("name", ["bounded", "box"])
def test_bugs_are_caught_by_ranks(bug, name):
    with pytest.raises(AssertionError):
        check_ranks(CrossingOnly(bug(CASES[name](0.3), 2)), case(name), group=2)


def test_shapes_of_dirichlet_shares_are_always_exchanged():
    # Their shapes are independent of their masses, so that the ratio is 1 whatever they are.
    target, exact = case("dirichlet").target, case("dirichlet").exact[:1000]
    crossing = Crossover(SimplexLangevin(), 2)
    state = crossing.init(target, exact)
    after, info = crossing.cross(target, state, uniforms(1000, 6))
    proposed = info.log_acceptance.isfinite()
    assert (info.log_acceptance[proposed].abs() < 1e-12).all()
    # Only a subset of no component is not: one of sixteen.
    assert abs(int((~proposed).sum()) / 2 - 500 / 16) < 4.5 * math.sqrt(500 / 16)
    assert (after.designs != exact).any(1).sum() > 500


def renormalised(shares, other, inside):
    """Take over the other's shares inside, and scale all to a sum of one."""
    mixed = torch.where(inside, other, shares)
    return mixed / mixed.sum(1, keepdim=True), inside.any(1)


def test_another_exchange_of_shares_is_caught(monkeypatch):
    monkeypatch.setattr(crossover, "_exchange_shapes", renormalised)
    with pytest.raises(AssertionError):
        check_ranks(CrossingOnly(Crossover(SimplexLangevin(), 2)), case("dirichlet"), group=2)


def test_shapes_are_exchanged_and_masses_kept():
    shares = torch.tensor(
        [[0.1, 0.3, 0.6, 0.0], [0.2, 0.2, 0.0, 0.6], [0.5, 0.0, 0.5, 0.0], [0.0, 0.0, 1.0, 0.0]],
        dtype=DOUBLE,
    )
    first_two = torch.tensor([[True, True, False, False]]).expand(4, 4)
    after, possible = crossover._exchange_shapes(shares, shares[[1, 0, 3, 2]], first_two)
    assert possible.tolist() == [True, True, False, False]
    expected = torch.tensor([[0.2, 0.2, 0.6, 0.0], [0.1, 0.3, 0.0, 0.6]], dtype=DOUBLE)
    torch.testing.assert_close(after[:2], expected)
    again, _ = crossover._exchange_shapes(after[:2], after[[1, 0]], first_two[:2])
    torch.testing.assert_close(again, shares[:2])


def test_the_number_of_components_never_changes():
    chosen, kernel = case("sparse"), Crossover(SimplexLangevin(), 2)
    state = kernel.init(chosen.target, chosen.exact[:400])
    crossing, before = CrossingOnly(kernel), chosen.exact[:400] > 0
    for step in range(20):
        draws = uniforms(400, crossing.draws_per_step(ALLOY), step)
        state, _ = crossing.step(chosen.target, state, draws)
        assert ((state.designs > 0).sum(1) == 2).all()
        assert torch.equal(state.designs > 0, state.support)
    assert ((state.designs > 0) != before).any(1).sum() > 100
    assert ((state.designs.sum(1) - 1).abs() < 1e-14).all()


def letters_case():
    target = TARGETS["masked"]
    return GibbsWithGradients(), target, all_designs(target).repeat(40, 1)


def local(name):
    if name == "letters":
        return letters_case()
    return CASES[name](0.3), case(name).target, case(name).exact[:200]


def run(crossing, target, starts, steps):
    """Return the states after each step, the information and the numbers of the last."""
    states, infos, numbers = [crossing.init(target, starts)], [], []
    for step in range(steps):
        numbers.append(uniforms(len(starts), crossing.draws_per_step(target.space), step))
        state, info = crossing.step(target, states[-1], numbers[-1])
        states.append(state)
        infos.append(info)
    return states, infos[-1], numbers[-1]


@pytest.mark.parametrize("name", ["letters", "box", "sparse"])
def test_the_state_is_that_of_the_local_kernel(name):
    kernel, target, starts = local(name)
    states, info, draws = run(Crossover(kernel, 4), target, starts, 15)
    state = states[-1]
    fresh = kernel.evaluate(target, state.designs, state.tuning)
    for part, again in zip(state, fresh, strict=True):
        for one, other in zip(part, again, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert (state.designs != starts).any(1).sum() > 20
    target.check(state.designs)
    # What a step tells is what the local kernel did.
    own = draws[:, : kernel.draws_per_step(target.space)]
    _, local_info = kernel.step(target, states[-2], own)
    assert torch.equal(info.log_acceptance, local_info.log_acceptance)


@pytest.mark.parametrize("name", ["box", "sparse"])
def test_tuning_stays_with_its_row(name):
    kernel: Any
    kernel, target, starts = local(name)
    crossing = Crossover(kernel, 4)
    state = crossing.init(target, starts)
    sizes = torch.linspace(-3, 0, len(starts), dtype=DOUBLE)
    state = state._replace(tuning=state.tuning._replace(log_size=sizes))
    draws = uniforms(len(starts), crossing.draws_per_step(target.space))
    after, info = crossing.step(target, state, draws)
    assert torch.equal(after.tuning.log_size, sizes)
    adapted = crossing.adapt(after, info)
    assert (adapted.tuning.log_size != sizes).all()


@pytest.mark.parametrize("name", ["letters", "box", "bounded"])
def test_both_of_a_pair_accept_or_neither_does(name):
    kernel, target, starts = local(name)
    crossing = Crossover(kernel, 4)
    state = crossing.init(target, starts)
    draws = uniforms(len(starts), CrossingOnly(crossing).draws_per_step(target.space))
    after, info = crossing.cross(target, state, draws)
    other = crossing.pair(draws).other
    assert torch.equal(info.accepted, info.accepted[other])
    assert torch.equal(info.log_acceptance, info.log_acceptance[other])
    assert 0 < info.accepted.sum() < len(starts)
    assert torch.equal(after.designs[~info.accepted], starts[~info.accepted])
    # The letters or values of a pair are only exchanged.
    if name != "bounded":
        both = torch.stack([starts, starts[other]]).sort(0).values
        assert torch.equal(torch.stack([after.designs, after.designs[other]]).sort(0).values, both)


@pytest.mark.parametrize("name", ["letters", "box", "sparse"])
def test_a_batch_can_be_split_between_groups(name):
    kernel, target, starts = local(name)
    crossing, starts = Crossover(kernel, 4), starts[:12]

    def walk(chains):
        state = crossing.init(target, starts[chains[0] : chains[-1] + 1])
        draws = crossing.draws_per_step(target.space)
        for numbers in chain_uniforms(3, 0, chains, 12, draws):
            state, _ = crossing.step(target, state, numbers)
        return state.designs

    together = walk(range(12))
    apart = torch.cat([walk(range(4)), walk(range(4, 12))])
    torch.testing.assert_close(apart, together, rtol=0, atol=1e-12)


def test_end_states_in_a_box_and_on_faces():
    for name in ("box", "sparse"):
        kernel = Crossover(CASES[name](0.3), 4)
        check_end_states(kernel, case(name), case(name).exact[:1].repeat(2000, 1), 50)


def test_end_states_of_sequences():
    # Not so cold that the local kernel stays where it starts.
    target = replace(TARGETS["masked"], beta=0.2)
    designs, n = all_designs(target), 4000
    exact = (target.beta * rough(THREE.relax(designs, DOUBLE))).softmax(0)
    kernel = Crossover(GibbsWithGradients(), 4)
    state = kernel.init(target, designs[:1].repeat(n, 1))
    for step in range(25):
        state, _ = kernel.step(target, state, uniforms(n, kernel.draws_per_step(THREE), step))
    seen = (state.designs[:, None] == designs[None]).all(2).double().sum(0)
    assert (((seen - n * exact) / (n * exact * (1 - exact)).sqrt()).abs() < 4).all()


@pytest.mark.parametrize("number", [0.0, LAST])
@pytest.mark.parametrize("name", ["letters", "box", "bounded", "sparse"])
@pytest.mark.parametrize("beta", [1e-8, 1e8])
def test_extreme_uniforms_and_betas(number, name, beta):
    kernel, target, starts = local(name)
    target = replace(target, beta=beta)
    crossing = Crossover(kernel, 2)
    state = crossing.init(target, starts)
    draws = torch.full((len(starts), crossing.draws_per_step(target.space)), number, dtype=DOUBLE)
    for _ in range(3):
        state, info = crossing.step(target, state, draws)
        assert not info.log_acceptance.isnan().any()
        _, crossed = crossing.cross(target, state, draws[:, kernel.draws_per_step(target.space) :])
        assert not crossed.log_acceptance.isnan().any()
    target.check(state.designs)


def test_the_predictor_never_sees_an_infeasible_exchange():
    def fragile(relaxed):
        ones = relaxed[..., 1]
        forbidden = (ones[:, :-1] * ones[:, 1:]).sum(1) > 0
        return rough(relaxed).where(~forbidden, torch.nan)

    target = replace(TARGETS["masked"], predict=fragile)
    crossing = Crossover(GibbsWithGradients(), 4)
    state = crossing.init(target, all_designs(target).repeat(20, 1))
    for step in range(20):
        draws = uniforms(100, crossing.draws_per_step(THREE), step)
        state, _ = crossing.step(target, state, draws)
    with pytest.raises(NonFiniteScoreError):
        crossing.init(replace(target, constraint=None), torch.ones(4, 3).long())


def test_it_is_a_kernel_and_costs_two_evaluations():
    crossing = Crossover(Mala(), 6)
    assert isinstance(crossing, Kernel)
    assert crossing.passes_per_step(case("box").target) == 2
    assert crossing.draws_per_step(SQUARE) == 3 + 4
    assert Crossover(GibbsWithGradients(), 2).draws_per_step(SequenceSpace(DNA, 50)) == 2 + 4
    state = crossing.init(case("box").target, case("box").exact[:12])
    other = replace(case("box").target, predict=lambda x: x.sum(1))
    torch.testing.assert_close(crossing.retarget(other, state).value, state.designs.sum(1))


@pytest.mark.parametrize("group", [0, 1, 3, -2])
def test_wrong_groups_are_refused(group):
    with pytest.raises(InputError, match=f"a group has {group} chains; an even number"):
        Crossover(Mala(), group)


def test_a_batch_of_broken_groups_is_refused():
    crossing, target = Crossover(Mala(), 4), case("box").target
    complaint = "10 chains cannot be cut into groups of 4; a batch needs a multiple of 4"
    with pytest.raises(InputError, match=complaint):
        crossing.init(target, case("box").exact[:10])
    state = Mala().init(target, case("box").exact[:10])
    with pytest.raises(InputError, match=complaint):
        crossing.step(target, state, uniforms(10, 7))

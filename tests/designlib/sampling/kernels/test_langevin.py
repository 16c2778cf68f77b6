"""What both Langevin kernels have to do, on boxes and on compositions."""

from dataclasses import replace

import pytest
import torch

from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels import Kernel
from tests.designlib.sampling.kernels.langevin import (
    BOXES,
    BUGS,
    DOUBLE,
    LAST,
    SHARES,
    case,
    make,
)
from tests.designlib.sampling.kernels.points import (
    check_balance,
    check_end_states,
    check_ranks,
    uniforms,
    walk,
)

CASES = [*BOXES, *SHARES]


@pytest.mark.parametrize("name", CASES)
def test_ranks_of_exact_draws(name):
    check_ranks(make(name), case(name))


@pytest.mark.parametrize("name", CASES)
def test_detailed_balance_at_every_point(name):
    check_balance(make(name), case(name))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
@pytest.mark.parametrize("name", ["skewed", "scaled", "bounded", "sparse"])
def test_bugs_are_caught(bug, name):
    for check in (check_ranks, check_balance):
        with pytest.raises(AssertionError):
            check(make(name, bug), case(name))


@pytest.mark.parametrize("name", ["skewed", "scaled", "dirichlet", "bounded", "sparse"])
def test_end_states_of_many_chains(name):
    chosen, n = case(name), 2000
    from_one = name in SHARES
    starts = chosen.exact[:1].repeat(n, 1) if from_one else None
    if starts is None:
        starts = chosen.target.space.random(n, torch_generator(9))
    state = check_end_states(make(name), chosen, starts, 60)
    chosen.target.check(state.designs)


@pytest.mark.parametrize("name", ["box", "wavy"])
def test_without_gradients_it_is_an_exact_random_walk(name):
    target = replace(case(name).target, differentiable=False)
    check_ranks(make(name), case(name)._replace(target=target))


@pytest.mark.parametrize("name", CASES)
def test_a_chain_is_the_same_in_every_batch_and_memory_layout(name):
    target, kernel, starts = case(name).target, make(name), case(name).exact[:16]
    draws = kernel.draws_per_step(target.space)
    numbers = chain_uniforms(3, 0, range(16), 12, draws)
    together = walk(kernel, target, starts, numbers)
    for chain in (0, 5):
        alone = walk(
            kernel, target, starts[chain : chain + 1], chain_uniforms(3, 0, [chain], 12, draws)
        )
        torch.testing.assert_close(alone.designs[0], together.designs[chain], rtol=0, atol=1e-12)
    strided = torch.stack([numbers, numbers], -1)[..., 0]
    other = walk(kernel, target, starts.T.contiguous().T, strided)
    assert torch.equal(other.designs, together.designs)
    assert (together.designs != starts).any(1).sum() > 6
    target.check(together.designs)
    # What is kept is what a fresh evaluation gives.
    fresh = kernel.init(target, together.designs)
    for part, again in zip(together[:-1], fresh[:-1], strict=True):
        torch.testing.assert_close(part, again, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["box", "sparse"])
def test_float32_predictors_get_float32_and_designs_stay_float64(name):
    seen, predict = set(), case(name).target.predict

    def score(x):
        seen.add(x.dtype)
        return predict(x.double()).float()

    target, kernel = replace(case(name).target, predict=score, dtype=torch.float32), make(name)
    draws = uniforms(20 * 100, kernel.draws_per_step(target.space)).view(20, 100, -1)
    state = walk(kernel, target, case(name).exact[:100].float(), draws)
    assert seen == {torch.float32}
    assert state.designs.dtype == DOUBLE
    assert state.value.dtype == torch.float32
    target.check(state.designs)


@pytest.mark.parametrize("number", [0.0, LAST])
@pytest.mark.parametrize("size", [1e-12, 0.3, 1e30])
@pytest.mark.parametrize("name", ["skewed", "box", "bounded", "sparse-bounded", "single"])
def test_extreme_uniforms_and_sizes(number, size, name):
    # Finite however far away a point is.
    target = replace(case(name).target, predict=lambda x: 3 * (2 * x).sin().sum(1))
    kernel = make(name)
    kernel.size = size
    state = kernel.init(target, case(name).exact[:50])
    draws = torch.full((50, kernel.draws_per_step(target.space)), number, dtype=DOUBLE)
    if name in SHARES:
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
@pytest.mark.parametrize("name", CASES)
def test_extreme_betas(beta, name):
    target = replace(case(name).target, beta=beta, predict=lambda x: -x.square().sum(1))
    kernel = make(name)
    state = first = kernel.init(target, case(name).exact[:200])
    for step in range(12):
        draws = uniforms(200, kernel.draws_per_step(target.space), step)
        state, info = kernel.step(target, state, draws)
        assert not info.log_acceptance.isnan().any()
    target.check(state.designs)
    # So cold that a chain may only go down, even where almost nothing is accepted.
    assert beta < 1 or (state.value >= first.value - 1e-6).all()


@pytest.mark.parametrize(("name", "draws"), [("box", 4), ("sparse", 9)])
def test_it_is_a_kernel(name, draws):
    kernel, target = make(name), case(name).target
    assert isinstance(kernel, Kernel)
    assert kernel.draws_per_step(target.space) == draws
    assert kernel.passes_per_step(target) == 1

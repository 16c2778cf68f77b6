"""Kernels for letters with a size of their own find it during warm-up, each chain alone."""

import pytest
import torch

from designlib.notation.alphabets import DNA
from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels.base import AIMED_ACCEPTANCE, Info
from designlib.sampling.kernels.discrete_langevin import DiscreteLangevin
from designlib.sampling.kernels.path_auxiliary import PathAuxiliary
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 30)
# Sizes to begin with that are far too small, and far too large.
KERNELS = {
    "short paths": PathAuxiliary(mean_length=1.0, longest=12),
    "long paths": PathAuxiliary(mean_length=6.5, longest=12),
    "small steps": DiscreteLangevin(step_size=0.002),
    "large steps": DiscreteLangevin(step_size=50.0),
}


@pytest.fixture(params=KERNELS)
def kernel(request):
    return KERNELS[request.param]


def smooth(spread):
    """Return a score with a preference at each site and weak couplings of all pairs."""
    generator = torch_generator(0, "smooth")
    field = torch.randn(120, generator=generator, dtype=torch.float64)
    coupling = torch.randn(120, 120, generator=generator, dtype=torch.float64) / 120**0.5
    return lambda relaxed: (
        spread * (relaxed.flatten(1) @ field + (relaxed.flatten(1) @ coupling).pow(2).sum(1))
    )


TARGET = Target(smooth(1.5), SPACE, dtype=torch.float64)


def warmed_up(kernel, target, chains, steps=250, first=0):
    """Return tuned chains, started at the same designs in any batch."""
    numbers = range(first, first + chains)
    starts = torch.cat([SPACE.random(1, torch_generator(0, "start", chain)) for chain in numbers])
    state = kernel.init(target, starts)
    for uniforms in chain_uniforms(0, 0, numbers, steps, kernel.draws_per_step(SPACE)):
        state = kernel.adapt(*kernel.step(target, state, uniforms))
    return state


def frozen(kernel, target, state, steps=60):
    """Return the state after steps without tuning, and the mean probability of acceptance."""
    chains = range(len(state.value))
    probability = 0.0
    for uniforms in chain_uniforms(0, 1, chains, steps, kernel.draws_per_step(SPACE)):
        state, info = kernel.step(target, state, uniforms)
        probability += float(info.log_acceptance.clamp(max=0).exp().mean()) / steps
    return state, probability


def test_warm_up_reaches_the_aimed_acceptance_and_is_then_frozen(kernel):
    before = kernel.init(TARGET, SPACE.random(32, torch_generator(1))).tuning.log_size
    state = warmed_up(kernel, TARGET, 32)
    assert (state.tuning.seen == 250).all()
    after, probability = frozen(kernel, TARGET, state)
    assert abs(probability - AIMED_ACCEPTANCE) < 0.05
    assert (state.tuning.log_size - before).abs().mean() > 0.3
    assert torch.equal(after.tuning.log_size, state.tuning.log_size)
    assert torch.equal(after.tuning.seen, state.tuning.seen)


def test_tuning_does_not_depend_on_the_batch(kernel):
    together = warmed_up(kernel, TARGET, 4, steps=20)
    assert together.tuning.log_size.unique().numel() == 4
    for chain in range(4):
        alone = warmed_up(kernel, TARGET, 1, steps=20, first=chain)
        assert torch.equal(alone.designs[0], together.designs[chain])
        sizes = alone.tuning.log_size[0], together.tuning.log_size[chain]
        assert torch.allclose(*sizes, rtol=0, atol=1e-9)


def test_a_new_rung_keeps_the_sizes_and_tunes_them_again(kernel):
    state = warmed_up(kernel, TARGET, 4, steps=20)
    moved = kernel.retarget(Target(smooth(0.1), SPACE, dtype=torch.float64), state)
    assert torch.equal(moved.tuning.log_size, state.tuning.log_size)
    assert (moved.tuning.seen == 0).all()


def test_sizes_stay_within_their_limits_and_come_back_at_once(kernel):
    state = kernel.init(TARGET, SPACE.random(3, torch_generator(1)))
    low, high = kernel.size_limits
    accepted = Info(torch.ones(3).bool(), torch.zeros(3))
    refused = Info(torch.zeros(3).bool(), torch.full((3,), -torch.inf))
    for _ in range(100):
        state = kernel.adapt(state, accepted)
    assert torch.allclose(state.tuning.log_size.exp(), torch.full((3,), high).double())
    state = kernel.adapt(kernel.retarget(TARGET, state), refused)
    assert (state.tuning.log_size.exp() < high / 2).all()
    for _ in range(200):
        state = kernel.adapt(state, refused)
    assert torch.allclose(state.tuning.log_size.exp(), torch.full((3,), low).double())

"""Discrete Langevin: its proposal, its draws and its refusals."""

import pytest
import torch

from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.sampling.kernels import Kernel
from designlib.sampling.kernels.discrete_langevin import DiscreteLangevin
from designlib.spaces import SequenceSpace
from designlib.types import InputError

KERNEL = DiscreteLangevin(step_size=0.5)


def test_it_is_a_kernel():
    assert isinstance(KERNEL, Kernel)
    assert KERNEL.draws_per_step(SequenceSpace(DNA, 30)) == 31


@pytest.mark.parametrize("step_size", [0.05, 2.0, 100.0])
@pytest.mark.parametrize("name", ["dna", "binary-ball", "ternary-rejection", "dna-product-of-all"])
def test_detailed_balance_at_every_step_size(step_size, name, exactness):
    exactness.check(DiscreteLangevin(step_size), exactness.target(name, beta=1.5))


def test_proposal_is_the_formula(exactness):
    target = exactness.target("dna-gc", beta=1.7)
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    probability = KERNEL._logits(target, state).log_softmax(1).mT.exp()
    relaxed = target.space.relax(designs, torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(target.predict(relaxed).sum(), relaxed)
    for row, design in enumerate(designs.tolist()):
        weights = torch.zeros(3, 4, dtype=torch.float64)
        for site in range(3):
            for letter in range(4):
                change = torch.tensor([design])
                change[0, site] = letter
                if target.constraint.satisfied(change).all():
                    gain = gradient[row, site, letter] - gradient[row, site, design[site]]
                    price = (letter != design[site]) / (2 * 0.5)
                    weights[site, letter] = (1.7 * gain / 2 - price).exp()
        assert torch.allclose(probability[row], weights / weights.sum(1, keepdim=True), atol=1e-12)


def test_a_draw_reports_its_probability(exactness):
    target = exactness.target("ternary-motifs", beta=2.0)
    state = KERNEL.init(target, exactness.feasible(target).repeat(50, 1))
    uniforms = exactness.uniforms(KERNEL, target.space, len(state.value), torch_generator(0))
    letters, log_forward = KERNEL.draw(target, state, uniforms)
    assert (letters != state.designs).sum(1).unique().tolist() == [0, 1, 2, 3, 4]
    table = KERNEL._logits(target, state).log_softmax(1).mT
    wanted = table.gather(2, letters.unsqueeze(2)).sum((1, 2))
    assert torch.allclose(log_forward, wanted, atol=1e-12)
    assert torch.allclose(KERNEL.log_probability(target, state, letters), wanted, atol=1e-12)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
@pytest.mark.parametrize("name", ["binary-sites", "dna-product-of-all", "dna"])
def test_extreme_uniforms_draw_possible_letters(uniform, name, exactness):
    target = exactness.target(name)
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    uniforms = torch.full((len(designs), target.space.length + 1), uniform, dtype=torch.float64)
    letters, log_forward = KERNEL.draw(target, state, uniforms)
    assert log_forward.isfinite().all()
    possible = state.difference > -torch.inf
    assert possible.gather(2, letters.unsqueeze(2)).all()


def test_changes_that_clash_are_refused(exactness):
    target = exactness.target("dna-product")
    kernel = DiscreteLangevin(step_size=100.0)
    state = kernel.init(target, exactness.feasible(target).repeat(30, 1))
    uniforms = exactness.uniforms(kernel, target.space, len(state.value), torch_generator(2))
    letters, _ = kernel.draw(target, state, uniforms)
    clash = ~target.constraint.satisfied(letters)
    after, info = kernel.step(target, state, uniforms)
    assert clash.any()
    assert (info.log_acceptance[clash] == -torch.inf).all()
    assert torch.equal(after.designs[clash], state.designs[clash])
    assert (after.designs[~clash] != state.designs[~clash]).any()


def test_each_chain_of_a_batch_has_its_own_step_size(exactness):
    target = exactness.target("dna-product-of-two")
    designs = exactness.feasible(target).repeat(20, 1)
    state = KERNEL.init(target, designs)
    uniforms = exactness.uniforms(KERNEL, target.space, len(designs), torch_generator(3))
    sizes = torch.tensor([0.01, 0.5, 50.0]).double().log()
    which = torch.arange(len(designs)) % 3
    mixed = state._replace(tuning=state.tuning._replace(log_size=sizes[which]))
    together, info = KERNEL.step(target, mixed, uniforms)
    for number, size in enumerate(sizes):
        same = state._replace(tuning=state.tuning._replace(log_size=size.expand(len(designs))))
        alone, one = KERNEL.step(target, same, uniforms)
        mine = which == number
        assert torch.equal(together.designs[mine], alone.designs[mine])
        assert torch.equal(info.log_acceptance[mine], one.log_acceptance[mine])
    changed = (KERNEL.draw(target, mixed, uniforms)[0] != designs).double().mean(1)
    assert changed[which == 0].max() == 0
    assert changed[which == 1].mean() < changed[which == 2].mean() - 0.05
    assert torch.equal(together.tuning.log_size, mixed.tuning.log_size)


@pytest.mark.parametrize("step_size", [0.0, -1.0, 1e-4, 101.0, float("nan"), float("inf")])
def test_step_sizes_out_of_range_are_refused(step_size):
    with pytest.raises(InputError, match=r"step size is \S+; 0.001 to 100 are accepted"):
        DiscreteLangevin(step_size)

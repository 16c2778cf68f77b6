"""Gibbs-with-Gradients: its proposal, its draws and its refusals."""

import pytest
import torch

from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.sampling.kernels import GibbsWithGradients, Kernel
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import SequenceSpace

KERNEL = GibbsWithGradients()


def test_it_is_a_kernel():
    assert isinstance(KERNEL, Kernel)
    assert KERNEL.draws_per_step(SequenceSpace(DNA, 8)) == 2


def test_proposal_is_the_formula(exactness):
    target = exactness.target("dna-gc", beta=1.7)
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    log_proposal = KERNEL._logits(target, state).log_softmax(1).view_as(state.difference)
    relaxed = target.space.relax(designs, torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(target.predict(relaxed).sum(), relaxed)
    for row, design in enumerate(designs.tolist()):
        weights = torch.zeros(3, 4, dtype=torch.float64)
        for site in range(3):
            for letter in range(4):
                change = torch.tensor([design])
                change[0, site] = letter
                if letter != design[site] and target.constraint.satisfied(change).all():
                    gain = gradient[row, site, letter] - gradient[row, site, design[site]]
                    weights[site, letter] = (1.7 * gain / 2).exp()
        assert torch.allclose(log_proposal[row].exp(), weights / weights.sum(), atol=1e-12)


def test_a_draw_reports_its_probability(exactness):
    target = exactness.target("ternary-motifs", beta=2.0)
    state = KERNEL.init(target, exactness.feasible(target).repeat(50, 1))
    uniforms = torch.rand(len(state.value), 1, generator=torch_generator(0)).double()
    index, log_forward = KERNEL.draw(target, state, uniforms)
    table = KERNEL._logits(target, state).log_softmax(1).view_as(state.difference).flatten(1)
    assert torch.allclose(log_forward, table.gather(1, index)[:, 0], atol=1e-12)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_extreme_uniforms_draw_possible_moves(uniform, exactness):
    # The first and the last entries of the proposal are excluded by the constraint.
    target = exactness.target("binary-sites")
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    uniforms = torch.full((len(designs), 1), uniform, dtype=torch.float64)
    index, log_forward = KERNEL.draw(target, state, uniforms)
    assert log_forward.isfinite().all()
    letters, _ = KERNEL.move(state, index)
    assert target.constraint.satisfied(letters).all()
    assert ((letters != designs).sum(1) == 1).all()


def test_a_uniform_of_zero_accepts_and_one_rejects_by_the_ratio(exactness):
    target = exactness.target("dna")
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    uniforms = torch.full((len(designs), 2), 0.4, dtype=torch.float64)
    uniforms[:, 1] = 0
    after, info = KERNEL.step(target, state, uniforms)
    assert info.accepted.all()
    assert ((after.designs != designs).sum(1) == 1).all()
    uniforms[:, 1] = 1 - 2**-53
    after, info = KERNEL.step(target, state, uniforms)
    assert torch.equal(info.accepted, info.log_acceptance >= 0)
    assert torch.equal((after.designs != designs).any(1), info.accepted)


def test_a_predictor_that_fails_on_the_way_is_named(exactness):
    space = exactness.spaces.triplet
    slope = torch.tensor([0.0, 1.0, 2.0, 30.0])

    def fragile(relaxed):
        return torch.where(relaxed[:, 0, 3] > 0.5, torch.nan, relaxed[:, 0] @ slope)

    target = Target(fragile, space, label="rung 4")
    state = KERNEL.init(target, space.encode(["ACG", "GCG"]))
    # The gradient all but forces the letter at which the score is NaN; the first chain
    # draws its very first possible move instead.
    uniforms = torch.tensor([[0.0, 0.5], [0.5, 0.5]], dtype=torch.float64)
    with pytest.raises(NonFiniteScoreError, match="for chain 1 at rung 'rung 4'"):
        KERNEL.step(target, state, uniforms)

"""Plain Gibbs: its conditional, its cost and its refusals."""

from dataclasses import replace

import pytest
import torch

from designlib.notation.alphabets import BINARY, DNA
from designlib.randomness import torch_generator
from designlib.sampling.kernels import Kernel
from designlib.sampling.kernels.gibbs import Gibbs
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import SequenceSpace

KERNEL = Gibbs()


def test_it_is_a_kernel():
    assert isinstance(KERNEL, Kernel)
    assert KERNEL.draws_per_step(SequenceSpace(DNA, 30)) == 2


def test_it_costs_a_score_for_each_other_letter():
    def blind(relaxed):
        return relaxed.sum((1, 2))

    assert KERNEL.passes_per_step(Target(blind, SequenceSpace(DNA, 8))) == pytest.approx(1)
    binary = Target(blind, SequenceSpace(BINARY, 8), differentiable=False)
    assert KERNEL.passes_per_step(binary) == pytest.approx(1 / 3)


# With a mask, with none, and with one that speaks for some of the constraints.
@pytest.mark.parametrize("name", ["dna-gc", "dna", "ternary-rejection", "ternary-partly-masked"])
def test_conditional_is_the_formula(name, exactness):
    target = exactness.target(name, beta=1.7)
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    n_letters = len(target.space.alphabet)
    site = torch.arange(len(designs))[:, None] % target.space.length
    found = KERNEL.conditional(target, KERNEL.candidates(target, state, site))
    for row, design in enumerate(designs.tolist()):
        weights = torch.zeros(n_letters, dtype=torch.float64)
        for letter in range(n_letters):
            change = torch.tensor([design])
            change[0, site[row]] = letter
            if target.constraint is None or target.constraint.satisfied(change).all():
                score = target.predict(target.space.relax(change, torch.float64))
                weights[letter] = (1.7 * score).exp()
        assert torch.allclose(found[row], weights / weights.sum(), atol=1e-12)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
@pytest.mark.parametrize("name", ["binary-sites", "dna-product-of-all", "dna"])
def test_extreme_uniforms_draw_feasible_letters(uniform, name, exactness):
    target = exactness.target(name)
    designs = exactness.feasible(target)
    uniforms = torch.full((len(designs), 2), uniform, dtype=torch.float64)
    after, _ = KERNEL.step(target, KERNEL.init(target, designs), uniforms)
    assert target.constraint is None or target.constraint.satisfied(after.designs).all()
    other = 1 if uniform == 0 else 0
    elsewhere = slice(other, len(designs[0]) - 1 + other)
    assert torch.equal(after.designs[:, elsewhere], designs[:, elsewhere])


def test_accepted_says_whether_the_letter_changed(exactness):
    target = exactness.target("dna-gc")
    state = KERNEL.init(target, exactness.feasible(target).repeat(20, 1))
    uniforms = exactness.uniforms(KERNEL, target.space, len(state.value), torch_generator(0))
    after, info = KERNEL.step(target, state, uniforms)
    assert torch.equal(info.accepted, (after.designs != state.designs).any(1))
    assert info.accepted.unique().tolist() == [False, True]
    assert (info.log_acceptance == 0).all()
    assert KERNEL.adapt(after, info) is after


@pytest.mark.parametrize("name", ["dna-product", "ternary-rejection", "ternary-partly-masked"])
def test_infeasible_designs_are_never_scored(name, exactness):
    target = exactness.target(name)
    seen = []

    def watched(relaxed):
        seen.append(relaxed.argmax(2))
        return target.predict(relaxed)

    designs = exactness.feasible(target)
    state = KERNEL.init(replace(target, predict=watched), designs)
    uniforms = exactness.uniforms(KERNEL, target.space, len(designs), torch_generator(0))
    KERNEL.step(replace(target, predict=watched), state, uniforms)
    assert len(seen) == len(target.space.alphabet)
    assert target.constraint.satisfied(torch.cat(seen)).all()


def test_a_predictor_that_fails_names_the_chain(exactness):
    def fragile(relaxed):
        return torch.where(relaxed[:, 0, 3] > 0.5, torch.nan, relaxed[:, 0, 1])

    space = exactness.spaces.triplet
    target = Target(fragile, space, label="rung 4")
    state = KERNEL.init(target, space.encode(["ACG", "ACG", "GCG"]))
    # The second chain alone draws the first site.
    uniforms = torch.tensor([[0.9, 0.5], [0.0, 0.5], [0.9, 0.5]], dtype=torch.float64)
    with pytest.raises(NonFiniteScoreError, match="for chain 1 at rung 'rung 4'"):
        KERNEL.step(target, state, uniforms)

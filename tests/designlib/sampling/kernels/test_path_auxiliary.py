"""Path-auxiliary sampling: its paths, their lengths and its refusals."""

import math
from itertools import permutations, product

import pytest
import torch

from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.sampling.kernels import GibbsWithGradients, Kernel
from designlib.sampling.kernels.base import take
from designlib.sampling.kernels.path_auxiliary import Path, PathAuxiliary, _LengthLaw
from designlib.sampling.targets import Target
from designlib.spaces import SequenceSpace

KERNEL = PathAuxiliary(mean_length=1.7, longest=3)


def test_it_is_a_kernel():
    assert isinstance(KERNEL, Kernel)
    assert PathAuxiliary().draws_per_step(SequenceSpace(DNA, 30)) == 1 + 30 + 8 + 1
    assert PathAuxiliary().draws_per_step(SequenceSpace(DNA, 3)) == 1 + 3 + 3 + 1


@pytest.mark.parametrize("name", ["ternary", "binary-ball", "binary-stuck", "dna-product"])
@pytest.mark.parametrize("longest", [1, 3])
def test_paths_of_one_change_are_gibbs_with_gradients(longest, name, exactness):
    target = exactness.target(name, beta=1.3)
    ours = exactness.matrix(PathAuxiliary(mean_length=1.0, longest=longest), target)
    theirs = exactness.matrix(GibbsWithGradients(), target)
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("mean", "longest"), [(1.0, 3), (1.7, 3), (2.0, 3), (4.5, 8)])
@pytest.mark.parametrize("name", ["dna", "binary-ball", "ternary-rejection", "dna-product-of-all"])
def test_detailed_balance_at_every_length(mean, longest, name, exactness):
    # The last of these paths is longer than the designs of most systems.
    if longest < 8 or not name.startswith("binary"):
        exactness.check(PathAuxiliary(mean, longest), exactness.target(name, beta=1.5))


def test_probability_is_the_formula(exactness):
    target = exactness.target("dna-gc", beta=1.7)
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    relaxed = target.space.relax(designs, torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(target.predict(relaxed).sum(), relaxed)
    # The length is uniform on 1 .. 3 with probability 0.4 and on 1 .. 2 otherwise.
    law = {1: 0.4 / 3 + 0.6 / 2, 2: 0.4 / 3 + 0.6 / 2, 3: 0.4 / 3}
    choices = [
        (sites, letters)
        for length in range(4)
        for sites in permutations(range(3), length)
        for letters in product(range(4), repeat=length)
    ]
    paths = Path(*map(torch.cat, zip(*(as_path(*choice, 3) for choice in choices), strict=True)))
    for row in range(0, len(designs), 3):
        weights = all_weights(target, designs[row].tolist(), gradient[row])
        wanted = [law_of(law, weights, len(c[0])) * path_weight(weights, *c) for c in choices]
        here = take(state, torch.full((len(choices),), row))
        found = KERNEL.log_probability(target, here, paths).exp()
        assert torch.allclose(found, torch.tensor(wanted, dtype=torch.float64), atol=1e-14)
        assert found.sum().item() == pytest.approx(1)


def law_of(law, weights, length):
    movable = sum(any(row) for row in weights)
    if length == movable:
        return sum(share for r, share in law.items() if r >= length)
    return law.get(length, 0.0) if length < movable else 0.0


def path_weight(weights, sites, letters):
    probability = 1.0
    for step, (site, letter) in enumerate(zip(sites, letters, strict=True)):
        left = sum(sum(row) for i, row in enumerate(weights) if i not in sites[:step])
        probability *= weights[site][letter] / left if left else 0.0
    return probability


def all_weights(target, design, gradient):
    weights = [[0.0] * 4 for _ in design]
    for site, letter in product(range(3), range(4)):
        change = torch.tensor([design])
        change[0, site] = letter
        if letter != design[site] and target.constraint.satisfied(change).all():
            gain = gradient[site, letter] - gradient[site, design[site]]
            weights[site][letter] = (target.beta * gain / 2).exp().item()
    return weights


def as_path(sites, letters, columns):
    others = [site for site in range(3) if site not in sites]
    padding = [0] * (columns - len(sites))
    return Path(
        torch.tensor([[*sites, *others][:columns]]),
        torch.tensor([[*letters, *padding]]),
        torch.arange(columns)[None] < len(sites),
    )


@pytest.mark.parametrize("mean", [1.0, 1.25, 1.7, 2.0, 3.9, 4.5])
def test_the_mean_length_is_the_mean(mean):
    law = _LengthLaw.of_mean(torch.tensor([[mean]], dtype=torch.float64))
    length = torch.arange(10)[:, None]
    probability = law.log_probability(length, torch.full_like(length, 100)).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-12)
    assert (probability * length).sum().item() == pytest.approx(mean, abs=1e-12)
    assert (probability[(length < 1) | (length > 2 * mean)] == 0).all()
    grid = (torch.arange(100_000).double()[:, None] + 0.5) / 100_000
    drawn = torch.bincount(law.draw(grid)[:, 0].long(), minlength=10) / 100_000
    assert torch.allclose(drawn.double(), probability[:, 0], atol=2e-5)
    assert (law.draw(torch.tensor([[0.0], [1 - 2**-53]]).double()) <= 2 * mean).all()


def test_a_length_is_cut_to_the_sites_that_can_change():
    law = _LengthLaw.of_mean(torch.tensor([[2.5]], dtype=torch.float64))
    length = torch.arange(6)[:, None]
    for movable, wanted in {
        0: [1, 0, 0, 0, 0, 0],
        1: [0, 1, 0, 0, 0, 0],
        2: [0, 0.25, 0.75, 0, 0, 0],
        4: [0, 0.25, 0.25, 0.25, 0.25, 0],
        5: [0, 0.25, 0.25, 0.25, 0.25, 0],
    }.items():
        found = law.log_probability(length, torch.full_like(length, movable)).exp()[:, 0]
        assert torch.allclose(found, torch.tensor(wanted).double(), atol=1e-12)


def test_a_draw_reports_its_probability(exactness):
    target = exactness.target("ternary-motifs", beta=2.0)
    state = KERNEL.init(target, exactness.feasible(target).repeat(50, 1))
    uniforms = exactness.uniforms(KERNEL, target.space, len(state.value), torch_generator(0))
    path, log_forward = KERNEL.draw(target, state, uniforms)
    assert path.made.sum(1).unique().tolist() == [1, 2, 3]
    assert torch.allclose(log_forward, KERNEL.log_probability(target, state, path), atol=1e-12)
    assert log_forward.isfinite().all()
    designs, back = KERNEL.move(state, path)
    assert torch.equal((designs != state.designs).sum(1), path.made.sum(1))
    there = KERNEL.evaluate(target, designs, state.tuning)
    again, forth = KERNEL.move(there, back)
    assert torch.equal(again, state.designs)
    assert torch.equal(forth.sites, path.sites)
    assert torch.equal(forth.letters[path.made], path.letters[path.made])
    assert torch.equal(forth.made, path.made)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
@pytest.mark.parametrize("name", ["binary-sites", "dna-product-of-all", "dna"])
def test_extreme_uniforms_draw_possible_changes(uniform, name, exactness):
    target = exactness.target(name)
    designs = exactness.feasible(target)
    state = KERNEL.init(target, designs)
    draws = KERNEL.draws_per_step(target.space)
    uniforms = torch.full((len(designs), draws), uniform, dtype=torch.float64)
    path, log_forward = KERNEL.draw(target, state, uniforms)
    assert log_forward.isfinite().all()
    allowed = state.difference > -torch.inf
    chosen = allowed[torch.arange(len(designs))[:, None], path.sites, path.letters]
    assert chosen[path.made].all()
    assert torch.equal(path.made.any(1), allowed.flatten(1).any(1))
    assert all(len(set(sites)) == path.sites.shape[1] for sites in path.sites.tolist())


def test_paths_do_not_go_where_nothing_can_change(exactness):
    # Five of six sites can change, and the longest path would have six.
    target = exactness.target("binary-sites")
    kernel = PathAuxiliary(mean_length=3.5, longest=6)
    state = kernel.init(target, exactness.feasible(target).repeat(20, 1))
    uniforms = exactness.uniforms(kernel, target.space, len(state.value), torch_generator(0))
    path, _ = kernel.draw(target, state, uniforms)
    assert path.made.sum(1).max() == 5
    after, info = kernel.step(target, state, uniforms)
    assert target.constraint.satisfied(after.designs).all()
    assert info.accepted[path.made.sum(1) == 5].any()


def test_each_chain_of_a_batch_has_its_own_length(exactness):
    target = exactness.target("dna-product-of-two")
    designs = exactness.feasible(target).repeat(20, 1)
    state = KERNEL.init(target, designs)
    uniforms = exactness.uniforms(KERNEL, target.space, len(designs), torch_generator(3))
    sizes = torch.tensor([1.0, 1.4, 2.0]).double().log()
    which = torch.arange(len(designs)) % 3
    mixed = state._replace(tuning=state.tuning._replace(log_size=sizes[which]))
    together, info = KERNEL.step(target, mixed, uniforms)
    for number, size in enumerate(sizes):
        same = state._replace(tuning=state.tuning._replace(log_size=size.expand(len(designs))))
        alone, one = KERNEL.step(target, same, uniforms)
        mine = which == number
        assert torch.equal(together.designs[mine], alone.designs[mine])
        assert torch.equal(info.log_acceptance[mine], one.log_acceptance[mine])
    changed = (KERNEL.move(mixed, KERNEL.draw(target, mixed, uniforms)[0])[0] != designs).sum(1)
    assert changed[which == 0].max() == 1
    assert changed[which == 2].max() == 3
    assert torch.equal(together.tuning.log_size, mixed.tuning.log_size)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_little_probability_is_not_lost(dtype, exactness):
    # After a site with all but 1e-60 of the weight, the others are still told apart.
    slope = torch.zeros(3, 4, dtype=dtype)
    slope[0, 1:], slope[1, 1], slope[2, 2] = 280.0, 2.0, 4.0
    target = Target(
        lambda relaxed: (relaxed * slope).sum((1, 2)), exactness.spaces.triplet, dtype=dtype
    )
    state = KERNEL.init(target, torch.zeros(1, 3, dtype=torch.int64))
    found = KERNEL.log_probability(target, state, as_path((0, 1), (1, 1), 3))
    law, first = 0.4 / 3 + 0.6 / 2, 1 / 3
    second = math.e / (math.e + math.e**2 + 4)
    assert found.exp().item() == pytest.approx(law * first * second, rel=1e-4)

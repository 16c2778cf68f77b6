"""Exactness of every kernel under every constraint, on systems that can be enumerated."""

from dataclasses import replace

import pytest
import torch
from scipy import stats

from designlib.config.constraints import ConstraintConfig, FixedSite, GCConfig, HammingBallConfig
from designlib.constraints import base, build, feasible_starts
from designlib.notation.alphabets import DNA
from designlib.randomness import chain_uniforms, torch_generator
from designlib.sampling.kernels import Gibbs
from designlib.sampling.targets import FORWARD_SHARE, NonFiniteScoreError, Target
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError


@pytest.mark.parametrize("beta", [0.3, 4.0])
def test_detailed_balance(kernel, system, beta, exactness):
    exactness.check(kernel, exactness.target(system, beta))


def test_detailed_balance_without_looking_up(kernel, exactness, monkeypatch):
    monkeypatch.setattr(base, "_LOOKED_UP", 0)
    exactness.check(kernel, exactness.target("dna-product"))


def test_detailed_balance_without_gradients(kernel, exactness):
    exactness.check(kernel, replace(exactness.target("dna-product"), differentiable=False))


def test_draws_follow_the_matrix(case, exactness):
    kernel, system = case
    target = exactness.target(system, beta=1.5)
    designs = exactness.feasible(target)
    matrix = exactness.matrix(kernel, target)
    copies, n = 1000, len(designs)
    state = kernel.init(target, designs.repeat_interleave(copies, 0))
    generator = torch_generator(7, system)
    uniforms = exactness.uniforms(kernel, target.space, n * copies, generator)
    after, _ = kernel.step(target, state, uniforms)
    row_of = exactness.row_numbers(target, designs)
    columns = row_of[exactness.codes(target.space, after.designs)]
    assert (columns >= 0).all()
    rows = torch.arange(n).repeat_interleave(copies)
    counts = torch.bincount(rows * n + columns, minlength=n * n).view(n, n).double()
    assert (counts[matrix < 1e-15] == 0).all(), "an impossible move was drawn"
    statistic, freedom = g_statistic(counts, matrix * copies)
    assert freedom == 0 or stats.chi2.sf(statistic, freedom) > 1e-3


def g_statistic(counts, expected):
    """Return G and its degrees of freedom, with cells of small expectation pooled by row."""
    statistic, freedom = 0.0, 0
    for seen, mean in zip(counts, expected, strict=True):
        large = mean >= 5
        seen_cells = torch.cat([seen[large], seen[~large].sum()[None]])
        mean_cells = torch.cat([mean[large], mean[~large].sum()[None]])
        used = mean_cells > 1
        seen_cells, mean_cells = seen_cells[used], mean_cells[used]
        terms = torch.special.xlogy(seen_cells, seen_cells / mean_cells)
        statistic += float(2 * (terms - seen_cells + mean_cells).sum())
        freedom += len(seen_cells) - 1
    return statistic, freedom


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("binary-ball", torch.float32),
        ("ternary", torch.float64),
        ("dna-run", torch.float64),
        ("dna-product-of-two", torch.float32),
    ],
)
def test_end_states_of_many_chains(kernel, name, dtype, exactness):
    target = exactness.target(name, beta=0.7, dtype=dtype)
    designs = exactness.feasible(target)
    exact = exactness.probabilities(target)
    chains, steps = 10_000, 20
    matrix = exactness.matrix(kernel, exactness.target(name, beta=0.7))
    while (torch.linalg.matrix_power(matrix, steps).mean(0) - exact).abs().sum() > 2e-3:
        steps += 20
        assert steps <= 100, "the kernel mixes too slowly for the test"
    generator = torch_generator(11, name)
    state = kernel.init(
        target, designs[torch.randint(len(designs), (chains,), generator=generator)]
    )
    for _ in range(steps):
        uniforms = exactness.uniforms(kernel, target.space, chains, generator)
        state, _ = kernel.step(target, state, uniforms)
    seen = (state.designs[:, None] == designs[None]).all(2).double().sum(0)
    assert seen.sum() == chains
    statistic, freedom = g_statistic(seen[None], exact[None] * chains)
    assert stats.chi2.sf(statistic, freedom) > 1e-3
    # The distance to the truth is what as many exact draws would have.
    distance = (seen / chains - exact).abs().sum() / 2
    noise = ((exact * (1 - exact) * 2 / (torch.pi * chains)).sqrt()).sum() / 2
    assert distance < 1.5 * noise


def draws_for(kernel, target, seed, chains, steps):
    return chain_uniforms(seed, 0, chains, steps, kernel.draws_per_step(target.space))


def walk(kernel, target, start, draws):
    """Return the state after the steps, and what happened, from designs or from a state."""
    state = kernel.init(target, start) if isinstance(start, torch.Tensor) else start
    infos = []
    for uniforms in draws:
        state, info = kernel.step(target, state, uniforms)
        infos.append(info)
    return state, infos


def test_a_chain_is_the_same_in_every_batch(case, exactness):
    kernel, system = case
    target = exactness.target(system)
    starts = exactness.feasible(target)[:3]
    chains = range(len(starts))
    together, _ = walk(kernel, target, starts, draws_for(kernel, target, 3, chains, 12))
    for chain in chains:
        alone, _ = walk(
            kernel, target, starts[chain : chain + 1], draws_for(kernel, target, 3, [chain], 12)
        )
        assert torch.equal(alone.designs[0], together.designs[chain])
        assert torch.allclose(alone.value[0], together.value[chain], rtol=0, atol=1e-12)


def test_cached_equals_recomputed(case, exactness):
    kernel, system = case
    target = exactness.target(system)
    starts = exactness.feasible(target)
    state, _ = walk(kernel, target, starts, draws_for(kernel, target, 5, range(len(starts)), 20))
    same_state(state, kernel.init(target, state.designs))


def same_state(state, fresh):
    for cached, computed in zip(state, fresh, strict=True):
        if isinstance(cached, torch.Tensor):
            assert torch.allclose(cached, computed, rtol=0, atol=1e-12)
        else:
            same_state(cached, computed)


def test_float32_stays_close_to_recomputed(kernel, exactness):
    target = exactness.target("dna", dtype=torch.float32)
    starts = exactness.feasible(target)
    state, _ = walk(kernel, target, starts, draws_for(kernel, target, 5, range(len(starts)), 20))
    fresh = kernel.init(target, state.designs)
    assert torch.allclose(state.value, fresh.value, atol=1e-5)


def test_inputs_need_not_be_contiguous(case, exactness):
    kernel, system = case
    target = exactness.target(system)
    starts = exactness.feasible(target)
    draws = draws_for(kernel, target, 5, range(len(starts)), 6)
    plain, _ = walk(kernel, target, starts, draws)
    strided = starts.T.contiguous().T
    padded = torch.stack([draws, draws], -1)[..., 0]
    flipped = padded.transpose(1, 2).contiguous().transpose(1, 2)
    other, _ = walk(kernel, target, strided.repeat_interleave(2, 0)[::2], padded)
    another, _ = walk(kernel, target, strided, flipped)
    assert torch.equal(plain.designs, other.designs)
    assert torch.equal(plain.designs, another.designs)
    transposing = replace(
        target, predict=lambda relaxed: target.predict(relaxed.transpose(1, 2).contiguous().mT)
    )
    last, _ = walk(kernel, transposing, starts, draws)
    assert torch.equal(plain.designs, last.designs)


def test_a_new_rung_needs_a_fresh_state(case, exactness):
    kernel, system = case
    first = exactness.target(system, seed=1)
    second = exactness.target(system, seed=2, beta=2.0)
    starts = exactness.feasible(first)
    state, _ = walk(kernel, first, starts, draws_for(kernel, first, 5, range(len(starts)), 8))
    moved = kernel.retarget(second, state)
    same_state(moved, kernel.init(second, state.designs))
    value, gradient, _ = second.evaluate(state.designs)
    own = gradient.gather(2, state.designs.unsqueeze(-1))
    assert torch.equal(moved.value, value)
    if hasattr(moved, "difference"):
        allowed = moved.difference > -1e17
        assert torch.equal(moved.difference[allowed], (gradient - own)[allowed])
    # And after a step on the new rung the cache is the new rung's.
    uniforms = draws_for(kernel, second, 6, range(len(starts)), 1)[0]
    after, _ = kernel.step(second, moved, uniforms)
    same_state(after, kernel.init(second, after.designs))


def test_a_new_beta_needs_no_evaluation(kernel, exactness):
    target = exactness.target("dna-gc")
    calls = []

    def counted(relaxed):
        calls.append(len(relaxed))
        return target.predict(relaxed)

    cold, warm = replace(target, predict=counted), replace(target, predict=counted, beta=3.0)
    designs = exactness.feasible(target)
    state, fresh = kernel.init(cold, designs), kernel.init(warm, designs)
    assert len(calls) == 2
    uniforms = draws_for(kernel, target, 0, range(len(designs)), 1)[0]
    (ours, info), (theirs, other) = (kernel.step(warm, s, uniforms) for s in (state, fresh))
    same_state(ours, theirs)
    assert torch.equal(info.log_acceptance, other.log_acceptance)
    # Nor does a step cost more than it says.
    blind = replace(warm, differentiable=False)
    assert len(calls) == 2 + 2 * round(kernel.passes_per_step(blind) / FORWARD_SHARE)


def fragile_target(exactness):
    """Return a target that pulls the first letter towards T, where its score is NaN."""
    slope = torch.tensor([0.0, 1.0, 2.0, 3.0])

    def predict(relaxed):
        return torch.where(relaxed[:, 0, 3] > 0.5, torch.nan, (relaxed @ slope).sum(1))

    return Target(predict, exactness.spaces.triplet, label="rung 4")


def test_a_predictor_that_fails_on_the_way_raises(kernel, exactness):
    target = fragile_target(exactness)
    starts = exactness.spaces.triplet.encode(["ACG", "GCG", "CAT"])
    with pytest.raises(
        NonFiniteScoreError, match=r"for chain [012]( and . more)? at rung 'rung 4'"
    ):
        walk(kernel, target, starts, draws_for(kernel, target, 0, range(3), 200))


def test_where_nothing_waits_failing_designs_are_never_entered(kernel, exactness, monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    target = fragile_target(exactness)
    starts = exactness.spaces.triplet.encode(["ACG", "GCG", "CAT"] * 5)
    state, infos = walk(kernel, target, starts, draws_for(kernel, target, 0, range(15), 60))
    assert (state.designs[:, 0] != 3).all()
    assert (state.designs != starts).any()
    assert all(part.isfinite().all() for part in state[:2])
    failed = torch.stack([info.log_acceptance.isnan() for info in infos])
    accepted = torch.stack([info.accepted for info in infos])
    assert failed.any()
    assert not accepted[failed].any()
    assert accepted.any()


def test_real_designs_stay_feasible(kernel):
    space = SequenceSpace(DNA, 30)
    config = ConstraintConfig(
        hamming_ball=HammingBallConfig(reference="ACGTTGCAAT" * 3, radius=8),
        fixed_sites=(FixedSite(position=4, letters="TA"), FixedSite(position=9, letters="S")),
        forbidden_motifs=("GGTCTC", "GAATTC", "CNNG"),
        gc=GCConfig(low=0.2, high=0.7, window=10),
        max_homopolymer=2,
    )
    constraint = build(config, space)
    target = Target(
        lambda relaxed: torch.sin(3 * relaxed.flatten(1).cumsum(1)).sum(1), space, constraint
    )
    starts = feasible_starts(space, constraint, 64, torch_generator(0))
    warm = kernel.init(target, starts)
    for uniforms in draws_for(kernel, target, 1, range(64), 60):
        warm = kernel.adapt(*kernel.step(target, warm, uniforms))
    assert constraint.satisfied(warm.designs).all()
    state, infos = walk(kernel, target, warm, draws_for(kernel, target, 0, range(64), 90))
    assert constraint.satisfied(state.designs).all()
    assert (state.designs != starts).any(1).float().mean() > 0.9
    assert torch.stack([info.accepted for info in infos]).float().mean() > 0.1


def test_a_chain_without_moves_stays(kernel, exactness):
    for dtype in (torch.float32, torch.float64):
        target = exactness.target("binary-stuck", beta=1e6, dtype=dtype)
        starts = exactness.feasible(target)
        state, infos = walk(kernel, target, starts, draws_for(kernel, target, 1, range(2), 3))
        assert torch.equal(state.designs, starts)
        assert all(info.log_acceptance.isfinite().all() for info in infos)


@pytest.mark.parametrize("beta", [1e-8, 1e8])
def test_extreme_betas(kernel, beta, exactness):
    target = exactness.target("dna-product", beta=beta, dtype=torch.float32)
    state = kernel.init(target, exactness.feasible(target))
    for uniforms in draws_for(kernel, target, 1, range(len(state.value)), 20):
        before = state.value
        state, info = kernel.step(target, state, uniforms)
        assert (info.log_acceptance < torch.inf).all()
        if isinstance(kernel, Gibbs):
            assert beta < 1 or (state.value >= before - 1e-5).all()
    assert target.constraint.satisfied(state.designs).all()


def test_bad_starts_are_refused(kernel, exactness):
    target = exactness.target("dna-gc")
    message = r"start of chain 1 is infeasible: GC content 0 % in positions 1-3"
    with pytest.raises(InputError, match=message):
        kernel.init(target, target.space.encode(["ACA", "AAA"]))
    with pytest.raises(InputError, match="have 5 letters; 3 are needed"):
        kernel.init(target, torch.zeros(2, 5, dtype=torch.int64))
    with pytest.raises(InputError, match="no designs"):
        kernel.init(target, torch.zeros(0, 3, dtype=torch.int64))
    points = Target(lambda relaxed: relaxed.sum(1), BoxSpace.cube(3, 0.0, 1.0))
    with pytest.raises(InputError, match="the target is on a BoxSpace"):
        kernel.init(points, torch.zeros(2, 3))

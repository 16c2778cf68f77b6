"""Checks of kernels on grids whose designs and moves can be enumerated."""

import torch
from scipy import stats

from designlib.randomness import torch_generator
from designlib.sampling.kernels.base import take


def rows_of(designs, among):
    """Return the row of each design, -1 where it is not among them."""
    same = (designs[:, None] == among[None]).all(2)
    return torch.where(same.any(1), same.long().argmax(1), -1)


def density(target, designs):
    return (target.beta * target.predict(target.space.relax(designs, torch.float64))).softmax(0)


def transition_matrix(kernel, target, designs, moves):
    """Return P over the feasible designs, from the kernel's own probabilities of all moves."""
    n, m = len(designs), len(moves[0] if isinstance(moves, tuple) else moves)
    rows = torch.arange(n).repeat_interleave(m)
    here = take(kernel.init(target, designs), rows)
    chosen = take(moves, torch.arange(m).repeat(n))
    log_forward = kernel.log_probability(target, here, chosen)
    assert (log_forward.exp().view(n, m).sum(1) - 1).abs().max() < 1e-12
    possible = (log_forward.exp() > 0).nonzero()[:, 0]
    rows, log_forward = rows[possible], log_forward[possible]
    here, chosen = take(here, possible), take(chosen, possible)
    after, back = kernel.move(here, chosen)
    columns = rows_of(after, designs)
    inside = columns >= 0
    if kernel.masks_all(target):
        assert inside.all(), "an infeasible design is proposed"
    proposed = kernel.evaluate(target, after)
    assert torch.equal(kernel.move(proposed, back)[0], here.designs), "the way back leads elsewhere"
    ratio = kernel.log_acceptance(target, here, proposed, log_forward, back)
    accepted = ratio.exp().clamp(max=1).where(inside, 0.0)
    matrix = torch.zeros(n, n, dtype=torch.float64)
    matrix.index_put_((rows, columns.clamp(min=0)), log_forward.exp() * accepted, True)
    matrix.diagonal().add_(1 - matrix.sum(1))
    return matrix


def imbalance(target, designs, matrix):
    """Return by how much detailed balance is broken."""
    assert (matrix > -1e-12).all()
    flow = density(target, designs)[:, None] * matrix
    return float((flow - flow.T).abs().max())


def p_of_draws(kernel, target, designs, matrix, copies=1500):
    """Return the p-value of real steps against the matrix, 0 where an impossible one was made."""
    n = len(designs)
    state = kernel.init(target, designs.repeat_interleave(copies, 0))
    draws = torch.rand(
        n * copies,
        kernel.draws_per_step(target.space),
        generator=torch_generator(5, "matrix"),
        dtype=torch.float64,
    )
    after, _ = kernel.step(target, state, draws)
    rows = torch.arange(n).repeat_interleave(copies)
    counts = torch.bincount(rows * n + rows_of(after.designs, designs), minlength=n * n)
    seen, expected = counts.double(), matrix.flatten() * copies
    if (seen[expected < 1e-9] > 0).any():
        return 0.0
    large = expected >= 5
    statistic = ((seen - expected)[large] ** 2 / expected[large]).sum()
    freedom = int(large.sum()) - n
    return 1.0 if freedom <= 0 else float(stats.chi2.sf(float(statistic), freedom))

"""Checks of kernels for points against densities with known exact draws."""

from typing import NamedTuple

import torch
from scipy import stats

from designlib.randomness import torch_generator
from designlib.sampling.targets import Target

RARE = 1e-4
"""A correct kernel fails a check of random draws this seldom; seeds are fixed."""


class Case(NamedTuple):
    """A target, its exact draws, and the step size to test at."""

    target: Target
    exact: torch.Tensor
    step_size: float
    preconditioner: tuple[float, ...] | None = None


def uniforms(n, draws, *purpose):
    return torch.rand((n, draws), generator=torch_generator(5, *purpose), dtype=torch.float64)


def rejection(target, propose, log_ceiling, n, seed=0):
    """Return n exact draws: ``propose`` gives points and their log density up to a constant."""
    generator = torch_generator(seed, "rejection")
    kept, found = [], 0
    while found < n:
        points, log_density = propose(4 * n, generator)
        log_weight = target.beta * target.predict(points) - log_density - log_ceiling
        if target.constraint is not None:
            log_weight = log_weight.where(target.constraint.satisfied(points), -torch.inf)
        assert (log_weight <= 0).all(), "the ceiling is too low"
        noise = torch.rand(len(points), generator=generator, dtype=torch.float64)
        kept.append(points[noise.log() < log_weight])
        found += len(kept[-1])
    return torch.cat(kept)[:n]


def statistics(target, designs):
    """Return what is ranked: every variable, the score, and the product of the first two."""
    score = target.predict(designs)
    return torch.cat([designs, score[:, None], (designs[:, 0] * designs[:, 1])[:, None]], 1)


def rank_p_values(kernel, target, exact, stretch=6, group=1):
    """Return a p-value for each statistic: is the rank of an exact draw in its chain uniform?

    Gandy and Scott, "Unit testing for MCMC and other Monte Carlo methods", 2021, algorithm 2: the
    exact draw is at a random time of a stretch of steps, and a reversible kernel runs from it to
    both ends. Where chains of a group depend on each other, the group is what is ranked.
    """
    n = len(exact) // group
    generator = torch_generator(1, "places")
    place = torch.randint(stretch, (n,), generator=generator)
    own = group_statistics(target, exact, group)
    below, ties = torch.zeros_like(own), torch.zeros_like(own)
    for end, length in (("forward", stretch - 1 - place), ("backward", place)):
        state = kernel.init(target, exact)
        for step in range(stretch - 1):
            draws = uniforms(len(exact), kernel.draws_per_step(target.space), end, step)
            state, _ = kernel.step(target, state, draws)
            there = group_statistics(target, state.designs, group)
            used = (step < length)[:, None]
            below += used & (there < own)
            ties += used & (there == own)
    noise = torch.rand(own.shape, generator=generator, dtype=torch.float64)
    ranks = (below + (noise * (ties + 1)).floor()).long()
    counts = torch.stack([torch.bincount(r, minlength=stretch) for r in ranks.T])
    return torch.tensor([stats.chisquare(row).pvalue for row in counts.numpy()])


def group_statistics(target, designs, group):
    """Return the statistics of the first chain of a group, and their products with the second's."""
    own = statistics(target, designs)
    if group == 1:
        return own
    first, second = own[::group], own[1::group]
    return torch.cat([first, first * second], 1)


def check_ranks(kernel, case, group=1):
    p_values = rank_p_values(kernel, case.target, case.exact, group=group)
    assert p_values.min() * len(p_values) > RARE, f"the ranks are not uniform: {p_values}"


def check_balance(kernel, case, seed="balance"):
    """Raise AssertionError unless pi(x) q(x, y) a(x, y) = pi(y) q(y, x) a(y, x) to 1e-12."""
    target = case.target
    here = kernel.init(target, case.exact[:500])
    draws = uniforms(len(here.value), kernel.draws_per_step(target.space), seed)
    move, log_forward = kernel.draw(target, here, draws)
    assert_close(kernel.log_probability(target, here, move), log_forward)
    designs, back = kernel.move(here, move)
    there = kernel.evaluate(target, designs, here.tuning)
    returned, _ = kernel.move(there, back)
    torch.testing.assert_close(returned, here.designs, rtol=0, atol=1e-14)
    log_back = kernel.log_probability(target, there, back)
    accept = kernel.log_acceptance(target, here, there, log_forward, back).clamp(max=0)
    accept_back = kernel.log_acceptance(target, there, here, log_back, move).clamp(max=0)
    flow = target.beta * target.predict(here.designs) + log_forward + accept
    flow_back = target.beta * target.predict(there.designs) + log_back + accept_back
    assert_close(flow, flow_back)
    assert (accept < 0).any(), "every proposal is accepted: the check says nothing"


def assert_close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def check_end_states(kernel, case, starts, steps, adapt=0):
    """Raise AssertionError unless the ends of independent chains look like exact draws."""
    target = case.target
    state = kernel.init(target, starts)
    for step in range(adapt + steps):
        draws = uniforms(len(starts), kernel.draws_per_step(target.space), "ends", step)
        state, info = kernel.step(target, state, draws)
        if step < adapt:
            state = kernel.adapt(state, info)
    ends, exact = statistics(target, state.designs), statistics(target, case.exact)
    for name, (ours, theirs) in enumerate(zip(ends.T, exact.T, strict=True)):
        test = stats.ks_2samp(ours.numpy(), theirs.numpy(), method="asymp")
        p_value = test.pvalue  # pyright: ignore[reportAttributeAccessIssue] - its stub says tuple
        assert p_value * ends.shape[1] > RARE, f"statistic {name}: {p_value}"
    noise = (ends.var(0) / len(ends) + exact.var(0) / len(exact)).sqrt()
    away = (ends.mean(0) - exact.mean(0)).abs()
    assert (away <= 4.5 * noise).all(), away / noise
    return state


def acceptance_after_warm_up(kernel, target, starts, warm_up=150, steps=40):
    """Return the share of proposals accepted with the tuned step sizes, and the state."""
    state = kernel.init(target, starts)
    accepted = []
    for step in range(warm_up + steps):
        draws = uniforms(len(starts), kernel.draws_per_step(target.space), "warm-up", step)
        state, info = kernel.step(target, state, draws)
        if step < warm_up:
            state = kernel.adapt(state, info)
        else:
            accepted.append(info.accepted.double())
    return float(torch.stack(accepted).mean()), state


def walk(kernel, target, starts, draws):
    """Return the state after a step with each of the draws."""
    state = kernel.init(target, starts)
    for numbers in draws:
        state, _ = kernel.step(target, state, numbers)
    return state

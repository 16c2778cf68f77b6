"""Replica exchange: the joint matrix of a tiny system, real sweeps against it, bookkeeping."""

import sys

import pytest
import torch
from scipy import stats

from designlib.constraints import HammingBall
from designlib.randomness import torch_generator
from designlib.sampling.drivers.replica_exchange import replica_exchange, swap_log_ratio
from designlib.sampling.kernels import GibbsWithGradients
from designlib.types import InputError
from tests.designlib.sampling.kernels.conftest import transition_matrix
from tests.designlib.sampling.kernels.test_exactness import g_statistic

KERNEL = GibbsWithGradients()


def joint_states(tiny):
    """Return every pair of designs of two rungs: the lower one varies slowly."""
    n = len(tiny.designs)
    below = tiny.designs.repeat_interleave(n, 0)
    return below, tiny.designs.repeat(n, 1)


def swap_matrix(tiny, lower, upper):
    """Return P of a swap over all pairs of designs, from the driver's own ratio."""
    n = len(tiny.designs)
    first, second = joint_states(tiny)
    below, above = KERNEL.init(lower.target, first), KERNEL.init(upper.target, second)
    down = KERNEL.retarget(lower.target, above)
    up = KERNEL.retarget(upper.target, below)
    accepted = swap_log_ratio(lower, upper, below, above, down, up).exp().clamp(max=1)
    rows = torch.arange(n * n)
    swapped = rows % n * n + rows // n
    matrix = torch.zeros(n * n, n * n, dtype=torch.float64)
    matrix[rows, swapped] = accepted
    matrix[rows, rows] += 1 - accepted
    return matrix


def joint_density(tiny, lower, upper):
    one, other = tiny.density(lower.target)[0], tiny.density(upper.target)[0]
    return (one[:, None] * other[None]).flatten()


@pytest.mark.parametrize("name", ["ladder", "temperatures"])
def test_a_swap_keeps_the_joint_density(tiny, name):
    lower, upper = getattr(tiny, name)[1:]
    matrix, exact = swap_matrix(tiny, lower, upper), joint_density(tiny, lower, upper)
    flow = exact[:, None] * matrix
    assert (flow - flow.T).abs().max() < 1e-12
    assert (exact @ matrix - exact).abs().max() < 1e-12
    assert (matrix.sum(1) - 1).abs().max() < 1e-12
    assert float(matrix.diagonal().min()) < 0.5, "swaps must happen"


@pytest.mark.parametrize("name", ["ladder", "temperatures"])
def test_sweeps_follow_the_joint_matrix(tiny, name):
    lower, upper = (rung._replace(steps=1) for rung in getattr(tiny, name)[1:])
    n = len(tiny.designs)
    moves = torch.kron(
        transition_matrix(KERNEL, lower.target), transition_matrix(KERNEL, upper.target)
    )
    whole = moves @ swap_matrix(tiny, lower, upper)
    exact = joint_density(tiny, lower, upper)
    assert (exact @ whole - exact).abs().max() < 1e-12
    # Systems begin with both replicas at one design: one sweep from each of those.
    copies = 1500
    starts = tiny.designs.repeat_interleave(copies, 0)
    (after,) = replica_exchange([lower, upper], KERNEL, starts, 3, range(len(starts)), sweeps=1)
    places = 2 ** torch.arange(3)
    columns = (after.states[0].designs * places).sum(1) * n + (after.designs * places).sum(1)
    rows = torch.arange(n).repeat_interleave(copies)
    counts = torch.bincount(rows * n * n + columns, minlength=n**3).view(n, n * n).double()
    expected = whole[torch.arange(n) * (n + 1)] * copies
    assert (counts[expected < 1e-12] == 0).all()
    statistic, freedom = g_statistic(counts, expected)
    assert stats.chi2.sf(statistic, freedom) > 1e-3


def test_every_rung_ends_at_its_own_density(tiny):
    n = 3000
    starts = tiny.space.random(n, torch_generator(0))
    *_, end = replica_exchange(tiny.ladder, KERNEL, starts, 1, range(n), sweeps=20, thin=20)
    for rung, state in zip(tiny.ladder, end.states, strict=True):
        exact, _ = tiny.density(rung.target)
        counts = torch.bincount((state.designs * 2 ** torch.arange(3)).sum(1), minlength=8)
        statistic, freedom = g_statistic(counts[None].double(), exact[None] * n)
        assert stats.chi2.sf(statistic, freedom) > 1e-3


def test_cached_states_belong_to_their_rung(tiny):
    starts = tiny.space.random(40, torch_generator(0))
    for now in replica_exchange(tiny.ladder, KERNEL, starts, 1, range(40), sweeps=4):
        for rung, state in zip(tiny.ladder, now.states, strict=True):
            fresh = KERNEL.init(rung.target, state.designs)
            assert torch.allclose(state.value, fresh.value, rtol=0, atol=1e-12)
            assert torch.allclose(state.difference, fresh.difference, rtol=0, atol=1e-12)


def round_trips(history):
    """Count trips from the first rung to the last and back, replica by replica."""
    _, systems, rungs = history.shape
    trips = torch.zeros(systems, dtype=torch.int64)
    for system in range(systems):
        for replica in range(rungs):
            places = (history[:, system] == replica).nonzero()[:, 1].tolist()
            ends = [place for place in places if place in (0, rungs - 1)]
            visits = [a for a, b in zip(ends, [None, *ends], strict=False) if a != b]
            trips[system] += (len(visits) - (visits[:1] != [0]) - 1) // 2 if visits else 0
    return trips


def test_replicas_are_counted_as_an_offline_count_does(tiny):
    starts = tiny.space.random(6, torch_generator(0))
    run = list(replica_exchange(tiny.temperatures, KERNEL, starts, 1, range(6), sweeps=60))
    history = torch.stack([torch.arange(3).repeat(6, 1), *(now.replicas for now in run)])
    assert (history.sort(2).values == torch.arange(3)).all()
    assert torch.equal(run[-1].round_trips, round_trips(history))
    assert run[-1].round_trips.sum() > 10
    assert run[-1].attempts.tolist() == [30, 30]
    assert (run[-1].swap_rates > 0.05).all()
    assert (run[-1].swap_rates < 1).all()
    assert (run[-1].accepted / run[-1].sweep > 0).all()


def test_temperatures_swap_for_nothing(tiny):
    starts = tiny.space.random(4, torch_generator(0))
    (end,) = replica_exchange(tiny.temperatures, KERNEL, starts, 1, range(4), sweeps=10, thin=10)
    assert end.passes == 3 + 10 * 6
    (end,) = replica_exchange(tiny.ladder, KERNEL, starts, 1, range(4), sweeps=10, thin=10)
    assert end.passes == 3 + 10 * (6 + 2)


def test_sweeps_are_thinned_and_the_last_one_is_kept(tiny):
    starts = tiny.space.random(4, torch_generator(0))
    run = replica_exchange(tiny.ladder, KERNEL, starts, 2, range(4), sweeps=12, warm_up=3, thin=5)
    assert [now.sweep for now in run] == [5, 10, 12]


def test_a_system_is_the_same_in_any_batch(tiny):
    starts = tiny.space.random(10, torch_generator(0))
    *_, whole = replica_exchange(tiny.ladder, KERNEL, starts, 2, range(10), sweeps=9)
    *_, alone = replica_exchange(tiny.ladder, KERNEL, starts[3:4], 2, [3], sweeps=9)
    assert torch.equal(alone.designs[0], whole.designs[3])
    assert torch.equal(alone.replicas[0], whole.replicas[3])


def test_bugs_are_caught(tiny, monkeypatch):
    right = swap_log_ratio

    def half(lower, upper, below, above, down, up):
        return 0.5 * right(lower, upper, below, above, down, up)

    def inverted(lower, upper, below, above, down, up):
        return -right(lower, upper, below, above, down, up)

    def always(lower, upper, below, above, down, up):
        return torch.zeros_like(below.value)

    for bug in (half, inverted, always):
        monkeypatch.setitem(globals(), "swap_log_ratio", bug)
        with pytest.raises(AssertionError):
            test_a_swap_keeps_the_joint_density(tiny, "ladder")
        monkeypatch.undo()
        monkeypatch.setattr(
            sys.modules["designlib.sampling.drivers.replica_exchange"], "swap_log_ratio", bug
        )
        with pytest.raises(AssertionError):
            test_sweeps_follow_the_joint_matrix(tiny, "ladder")
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweeps": 0}, "sweeps >= 1"),
        ({"thin": 0}, "thin >= 1"),
        ({"warm_up": 5}, "warm_up from 0 to sweeps"),
    ],
)
def test_wrong_settings_are_refused(tiny, changes, message):
    starts = tiny.space.random(4, torch_generator(0))
    with pytest.raises(InputError, match=message):
        list(replica_exchange(tiny.ladder, KERNEL, starts, 0, range(4), **{"sweeps": 2} | changes))


def test_ladders_that_cannot_exchange_are_refused(tiny):
    starts = tiny.space.random(4, torch_generator(0))
    with pytest.raises(InputError, match="at least two rungs, not 1"):
        list(replica_exchange(tiny.ladder[:1], KERNEL, starts, 0, range(4), sweeps=2))
    other = tiny.rung(2, constraint=HammingBall(tiny.space, "000", 3))
    with pytest.raises(InputError, match="rung 'rung 2' has another constraint than rung 'rung 1'"):
        list(replica_exchange([tiny.ladder[0], other], KERNEL, starts, 0, range(4), sweeps=2))

"""Swap rates and round trips, by hand and against a plain count."""

import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.diagnostics import round_trips, swap_rates
from designlib.types import InputError


def test_swap_rates():
    attempts, accepted = torch.tensor([[4, 10], [5, 1]]), torch.tensor([[1, 10], [0, 1]])
    rates = swap_rates(attempts, accepted)
    assert rates.tolist() == [[0.25, 1.0], [0.0, 1.0]]
    assert rates.dtype == torch.float64


@pytest.mark.parametrize(("attempts", "accepted"), [(0, 0), (3, 4), (3, -1), (-1, -1)])
def test_impossible_swap_rates(attempts, accepted):
    with pytest.raises(InputError, match=f"pair 2 has {accepted} accepted of {attempts}"):
        swap_rates(torch.tensor([5, attempts]), torch.tensor([5, accepted]))
    with pytest.raises(InputError, match="shape"):
        swap_rates(torch.tensor([5]), torch.tensor([]).long())


# Rows are sweeps, columns rungs from the bottom to the top.
HAND_MADE = {
    "nobody moves": ([[0, 1, 2]] * 5, 0),
    "up only": ([[0, 1, 2], [1, 0, 2], [1, 2, 0]], 0),
    "up and down": ([[0, 1, 2], [1, 0, 2], [1, 2, 0], [1, 0, 2], [0, 1, 2]], 1),
    # Replica 2 starts at the top: its first way down is no round trip.
    "down first": ([[0, 1, 2], [0, 2, 1], [2, 0, 1], [0, 2, 1], [0, 1, 2]], 0),
    "half way and back": ([[0, 1, 2], [1, 0, 2], [0, 1, 2]], 0),
    # After its first two sweeps each replica comes back from the top at every second sweep.
    "two rungs": ([[0, 1], [1, 0], [0, 1], [1, 0], [0, 1]], 3),
    "waits at the top": ([[0, 1], [1, 0], [1, 0], [1, 0], [0, 1]], 1),
    "one sweep": ([[0, 1]], 0),
}


@pytest.mark.parametrize("name", HAND_MADE)
def test_round_trips_by_hand(name):
    history, trips = HAND_MADE[name]
    assert round_trips(torch.tensor(history)[:, None]).tolist() == [trips]


def slow_round_trips(history):
    """Follow one replica at a time."""
    total = 0
    for replica in range(len(history[0])):
        ends = [row.index(replica) for row in history]
        seen = [end for end in ends if end in (0, len(history[0]) - 1)]
        visits = [end for at, end in enumerate(seen) if at == 0 or seen[at - 1] != end]
        total += max(0, visits.count(0) - 1)
    return total


@pytest.mark.parametrize("rungs", [2, 3, 5])
def test_round_trips_against_a_plain_count(rungs):
    generator = torch_generator(rungs, "history")
    history = torch.rand(300, 4, rungs, generator=generator).argsort(2)
    expected = [slow_round_trips(history[:, system].tolist()) for system in range(4)]
    assert min(expected) > 10
    assert round_trips(history).tolist() == expected
    assert round_trips(history.int()).tolist() == expected


def test_impossible_histories():
    with pytest.raises(InputError, match="at least 2 rungs"):
        round_trips(torch.zeros(3, 1, 1, dtype=torch.int64))
    history = torch.tensor([[0, 1, 2]] * 4)[:, None].repeat(1, 2, 1)
    history[2, 1] = torch.tensor([0, 2, 2])
    with pytest.raises(InputError, match=r"sweep 3 of system 2 has replicas \[0, 2, 2\]"):
        round_trips(history)

"""Which checkpoints become rungs."""

import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.ladders import by_function_change, by_log_step, by_smc_criterion
from designlib.types import InputError


def test_log_steps_are_spaced_by_their_ratios():
    steps = [0, *(2**k for k in range(11))]
    chosen = by_log_step(steps, 5)
    assert chosen[0] == 0
    assert chosen[-1] == len(steps) - 1
    picked = torch.tensor([steps[index] + 1.0 for index in chosen]).log()
    gaps = picked[1:] - picked[:-1]
    assert gaps.max() / gaps.min() < 1.6
    assert by_log_step(steps, 1) == [11]
    assert by_log_step(steps, 100) == list(range(12))


def test_equal_changes_of_the_function_not_equal_steps():
    # The function turns through a quarter circle in the first three of eleven checkpoints and
    # stands still after; its scale does not matter.
    generator = torch_generator(0)
    one, other = torch.linalg.qr(torch.randn(500, 2, generator=generator).double())[0].T
    one, other = one - one.mean(), other - other.mean()
    angles = [0.0, 0.5, 1.0, 1.5] + [1.57] * 7
    scale = [0.1 * (index + 1) for index in range(11)]
    scores = torch.stack(
        [s * (torch.cos(torch.tensor(a)) * one + torch.sin(torch.tensor(a)) * other)
         for a, s in zip(angles, scale, strict=True)]
    )  # fmt: skip
    chosen = by_function_change(scores, 4)
    assert chosen[:3] == [0, 1, 2]
    assert chosen[-1] == 10


def test_a_flat_first_checkpoint_is_a_place_like_others():
    scores = torch.cat([torch.zeros(1, 50), torch.randn(3, 50, generator=torch_generator(0))])
    assert by_function_change(scores, 4) == [0, 1, 2, 3]


def test_the_smc_criterion_takes_the_longest_steps_that_keep_enough():
    base = torch.randn(50_000, generator=torch_generator(0), dtype=torch.float64)
    betas = torch.linspace(0.0, 3.0, 61, dtype=torch.float64)
    densities = betas[:, None] * base
    chosen = by_smc_criterion(densities, 0.5)
    assert chosen[-1] == 60
    # The weights of a step of size s in beta have a share of exp(-s^2) for normal scores.
    steps = betas[chosen[:-1]].diff(prepend=torch.zeros(1).double())
    assert ((steps - 0.83).abs() < 0.11).all()
    assert len(by_smc_criterion(densities, 0.9)) > len(chosen)
    # Where even the next checkpoint is too far, it is taken all the same.
    assert by_smc_criterion(densities[::30], 0.9) == [0, 1, 2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: by_log_step([0, 1], 0), "at least one rung, not 0"),
        (lambda: by_log_step([], 1), "rising training steps"),
        (lambda: by_log_step([3, 3], 2), "rising training steps"),
        (lambda: by_function_change(torch.zeros(2, 1), 2), "two reference designs"),
        (lambda: by_smc_criterion(torch.zeros(2, 4), 1.0), "lies between 0 and 1"),
        (
            lambda: by_smc_criterion(torch.tensor([[0.0, 1.0], [0.0, torch.nan]])),
            "checkpoint 2 scores reference design 2 as nan",
        ),
    ],
)
def test_wrong_choices_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()

"""Fixed, temperature and trajectory ladders."""

import pytest
import torch
from torch import nn

from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.sampling.ladders import (
    by_function_change,
    fixed_ladder,
    temperature_ladder,
    trajectory_ladder,
)
from designlib.sampling.targets import NonFiniteScoreError, Target
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 5)
REFERENCE = SPACE.random(300, torch_generator(0, "reference"))


def network(seed, width=8):
    torch.manual_seed(seed)
    layers = [nn.Flatten(), nn.Linear(20, width), nn.Tanh(), nn.Linear(width, 1), nn.Flatten(0)]
    return nn.Sequential(*layers).requires_grad_(False)


CHECKPOINTS = [network(seed) for seed in range(5)]
TARGET = Target(CHECKPOINTS[-1], SPACE, beta=8.0, label="final")


def test_fixed_and_temperature():
    (rung,) = fixed_ladder(TARGET, 7)
    assert (rung.target, rung.steps, rung.label) == (TARGET, 7, "final")
    ladder = temperature_ladder(TARGET, 0.5, 5, steps=3, final_steps=10)
    betas = [rung.target.beta for rung in ladder]
    assert betas == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0])
    assert betas[-1] == 8.0
    assert [rung.steps for rung in ladder] == [3, 3, 3, 3, 13]
    assert all(rung.target.same_score(TARGET) for rung in ladder)


def test_a_trajectory_of_modules():
    ladder = trajectory_ladder(CHECKPOINTS, SPACE, REFERENCE, steps=2, final_steps=5, sharpness=3.0)
    assert [rung.steps for rung in ladder] == [2, 2, 2, 2, 7]
    for rung, checkpoint in zip(ladder, CHECKPOINTS, strict=True):
        spread = checkpoint(SPACE.relax(REFERENCE)).double().std()
        assert rung.target.beta * float(spread) == pytest.approx(3.0)
        assert rung.target.predict is checkpoint
    raw = trajectory_ladder(CHECKPOINTS, SPACE, REFERENCE, steps=2, beta=1.0)
    assert [rung.target.beta for rung in raw] == [1.0] * 5
    few = trajectory_ladder(
        CHECKPOINTS, SPACE, REFERENCE, steps=2,
        choose=lambda scores: by_function_change(scores, 3), labels=list("abcde"),
    )  # fmt: skip
    assert [rung.label for rung in few] == ["a", "c", "e"]


def test_functions_on_points_are_checkpoints_as_well():
    space = BoxSpace.cube(2, -1.0, 1.0)
    reference = space.random(50, torch_generator(0))
    ladder = trajectory_ladder(
        [lambda x: 0 * x.sum(1), lambda x: x.sum(1), lambda x: x.sum(1) ** 3],
        space, reference, steps=1,
    )  # fmt: skip
    assert [rung.label for rung in ladder] == ["checkpoint 2", "checkpoint 3"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fixed_ladder(TARGET, 0), "steps >= 1"),
        (lambda: temperature_ladder(TARGET, 0.0, 3, 1), "0 < lowest < highest"),
        (lambda: temperature_ladder(TARGET, 9.0, 3, 1), "0 < lowest < highest"),
        (lambda: temperature_ladder(TARGET, 1.0, 1, 1), "at least two rungs, not 1"),
        (lambda: temperature_ladder(TARGET, 1.0, 3, 1, -1), "final_steps >= 0"),
        (lambda: trajectory_ladder([], SPACE, REFERENCE, steps=1), "at least one checkpoint"),
        (
            lambda: trajectory_ladder(CHECKPOINTS, SPACE, REFERENCE, steps=1, sharpness=0.0),
            "sharpness of 0",
        ),
        (
            lambda: trajectory_ladder(CHECKPOINTS, SPACE, REFERENCE, steps=1, beta=-1.0),
            "beta is -1 at rung 'checkpoint 1'",
        ),
        (
            lambda: trajectory_ladder(CHECKPOINTS, SPACE, REFERENCE[:1], steps=1),
            "at least two reference designs, not 1",
        ),
        (
            lambda: trajectory_ladder(CHECKPOINTS, SPACE, REFERENCE, steps=1, labels=["a"]),
            "1 labels for 5 checkpoints",
        ),
        (
            lambda: trajectory_ladder([network(0), network(1, 9)], SPACE, REFERENCE, steps=1),
            r"checkpoint 2 differs in architecture from checkpoint 1: 1.bias has shape \(9,\), not "
            r"\(8,\)",
        ),
        (
            lambda: trajectory_ladder([lambda r: 0 * r.sum((1, 2))], SPACE, REFERENCE, steps=1),
            "no checkpoint scores any two",
        ),
    ],
)
def test_wrong_ladders_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_checkpoint_that_gives_nan_is_named():
    broken = [lambda relaxed: relaxed[:, 0, 0], lambda relaxed: relaxed.sum((1, 2)) * torch.nan]
    with pytest.raises(NonFiniteScoreError, match="rung 'checkpoint 2' scores a reference design"):
        trajectory_ladder(broken, SPACE, REFERENCE, steps=1)

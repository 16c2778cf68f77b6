from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from designlib.benchmarks.problems.base import (
    Problem,
    Solvable,
    build_predictor,
    train_trajectory,
)
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.notation.alphabets import DNA
from designlib.predictors.training import log_spaced_steps
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace, Space
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 5)
TRAINING = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=16),
    members=1,
    emphasis=0.0,
    steps=60,
    batch_size=32,
    learning_rate=0.02,
    checkpoints=8,
)


@dataclass(frozen=True)
class CountA:
    """How many A a short sequence has, in hundreds above a thousand."""

    space: Space = SPACE
    training: TrainingConfig = TRAINING
    broken: float | None = field(default=None)

    name = "count"
    constraint = None

    def oracle(self, designs):
        return 1000 + 100 * (designs == 0).double().sum(1)

    def training_data(self, seed):
        designs = self.space.random(300, torch_generator(seed, "designs"))
        values = self.oracle(designs)
        if self.broken is not None:
            values[7] = self.broken
        return designs, values


def parameters(networks):
    return [value for network in networks for value in network.state_dict().values()]


def test_a_trajectory_starts_at_the_mean_and_ends_at_the_truth_in_units():
    problem = CountA()
    networks = train_trajectory(problem, 0)
    assert len(networks) == len(log_spaced_steps(60, 8))
    designs, values = problem.training_data(1)
    relaxed = problem.space.relax(designs)
    first, last = networks[0](relaxed), networks[-1](relaxed)
    assert (first - values.mean()).abs().max() < 40
    assert (last - values).abs().mean() < 30
    errors = [float((net(relaxed) - values).square().mean()) for net in networks]
    assert errors[-1] < 0.1 * errors[0]


def test_the_seed_decides_everything_and_the_number_of_checkpoints_can_be_chosen():
    one, again = (train_trajectory(CountA(), 3, checkpoints=4) for _ in range(2))
    other = train_trajectory(CountA(), 4, checkpoints=4)
    assert len(one) == 4
    assert all(torch.equal(a, b) for a, b in zip(parameters(one), parameters(again), strict=True))
    assert any(
        not torch.equal(a, b) for a, b in zip(parameters(one), parameters(other), strict=True)
    )


def test_networks_are_fixed_and_the_input_keeps_its_gradient():
    network = train_trajectory(CountA(), 0, checkpoints=2)[-1]
    assert not network.training
    assert all(not parameter.requires_grad for parameter in network.parameters())
    relaxed = CountA().space.relax(torch.zeros(2, 5, dtype=torch.int64)).requires_grad_()
    network(relaxed).sum().backward()
    assert relaxed.grad is not None
    assert relaxed.grad.abs().sum() > 0


def test_a_function_may_build_the_network():
    class Linear(CountA):
        def network(self, seed):
            torch.manual_seed(seed)
            return nn.Sequential(nn.Flatten(), nn.Linear(20, 1), nn.Flatten(0))

    problem = Linear()
    assert isinstance(build_predictor(problem, 0), nn.Sequential)
    designs, values = problem.training_data(1)
    networks = train_trajectory(problem, 0)
    first, last = (net(problem.space.relax(designs)) for net in (networks[0], networks[-1]))
    assert (last - values).abs().mean() < 0.6 * (first - values).abs().mean()


def test_a_configuration_for_sequences_does_not_build_a_network_for_points():
    points = CountA(BoxSpace.cube(2, 0.0, 1.0))
    with pytest.raises(InputError, match="network of count is a configuration for sequences"):
        build_predictor(points, 0)


def test_protocols_tell_problems_from_solvable_ones():
    assert isinstance(CountA(), Problem)
    assert not isinstance(CountA(), Solvable)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(InputError, match=f"value {value} in row 8"):
        train_trajectory(CountA(broken=value), 0)


def test_values_that_are_all_alike_and_a_single_checkpoint_are_refused():
    class Flat(CountA):
        def oracle(self, designs):
            return torch.full((len(designs),), 5.0, dtype=torch.float64)

    with pytest.raises(InputError, match="one value only: 5"):
        train_trajectory(Flat(), 0)
    with pytest.raises(InputError, match="2 checkpoints"):
        train_trajectory(CountA(), 0, checkpoints=1)

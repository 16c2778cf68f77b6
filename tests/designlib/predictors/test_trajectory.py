import pytest
import torch

from designlib.predictors.networks import evaluate
from designlib.predictors.trajectory import Trajectory, state_from_bytes, state_to_bytes
from designlib.randomness import torch_generator
from designlib.types import InputError


def one_hot(trajectory):
    space = trajectory.spec.space
    return space.relax(space.random(40, torch_generator(0, "test")))


@pytest.mark.parametrize("optimiser", [False, True])
def test_a_checkpoint_comes_back_from_its_file(members, optimiser):
    state, spec = members[0].states[3], members[0].spec
    again, spec_again = state_from_bytes(state_to_bytes(state, spec, optimiser=optimiser))
    assert spec_again == spec
    assert (again.step, again.metrics) == (state.step, state.metrics)
    assert again.parameters.keys() == state.parameters.keys()
    assert all(torch.equal(again.parameters[k], v) for k, v in state.parameters.items())
    assert again.optimiser.keys() == (state.optimiser.keys() if optimiser else set())


def test_the_same_state_gives_the_same_bytes(members):
    state, spec = members[0].states[2], members[0].spec
    content = state_to_bytes(state, spec, optimiser=True)
    assert content == state_to_bytes(*state_from_bytes(content), optimiser=True)


def test_checkpoints_must_rise(members):
    with pytest.raises(InputError, match="increasing steps"):
        Trajectory(members[0].spec, members[0].states[::-1])
    with pytest.raises(InputError, match="increasing steps"):
        Trajectory(members[0].spec, ())


def test_a_rebuilt_network_is_the_trained_one(members):
    network = members[0].network(-1)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    scores = evaluate(network, one_hot(members[0]))
    assert float(scores.std()) == pytest.approx(1.0, abs=0.4)


def test_units_are_restored(members):
    scores = torch.tensor([-1.0, 0.0, 1.0])
    assert members[0].spec.in_units(scores).tolist() == [8.0, 10.0, 12.0]

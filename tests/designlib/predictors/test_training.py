import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.notation.alphabets import DNA
from designlib.predictors.networks import build_network, evaluate
from designlib.predictors.training import (
    Examples,
    RelaxedRows,
    log_spaced_steps,
    rank_correlation,
    train,
)
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 6)
CONFIG = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=16),
    steps=60,
    batch_size=32,
    checkpoints=8,
    learning_rate=0.02,
)


def examples(n, seed, weight=1.0):
    letters = SPACE.random(n, torch_generator(seed, "examples"))
    target = (letters == 0).float().mean(1) - (letters == 3).float().mean(1)
    return Examples(SPACE.relax(letters), target * 3, torch.full((n,), weight))


def network():
    return build_network(CONFIG.network, 6, DNA, both_strands=False, seed=3)


def states(config=CONFIG, resume=None, training=None):
    return list(train(network(), training or examples(300, 0), examples(60, 1), config, 9, resume))


def test_states_follow_the_schedule_and_the_predictor_learns():
    trained = states()
    assert [state.step for state in trained] == list(log_spaced_steps(60, 8))
    first, last = trained[0].metrics, trained[-1].metrics
    assert last["validation_loss"] < 0.5 * first["validation_loss"]
    assert last["validation_rank_correlation"] > 0.8
    assert last["spread"] > 10 * first["spread"]


def test_rows_that_are_relaxed_when_they_are_asked_for_train_the_same_network():
    letters = SPACE.random(300, torch_generator(0, "examples"))
    whole = examples(300, 0)
    rows = whole._replace(one_hot=RelaxedRows(SPACE, letters.to(torch.uint8)))
    for ours, theirs in zip(states(training=rows), states(training=whole), strict=True):
        assert ours.metrics == theirs.metrics
        for name, value in ours.parameters.items():
            assert torch.equal(value, theirs.parameters[name])


@pytest.mark.parametrize("at", [0, 3, 6])
def test_resumed_training_takes_the_same_steps_bit_for_bit(at):
    whole = states()
    rest = states(resume=whole[at])
    assert [state.step for state in rest] == [state.step for state in whole[at + 1 :]]
    for ours, theirs in zip(rest, whole[at + 1 :], strict=True):
        for name, value in ours.parameters.items():
            assert torch.equal(value, theirs.parameters[name])
        assert ours.metrics == theirs.metrics


def test_nothing_is_left_to_do_after_the_last_state():
    assert states(resume=states()[-1]) == []


def test_emphasis_fits_good_designs_better():
    letters = SPACE.random(400, torch_generator(0, "noise"))
    # One linear unit cannot fit a curved target everywhere; the emphasis says where it should.
    target = ((letters == 0).float().sum(1) ** 2) / 4
    target = (target - target.mean()) / target.std()
    data = Examples(SPACE.relax(letters), target, torch.ones(400))
    good = target > 1

    def error(emphasis):
        config = CONFIG.model_copy(update={"emphasis": emphasis, "steps": 20})
        trained = network()
        list(train(trained, data, examples(60, 1), config, 0))
        return float(((evaluate(trained, data.one_hot[:]) - target)[good] ** 2).mean())

    assert error(2.0) < error(0.0)


def test_the_scale_of_the_weights_does_not_matter():
    config = CONFIG.model_copy(update={"emphasis": 0.0})
    one = states(config, training=examples(300, 0, weight=1.0))[-1]
    four = states(config, training=examples(300, 0, weight=4.0))[-1]
    for name, value in one.parameters.items():
        torch.testing.assert_close(value, four.parameters[name], rtol=1e-4, atol=1e-5)


def test_divergence_is_an_error_that_says_what_to_do():
    training = examples(300, 0)
    broken = training._replace(target=torch.full_like(training.target, float("nan")))
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        states(training=broken)


def test_too_few_designs_are_refused():
    with pytest.raises(InputError, match="training needs at least 2 designs, not 1"):
        states(training=examples(1, 0))


def test_rank_correlation_of_a_constant_is_zero():
    assert rank_correlation(np.ones(4), np.arange(4.0)) == 0.0
    assert rank_correlation(np.arange(4.0) ** 3, np.arange(4.0)) == pytest.approx(1.0)


@given(st.integers(1, 10_000_000), st.integers(2, 300))
def test_steps_rise_from_zero_to_the_end(total, count):
    steps = log_spaced_steps(total, count)
    assert steps[0] == 0
    assert steps[-1] == total
    assert len(steps) <= count
    assert list(steps) == sorted(set(steps))


def test_a_third_and_more_of_the_states_lie_in_the_first_hundredth():
    steps = log_spaced_steps(10_000, 30)
    assert sum(step <= 100 for step in steps) > 0.4 * len(steps)


@pytest.mark.parametrize(("total", "count"), [(0, 5), (10, 1)])
def test_an_empty_schedule_is_refused(total, count):
    with pytest.raises(InputError, match="at least 1 step and 2 checkpoints"):
        log_spaced_steps(total, count)

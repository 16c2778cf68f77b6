"""log Z of weights whose mean is known."""

import math

import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.evidence import log_mean_exp_with_error
from designlib.types import InputError


def log_normal(sigma, *shape, seed=0):
    generator = torch_generator(seed, "weights")
    return sigma * torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("offset", [0.0, 5000.0, -5000.0])
def test_log_normal_weights(sigma, offset):
    n = 100_000
    log_z, error, effective = log_mean_exp_with_error(log_normal(sigma, n) + offset)
    exact_error = math.sqrt(math.expm1(sigma**2) / n)
    assert abs(log_z - offset - sigma**2 / 2) < 4 * exact_error
    assert error == pytest.approx(exact_error, rel=0.1)
    assert effective == pytest.approx(n * math.exp(-(sigma**2)), rel=0.1)


def test_error_is_the_spread_over_repetitions():
    runs = [log_mean_exp_with_error(log_normal(0.8, 500, seed=seed)) for seed in range(400)]
    log_z = torch.tensor([run.log_z for run in runs])
    errors = torch.tensor([run.error for run in runs])
    assert float(errors.square().mean().sqrt()) == pytest.approx(float(log_z.std()), rel=0.15)
    # The mean of log Z is too small by about half the square of its error.
    bias = float(log_z.mean()) - 0.32
    assert -bias == pytest.approx(float(log_z.var()) / 2, abs=3 * float(log_z.std()) / 20)


def test_error_of_populations_is_the_jackknife():
    """Particles of a population share an offset, as relatives after resampling do."""
    shared = log_normal(0.3, 60, 1, seed=1)
    weights = shared + log_normal(0.2, 60, 1000, seed=2)
    log_z, error, _ = log_mean_exp_with_error(weights)
    means = weights.exp().mean(1)
    left_out = ((means.sum() - means) / 59).log()
    jackknife = math.sqrt(59 / 60 * float((left_out - left_out.mean()).square().sum()))
    assert log_z == pytest.approx(float(means.mean().log()))
    assert error == pytest.approx(jackknife, rel=0.02)
    assert error > 4 * log_mean_exp_with_error(weights.flatten()).error


def test_independent_populations_have_the_error_of_particles():
    weights = log_normal(0.5, 200, 500)
    one, other = log_mean_exp_with_error(weights), log_mean_exp_with_error(weights.flatten())
    assert one.log_z == pytest.approx(other.log_z)
    assert one.effective_samples == pytest.approx(other.effective_samples)
    assert one.error == pytest.approx(other.error, rel=0.2)


def test_weights_of_zero_count():
    some = torch.tensor([0.0, -math.inf, 0.0, -math.inf])
    log_z, error, effective = log_mean_exp_with_error(some)
    assert log_z == pytest.approx(math.log(0.5))
    # sd(0, 1, 0, 1) / (1/2 * 2)
    assert error == pytest.approx(math.sqrt(1 / 3))
    assert effective == 2
    populations = torch.stack([torch.zeros(4), torch.full((4,), -math.inf)])
    assert log_mean_exp_with_error(populations).error == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.zeros(0), "no weights"),
        (torch.zeros(1), "at least 2 weights, not 1"),
        (torch.zeros(1, 50), "at least 2 populations, not 1"),
        (torch.tensor([0.0, math.nan]), "log weight 2 is nan"),
        (torch.tensor([[0.0], [math.inf]]), "log weight 2, 1 is inf"),
        (torch.full((5,), -math.inf), "every log weight is -inf"),
    ],
)
def test_refusals(weights, message):
    with pytest.raises(InputError, match=message):
        log_mean_exp_with_error(weights)

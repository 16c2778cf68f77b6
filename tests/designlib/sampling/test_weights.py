"""Systematic resampling and what weights are worth."""

import math

import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.weights import (
    conditional_share,
    effective_share,
    genealogical_variance,
    systematic,
)


def test_each_particle_gets_its_share_rounded_up_or_down():
    generator = torch_generator(0)
    weights = torch.rand(50, 20, generator=generator, dtype=torch.float64)
    weights[:, 3] = 0
    uniforms = torch.rand(50, generator=generator, dtype=torch.float64)
    rows = systematic(weights.log(), uniforms)
    expected = 20 * weights / weights.sum(1, keepdim=True)
    copies = torch.stack([torch.bincount(row, minlength=20) for row in rows])
    assert (copies[:, 3] == 0).all()
    assert ((copies - expected).abs() < 1).all()


def test_copies_are_right_on_average():
    log_weights = torch.tensor([[0.1, 0.6, 0.05, 0.25]], dtype=torch.float64).log()
    grid = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    rows = systematic(log_weights.expand(1000, 4), grid)
    share = torch.bincount(rows.flatten(), minlength=4) / 4000
    assert torch.allclose(share.double(), log_weights[0].exp(), atol=1e-3)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_extreme_uniforms_take_possible_particles(uniform):
    log_weights = torch.tensor([[-torch.inf, 0.0, 1.0, -torch.inf]], dtype=torch.float64)
    rows = systematic(log_weights, torch.tensor([uniform], dtype=torch.float64))
    assert set(rows.flatten().tolist()) <= {1, 2}


def test_shares_by_their_formulas():
    weights = torch.tensor([[1.0, 2.0, 3.0, 6.0]], dtype=torch.float64)
    exact = weights.sum() ** 2 / weights.pow(2).sum() / 4
    assert torch.allclose(effective_share(weights.log()), exact)
    factors = torch.tensor([[2.0, 1.0, 0.5, 1.0]], dtype=torch.float64)
    normalised = weights / weights.sum()
    exact = (normalised * factors).sum() ** 2 / (normalised * factors**2).sum()
    assert torch.allclose(conditional_share(weights.log(), factors.log()), exact)


def test_without_resampling_the_variance_is_that_of_the_mean_weight():
    weights = torch.rand(3, 40, generator=torch_generator(0), dtype=torch.float64)
    own = torch.arange(40).expand(3, 40)
    found = genealogical_variance(weights.log(), own, torch.zeros(3, dtype=torch.int64))
    exact = weights.var(1) / weights.mean(1) ** 2 / 40
    assert torch.allclose(found, exact)
    # One ancestor for all: nothing is known but that the error is large.
    one = genealogical_variance(weights.log(), own * 0, torch.ones(3, dtype=torch.int64))
    assert torch.allclose(one, torch.ones(3, dtype=torch.float64))


def independent(log_weights):
    """Return log Z of weights of independent particles, its error and what they are worth."""
    n = len(log_weights)
    own = torch.arange(n)[None]
    variance = genealogical_variance(log_weights[None], own, torch.zeros(1, dtype=torch.int64))
    log_z = log_weights.logsumexp(0) - math.log(n)
    return float(log_z), float(variance.sqrt()), n * float(effective_share(log_weights[None]))


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("offset", [0.0, 5000.0, -5000.0])
def test_log_normal_weights(sigma, offset):
    n = 100_000
    noise = torch.randn(n, generator=torch_generator(0, "weights"), dtype=torch.float64)
    log_z, error, effective = independent(sigma * noise + offset)
    exact_error = math.sqrt(math.expm1(sigma**2) / n)
    assert abs(log_z - offset - sigma**2 / 2) < 4 * exact_error
    assert error == pytest.approx(exact_error, rel=0.1)
    assert effective == pytest.approx(n * math.exp(-(sigma**2)), rel=0.1)


def test_the_error_is_the_standard_deviation_over_repetitions():
    noise = torch.randn(400, 500, generator=torch_generator(1, "weights"), dtype=torch.float64)
    log_z, errors, _ = torch.tensor([independent(row) for row in 0.8 * noise]).T
    assert float(errors.square().mean().sqrt()) == pytest.approx(float(log_z.std()), rel=0.15)
    # The mean of log Z is too small by about half the square of its error.
    bias = float(log_z.mean()) - 0.32
    assert -bias == pytest.approx(float(log_z.var()) / 2, abs=3 * float(log_z.std()) / 20)


def test_weights_of_zero_count():
    some = torch.tensor([0.0, -math.inf, 0.0, -math.inf])
    # sd(0, 1, 0, 1) / (1/2 * 2)
    expected = pytest.approx((math.log(0.5), math.sqrt(1 / 3), 2))
    assert independent(some) == expected

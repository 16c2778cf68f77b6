"""R-hat and effective sample sizes against formulas and known processes."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm, rankdata

from designlib.randomness import torch_generator
from designlib.sampling.diagnostics import effective_sample_size, r_hat
from designlib.types import InputError


def autoregressive(rho, chains, draws, seed=0):
    """Return x_t = rho x_(t-1) + noise, stationary with variance 1."""
    generator = torch_generator(seed, "ar")
    noise = torch.randn(draws, chains, generator=generator, dtype=torch.float64)
    path = [noise[0]]
    for shock in noise[1:]:
        path.append(rho * path[-1] + math.sqrt(1 - rho**2) * shock)
    return torch.stack(path, 1)


def slow_r_hat(draws):
    """Follow the article word by word."""
    half = draws.shape[1] // 2
    halves = np.concatenate([draws[:, :half], draws[:, -half:]])

    def classic(values):
        ranks = rankdata(values).reshape(values.shape)
        z = norm.ppf((ranks - 3 / 8) / (values.size + 1 / 4))
        between = half * z.mean(1).var(ddof=1)
        within = z.var(1, ddof=1).mean()
        return math.sqrt(((half - 1) / half * within + between / half) / within)

    return max(classic(halves), classic(np.abs(halves - np.median(halves))))


@pytest.mark.parametrize("length", [4, 5, 101, 1000])
def test_r_hat_is_the_one_of_the_article(length):
    draws = autoregressive(0.5, 4, length) + torch.tensor([0.0, 0.1, 0.0, 0.5])[:, None]
    assert float(r_hat(draws)) == pytest.approx(slow_r_hat(draws.numpy()))


def test_r_hat_tells_agreement_from_disagreement():
    same = autoregressive(0.3, 4, 2000)
    apart = same + torch.tensor([0.0, 0.0, 0.0, 1.0])[:, None]
    wider = same * torch.tensor([1.0, 1.0, 1.0, 3.0])[:, None]
    drift = same + torch.linspace(0, 2, 2000)
    values = r_hat(torch.stack([same, apart, wider, drift], 2))
    assert values[0] < 1.01
    assert (values[1:] > 1.05).all()


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_sample_size_of_an_autoregressive_process(rho):
    draws = autoregressive(rho, 8, 8000)
    exact = draws.numel() * (1 - rho) / (1 + rho)
    bulk, tail = effective_sample_size(draws)
    assert bulk.dtype == tail.dtype == torch.float64
    assert float(bulk) == pytest.approx(exact, rel=0.1)
    # An indicator's autocorrelation is below that of the process, so tails do a little better.
    assert 0.9 * exact < float(tail) < (1.05 if rho == 0 else 2.5) * exact


def test_alternating_draws_are_worth_more_than_independent_ones():
    assert effective_sample_size(autoregressive(-0.5, 4, 4000)).bulk > 2 * 16_000


def test_tails_may_mix_worse_than_the_centre():
    """Independent draws, but those of the lowest twentieth come twenty at a time."""
    generator = torch_generator(0, "tails")
    sticky = (torch.rand(4, 400, generator=generator) < 0.05).repeat_interleave(20, 1)
    uniform = torch.rand(4, 8000, generator=generator, dtype=torch.float64)
    bulk, tail = effective_sample_size(torch.where(sticky, uniform - 2, uniform))
    assert float(tail) == pytest.approx(32_000 / 20, rel=0.3)
    assert bulk > 2.5 * tail


def test_every_quantity_is_on_its_own():
    quantities = [autoregressive(rho, 4, 500, seed) for seed, rho in enumerate((0.0, 0.5, 0.9))]
    table = torch.stack(quantities, 2)
    cube = torch.stack([table, table + 3], 3)
    for function in (r_hat, lambda d: effective_sample_size(d).bulk):
        expected = torch.stack([function(quantity) for quantity in quantities])
        torch.testing.assert_close(function(table), expected)
        torch.testing.assert_close(function(cube), torch.stack([expected, expected], 1))


def test_whole_numbers_and_one_chain():
    draws = (autoregressive(0.5, 1, 1000) > 0).long()
    assert 100 < effective_sample_size(draws).bulk < 1000


@pytest.mark.parametrize("values", [[0.0, 1.0], [0.0, 1.0, 2.0, 5.0]])
def test_chains_that_stand_apart(values):
    draws = torch.tensor(values)[:, None].expand(-1, 1000)
    assert r_hat(draws) == math.inf
    # Each chain is worth one draw.
    sizes = torch.stack(effective_sample_size(draws))
    torch.testing.assert_close(
        sizes, torch.full((2,), float(len(values))).double(), rtol=0.01, atol=0
    )


def test_two_values_have_a_finite_r_hat():
    # Their distances from the median 1/2 are all the same; only the draws themselves count.
    draws = torch.tensor([[0.0, 1.0] * 50, [1.0, 0.0] * 50])
    assert float(r_hat(draws)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("function", [r_hat, effective_sample_size])
def test_refusals(function):
    good = autoregressive(0.5, 2, 9)
    with pytest.raises(InputError, match=r"2 chains of 3 draws .* at least 4"):
        function(good[:, :3])
    with pytest.raises(InputError, match="0 chains"):
        function(good[:0])
    for bad in (math.nan, math.inf, -math.inf):
        draws = good.clone()
        draws[1, 3] = bad
        with pytest.raises(InputError, match=f"draw 4 of chain 2 is {bad:g}; finite"):
            function(draws)
    with pytest.raises(InputError, match="draws never change from 2;"):
        function(torch.full_like(good, 2.0))
    with pytest.raises(InputError, match="draws of quantity 3 never change from 0;"):
        function(torch.stack([good, good + 1, good * 0], 2))
    middle = torch.zeros(2, 9)
    middle[:, 4] = 1
    with pytest.raises(InputError, match="never change"):
        function(middle)


def test_r_hat_needs_two_chains():
    with pytest.raises(InputError, match=r"1 chains of 100 draws .* at least 2"):
        r_hat(autoregressive(0.5, 1, 100))

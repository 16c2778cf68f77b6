"""Annealed importance sampling: unbiased, each chain on its own."""

import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.drivers import smc
from designlib.sampling.kernels import GibbsWithGradients
from designlib.types import InputError

KERNEL = GibbsWithGradients()


def run(tiny, initial, chains, **settings):
    return list(smc(tiny.ladder, KERNEL, initial, 8, chains, threshold=0.0, **settings))


def test_z_is_unbiased_and_its_error_is_right(tiny):
    n = 12_000
    initial = tiny.space.random(n, torch_generator(0, "starts"))
    ends = run(tiny, initial, range(n))
    for end, rung in zip(ends, tiny.ladder, strict=True):
        exact, log_z = tiny.density(rung.target)
        weights = end.log_weights[0].exp()
        ratio = weights / log_z.exp()
        assert abs(float(ratio.mean()) - 1) < 3 * float(ratio.std()) / n**0.5
        assert end.evidence.log_z == pytest.approx(float(log_z), abs=3 * end.evidence.error)
        codes = (end.designs * 2 ** torch.arange(3)).sum(1)
        seen = torch.zeros(8, dtype=torch.float64).scatter_add(0, codes, weights / weights.sum())
        assert (seen - exact).abs().max() < 0.02
    # One chain: evaluations at the start and on two new rungs, and two steps on each of three.
    assert ends[-1].passes == 3 + 6


def test_chains_are_the_same_in_any_batch(tiny):
    initial = tiny.space.random(30, torch_generator(0, "starts"))
    whole = run(tiny, initial, range(30), warm_up=2)[-1]
    alone = run(tiny, initial[4:5], [4], warm_up=2)[-1]
    assert torch.equal(alone.designs[0], whole.designs[4])
    assert torch.allclose(alone.log_weights[0, 0], whole.log_weights[0, 4], rtol=0, atol=1e-12)
    with pytest.raises(InputError, match="at least 2 weights"):
        _ = alone.evidence

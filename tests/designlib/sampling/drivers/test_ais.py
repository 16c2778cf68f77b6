"""Annealed importance sampling: unbiased, resumable, each chain on its own."""

import pytest
import torch

from designlib.randomness import torch_generator
from designlib.sampling.drivers import ais
from designlib.sampling.kernels import GibbsWithGradients

KERNEL = GibbsWithGradients()


def run(tiny, initial, chains, **settings):
    return list(ais(tiny.ladder, KERNEL, initial, 8, chains, **settings))


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


def test_from_the_first_rung(tiny):
    n = 6000
    probability, first = tiny.density(tiny.ladder[0].target)
    rows = torch.multinomial(probability, n, True, generator=torch_generator(1, "exact"))
    end = run(tiny, tiny.designs[rows], range(n), origin="first_rung")[-1]
    _, log_z = tiny.density(tiny.ladder[-1].target)
    assert end.evidence.log_z == pytest.approx(float(log_z - first), abs=3 * end.evidence.error)


def test_it_goes_on_after_any_rung_and_in_any_batch(tiny):
    initial = tiny.space.random(30, torch_generator(0, "starts"))
    whole = run(tiny, initial, range(30), warm_up=2)
    rest = run(tiny, initial, range(30), warm_up=2, after=whole[0])
    assert [end.rung for end in rest] == [1, 2]
    for one, other in zip(rest, whole[1:], strict=True):
        assert torch.equal(one.designs, other.designs)
        assert torch.equal(one.log_weights, other.log_weights)
        assert one.passes == other.passes
    alone = run(tiny, initial[4:5], [4], warm_up=2)[-1]
    assert torch.equal(alone.designs[0], whole[-1].designs[4])
    assert torch.allclose(alone.log_weights[0, 0], whole[-1].log_weights[0, 4], rtol=0, atol=1e-12)

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from designlib import randomness
from designlib.randomness import (
    chain_uniforms,
    derive_seed,
    numpy_generator,
    torch_generator,
    uniform_steps,
)


def test_a_chain_draws_the_same_numbers_in_any_batch():
    together = chain_uniforms(7, 3, range(5, 9), steps=4, draws=2)
    alone = chain_uniforms(7, 3, [7], steps=4, draws=2)
    assert torch.equal(together[:, 2:3], alone)


def test_longer_rungs_start_with_the_numbers_of_shorter_ones():
    assert torch.equal(
        chain_uniforms(1, 0, range(3), 10, 2)[:4], chain_uniforms(1, 0, range(3), 4, 2)
    )


def test_seed_rung_and_chain_all_change_the_draws():
    base = chain_uniforms(0, 0, [0], 8, 2)
    for other in (
        chain_uniforms(1, 0, [0], 8, 2),
        chain_uniforms(0, 1, [0], 8, 2),
        chain_uniforms(0, 0, [1], 8, 2),
    ):
        assert not torch.equal(base, other)


def test_draws_are_uniform_and_uncorrelated_between_chains():
    draws = chain_uniforms(3, 2, range(200), 50, 2)
    assert kstest(draws.flatten().numpy(), "uniform").pvalue > 0.01
    correlation = np.corrcoef(draws[:, :, 0].T.numpy())
    assert np.abs(correlation[np.triu_indices(200, 1)]).mean() < 0.15


def test_purposes_give_different_generators():
    assert derive_seed(0, "a", 1) != derive_seed(0, "a1")
    assert numpy_generator(0, "a").random() != numpy_generator(0, "b").random()
    assert not torch.equal(
        torch.rand(3, generator=torch_generator(0, "a")),
        torch.rand(3, generator=torch_generator(0, "b")),
    )


@pytest.mark.parametrize("draws", [2, 50, 500])
def test_steps_are_the_same_from_any_start_and_drawn_in_small_pieces(draws, monkeypatch):
    asked = []

    def counted(seed, rung, chains, steps, draws, chunk=0):
        asked.append(steps * draws)
        return chain_uniforms(seed, rung, chains, steps, draws, chunk)

    monkeypatch.setattr(randomness, "chain_uniforms", counted)
    whole = list(uniform_steps(3, 1, range(4), 300, draws))
    assert len(whole) == 300
    assert max(asked) <= max(128, draws)
    assert len(torch.stack(whole).flatten().unique()) == 300 * 4 * draws
    alone = list(uniform_steps(3, 1, [2], 300, draws))
    assert all(torch.equal(a[0], b[2]) for a, b in zip(alone, whole, strict=True))

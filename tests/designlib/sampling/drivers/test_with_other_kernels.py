"""Drivers with kernels that tune themselves, on points and on letters, and with crossover."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from designlib.randomness import torch_generator
from designlib.sampling.drivers import anneal, replica_exchange, smc
from designlib.sampling.kernels import (
    Crossover,
    DiscreteLangevin,
    GibbsWithGradients,
    Mala,
    PathAuxiliary,
    SimplexLangevin,
)
from designlib.sampling.ladders import temperature_ladder
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SimplexSpace

BOX = BoxSpace.cube(2, -1.0, 1.0)
BETA = 20.0
BUMP = Target(lambda x: -((x - 0.7) ** 2).sum(1), BOX, beta=BETA, label="bump", dtype=torch.float64)


def log_z():
    """Return log of the mean of exp(-beta (x - 0.7)^2) over the box, two variables."""
    root = math.sqrt(BETA)
    mass = math.erf(root * 0.3) + math.erf(root * 1.7)
    return 2 * math.log(math.sqrt(math.pi) * mass / (2 * root) / 2)


def last(run):
    *_, end = run
    return end


def test_smc_and_ais_on_points_find_the_volume():
    n = 4000
    ladder = temperature_ladder(BUMP, 0.5, 6, steps=2)
    starts = BOX.random(n, torch_generator(0))
    population = last(smc(ladder, Mala(0.1), starts, 1, range(n), warm_up=3))
    assert float(population.log_z[0]) == pytest.approx(
        log_z(), abs=4 * float(population.log_z_error[0])
    )
    assert float(population.log_z_error[0]) < 0.1
    evidence = last(smc(ladder, Mala(0.1), starts, 1, range(n), threshold=0.0)).evidence
    assert evidence.log_z == pytest.approx(log_z(), abs=4 * evidence.error)
    weighted = (population.weights[0, :, None] * population.designs).sum(0)
    exact = last(smc(ladder, Mala(0.1), starts, 2, range(n))).designs.mean(0)
    assert (weighted - exact).abs().max() < 0.02


def test_replica_exchange_on_points():
    ladder = temperature_ladder(BUMP, 1.0, 3, steps=1)
    starts = BOX.random(800, torch_generator(0))
    end = last(replica_exchange(ladder, Mala(0.1), starts, 1, range(800), sweeps=40, warm_up=20))
    # Draws of the last rung are normal around 0.7 with variance 1 / (2 beta), cut at 1.
    deviation = 1 / math.sqrt(2 * BETA)
    truncated = stats.truncnorm(-1.7 / deviation, 0.3 / deviation, 0.7, deviation)
    exact = float(np.asarray(truncated.mean()))
    assert float(end.designs.mean()) == pytest.approx(exact, abs=0.012)
    assert (end.swap_rates > 0.2).all()


KERNELS = [PathAuxiliary(), DiscreteLangevin(), Crossover(GibbsWithGradients(), 4)]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)
def test_chains_that_tune_are_the_same_in_any_batch(tiny, kernel):
    starts = tiny.space.random(16, torch_generator(0))

    def end(rows):
        return last(anneal(tiny.ladder, kernel, starts[rows], 3, range(16)[rows], warm_up=6))

    whole, part = end(slice(None)), end(slice(4, 8))
    assert torch.equal(part.designs, whole.designs[4:8])
    tuning, alone = (getattr(end.state, "tuning", None) for end in (whole, part))
    if kernel.tunes and tuning and alone:
        assert (tuning.seen == 6).all()
        torch.testing.assert_close(alone.log_size, tuning.log_size[4:8])


def test_compositions_walk_and_stay_compositions():
    space = SimplexSpace(("A", "B", "C", "D"))
    weights = torch.tensor([1.0, -1.0, 2.0, 0.0], dtype=torch.float64)
    target = Target(lambda x: x @ weights, space, beta=30.0, dtype=torch.float64)
    starts = space.random(64, torch_generator(0))
    end = last(
        anneal(temperature_ladder(target, 1.0, 5, 20), SimplexLangevin(), starts, 0, range(64))
    )
    space.check(end.designs)
    assert float(end.designs[:, 2].mean()) > 0.85

"""Sequential Monte Carlo: unbiased, consistent, the same for any batch."""

import pytest
import torch

from designlib.constraints import HammingBall
from designlib.randomness import torch_generator
from designlib.sampling.drivers.smc import smc
from designlib.sampling.kernels import GibbsWithGradients
from designlib.sampling.targets import NonFiniteScoreError
from designlib.types import InputError

KERNEL = GibbsWithGradients()


def uniform(tiny, n, seed=0):
    return tiny.space.random(n, torch_generator(seed, "particles"))


def last(run):
    *_, population = run
    return population


@pytest.mark.parametrize("name", ["ladder", "temperatures"])
def test_z_is_unbiased_with_occasional_resampling(tiny, name):
    ladder, populations, size = getattr(tiny, name), 3000, 8
    n = populations * size
    ends = list(
        smc(ladder, KERNEL, uniform(tiny, n), 5, range(n), populations=populations, threshold=0.6)
    )
    assert [end.rung for end in ends] == [0, 1, 2]
    for end, rung in zip(ends, ladder, strict=True):
        _, log_z = tiny.density(rung.target)
        ratio = (end.log_z - log_z).exp()
        error = ratio.std() / populations**0.5
        assert abs(float(ratio.mean()) - 1) < 3 * float(error)
    resampled = ends[-1].resamplings.double().mean()
    assert 0.1 < float(resampled) < 2.9, "the test needs populations that do and do not resample"


def test_weighted_averages_are_those_of_the_last_rung(tiny):
    n = 8000
    run = list(smc(tiny.ladder, KERNEL, uniform(tiny, n), 2, range(n)))
    end = run[-1]
    exact, log_z = tiny.density(tiny.ladder[-1].target)
    codes = (end.designs * 2 ** torch.arange(3)).sum(1)
    seen = torch.zeros(8, dtype=torch.float64).scatter_add(0, codes, end.weights[0])
    assert (seen - exact).abs().max() < 0.02
    assert abs(float(end.log_z[0] - log_z)) < 4 * float(end.log_z_error[0]) < 0.2
    # Evaluations at the start and on two new rungs, and two steps on each of three.
    assert end.passes == 3 + 6
    cooled = last(smc(tiny.temperatures, KERNEL, uniform(tiny, 4), 2, range(4)))
    assert cooled.passes == 1 + 6


def test_the_estimated_error_is_that_of_repeated_runs(tiny):
    populations, size = 400, 64
    n = populations * size
    end = last(smc(tiny.ladder, KERNEL, uniform(tiny, n), 9, range(n), populations=populations))
    spread = float(end.log_z.std())
    stated = float(end.log_z_error.pow(2).mean().sqrt())
    assert 0.6 < stated / spread < 1.6


def test_a_constraint_is_kept_and_z_is_over_the_feasible(tiny):
    ball = HammingBall(tiny.space, "010", 1)
    ladder = [tiny.rung(1, 0.8, constraint=ball), tiny.rung(2, 1.5, constraint=ball)]
    feasible = tiny.designs[ball.satisfied(tiny.designs)]
    populations, size = 2000, 8
    n = populations * size
    rows = torch.randint(len(feasible), (n,), generator=torch_generator(0))
    end = last(smc(ladder, KERNEL, feasible[rows], 5, range(n), populations=populations))
    assert ball.satisfied(end.designs).all()
    _, log_z = tiny.density(ladder[-1].target, feasible)
    ratio = (end.log_z - log_z).exp()
    assert abs(float(ratio.mean()) - 1) < 3 * float(ratio.std()) / populations**0.5


def test_populations_are_the_same_in_any_batch(tiny):
    initial = uniform(tiny, 60)
    together = last(smc(tiny.ladder, KERNEL, initial, 4, range(60), populations=3))
    for number in range(3):
        rows = slice(20 * number, 20 * number + 20)
        alone = last(smc(tiny.ladder, KERNEL, initial[rows], 4, range(60)[rows]))
        assert torch.equal(alone.designs, together.designs[rows])
        assert torch.allclose(alone.log_z[0], together.log_z[number], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"populations": 7}, "20 particles cannot be cut into 7 populations"),
        ({"populations": 20}, "at least two particles"),
        ({"threshold": 1.5}, "from 0 to 1"),
        ({"chains": range(3)}, "20 initial designs but 3 chain numbers"),
        ({"chains": [0] * 20}, "same number"),
        ({"initial": torch.zeros(0, 3, dtype=torch.int64), "chains": []}, "no chains"),
        ({"ladder": []}, "no rung"),
    ],
)
def test_wrong_settings_are_refused(tiny, changes, message):
    settings = {"ladder": tiny.ladder, "initial": uniform(tiny, 20), "chains": range(20)} | changes
    ladder, initial, chains = (settings.pop(name) for name in ("ladder", "initial", "chains"))
    with pytest.raises(InputError, match=message):
        last(smc(ladder, KERNEL, initial, 0, chains, **settings))


def test_a_predictor_that_fails_is_named_with_its_rung(tiny):
    broken = tiny.rung(2, predict=lambda relaxed: relaxed.sum((1, 2)) * torch.nan)
    with pytest.raises(NonFiniteScoreError, match="for chain 0 and 19 more at rung 'rung 2'"):
        last(smc([tiny.ladder[0], broken], KERNEL, uniform(tiny, 20), 0, range(20)))

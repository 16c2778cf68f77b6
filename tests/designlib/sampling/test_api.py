"""The front door: designs from checkpoints in one call."""

import json
import subprocess
import sys

import pytest
import torch
from torch import nn

import designlib
from designlib.constraints import GCWindow, HammingBall, Rejection
from designlib.predictors import evaluate
from designlib.randomness import torch_generator
from designlib.sampling import AIS, SMC, Anneal, ReplicaExchange
from designlib.sampling.kernels import Gibbs, PathAuxiliary
from designlib.spaces import DNA, BoxSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError

SPACE = SequenceSpace(DNA, 5)
DRIVERS = [Anneal(), SMC(), AIS(), ReplicaExchange(sweeps=8, warm_up=2)]


def network(seed, dtype=torch.float64, dropout=0.0):
    generator = torch_generator(seed)
    layers = nn.Sequential(
        nn.Flatten(), nn.Linear(20, 6), nn.Dropout(dropout), nn.Tanh(), nn.Linear(6, 1)
    )
    for parameter in layers.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    return nn.Sequential(layers, nn.Flatten(0)).to(dtype)


CHECKPOINTS = [network(seed) for seed in range(3)]


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: type(driver).__name__)
def test_every_driver_returns_feasible_designs_with_scores_of_the_last_checkpoint(driver):
    balanced = GCWindow(SPACE, 0.2, 0.6)
    result = designlib.sample(CHECKPOINTS, SPACE, balanced, driver=driver, chains=24, steps=3)
    assert balanced.satisfied(result.designs).all()
    assert len(result.decoded) == 24
    assert 0 < result.acceptance <= 1
    fresh = evaluate(CHECKPOINTS[-1], SPACE.relax(result.designs, torch.float64))
    torch.testing.assert_close(result.scores, fresh)
    again = designlib.sample(CHECKPOINTS, SPACE, balanced, driver=driver, chains=24, steps=3)
    assert torch.equal(again.designs, result.designs)
    assert torch.equal(again.scores, result.scores)


def test_drivers_go_by_name():
    result = designlib.sample(CHECKPOINTS, SPACE, driver="smc", chains=16, steps=2)
    other = designlib.sample(CHECKPOINTS, SPACE, driver=SMC(), chains=16, steps=2)
    assert torch.equal(result.designs, other.designs)
    with pytest.raises(InputError, match="driver 'gibbs' is unknown; anneal, smc, exchange, ais"):
        designlib.sample(CHECKPOINTS, SPACE, driver="gibbs")


@pytest.mark.parametrize("driver", [Anneal(), ReplicaExchange(sweeps=6, warm_up=0)])
def test_chains_may_be_divided_into_calls(driver):
    starts = SPACE.random(10, torch_generator(5))

    def run(first, last):
        return designlib.sample(
            CHECKPOINTS,
            SPACE,
            driver=driver,
            starts=starts[first:last],
            first_chain=first,
            steps=4,
        ).designs

    assert torch.equal(torch.cat([run(0, 3), run(3, 10)]), run(0, 10))


def test_exchange_comes_with_diagnostics_of_chains():
    driver = ReplicaExchange(sweeps=60, warm_up=10)
    result = designlib.sample(CHECKPOINTS, SPACE, driver=driver, chains=20, steps=2, sharpness=1.0)
    assert result.trace is not None
    assert result.trace.shape == (20, 50)
    assert 0.9 < result.r_hat < 1.1
    assert result.effective_samples > 20
    assert result.swap_rates is not None
    assert result.swap_rates.shape == (2,)
    assert result.round_trips
    assert result.evidence is None


@pytest.mark.parametrize("driver", ["smc", "ais"])
def test_log_z_is_that_of_all_designs(driver):
    balanced = GCWindow(SPACE, 0.2, 0.6)
    result = designlib.sample(
        CHECKPOINTS[-1:], SPACE, balanced, driver=driver, chains=4000, sharpness=1.0, steps=1
    )
    every = torch.cartesian_prod(*[torch.arange(4)] * 5)
    every = every[balanced.satisfied(every)]
    scores = evaluate(CHECKPOINTS[-1], SPACE.relax(every, torch.float64))
    # The temperature is set by random designs, so by these all up to a few per cent.
    exact = (scores / scores.std()).exp().mean().log()
    assert result.evidence is not None
    assert result.weights is not None
    assert result.evidence.log_z == pytest.approx(float(exact), abs=0.3)
    assert float(result.weights.sum()) == pytest.approx(1)
    with pytest.raises(InputError, match="neither an R-hat"):
        _ = result.r_hat


def test_starts_that_are_not_uniform_give_no_log_z():
    near = HammingBall(SequenceSpace(DNA, 30), "ACGT" * 7 + "AC", 2)
    space = near.space
    result = designlib.sample([lambda x: x[:, :, 0].sum(1)], space, near, driver="smc", chains=8)
    assert result.evidence is None


def test_dropout_is_off_while_sampling_and_on_again_after():
    dropping = [network(1, dropout=0.5), network(2, dropout=0.5)]
    dropping[1].eval()
    result = designlib.sample(dropping, SPACE, chains=4)
    assert [module.training for module in dropping] == [True, False]
    plain = designlib.sample([network(1), network(2)], SPACE, chains=4)
    assert torch.equal(result.scores, plain.scores)


def test_kernel_and_trajectory_are_choices(members):
    result = designlib.sample(
        members[0], members[0].spec.space, kernel=PathAuxiliary(), chains=16, steps=4
    )
    assert result.scores.mean() > 1.0  # standard deviations above the mean


def test_a_function_without_gradient_is_sampled_by_gibbs():
    result = designlib.sample(
        [lambda x: (x[:, :, 0] > 0).sum(1).float()], SPACE, kernel=Gibbs(), chains=8, steps=40
    )
    assert result.scores.mean() > 4


@pytest.mark.parametrize(
    "space",
    [
        SimplexSpace(("Ni", "Fe", "Co"), 20),
        SimplexSpace(("Ni", "Fe", "Co")),
        BoxSpace((0.0, 0.0), (1.0, 1.0)),
    ],
)
def test_continuous_designs_have_kernels_of_their_own(space):
    result = designlib.sample(
        [lambda x: -((x[:, 0] - 0.5) ** 2)], space, sharpness=50.0, chains=32, steps=60
    )
    assert (result.designs[:, 0] - 0.5).abs().mean() < 0.1


def nothing(relaxed):
    return relaxed.flatten(1)[:, 0]


@pytest.mark.parametrize(
    ("checkpoints", "message"),
    [
        ([], "no checkpoints; at least one"),
        ([nothing, lambda x: x.flatten(1)], r"checkpoint 2 returns \(512, 20\)"),
        ([nothing, lambda x: x.sum()], r"checkpoint 2 returns \(\)"),
        ([lambda x: 1.0], "checkpoint 1 returns float"),
        ([nn.Sequential(nn.Flatten(), nn.Linear(7, 1))], r"checkpoint 1 fails on .*\(512, 5, 4\)"),
        ([lambda x: nothing(x) * torch.nan], "'checkpoint 1' scores .* as NaN or infinity"),
        ([nothing, lambda x: x.flatten(1).sum(1)], "last checkpoint scores all .* alike"),
        ([lambda x: (x[:, :, 0] > 0).sum(1).float()], "score has no gradient"),
    ],
)
def test_unusable_checkpoints_are_one_input_error(checkpoints, message):
    with pytest.raises(InputError, match=message):
        designlib.sample(checkpoints, SPACE)


def test_no_feasible_start_is_an_input_error():
    impossible = Rejection(SPACE, lambda letters: letters[:, 0] > 9, "never")
    with pytest.raises(InputError, match="never"):
        designlib.sample(CHECKPOINTS, SPACE, impossible)
    near = HammingBall(SPACE, "ACGTA", 1)
    with pytest.raises(InputError, match="the start of chain 1 is infeasible"):
        designlib.sample(CHECKPOINTS, SPACE, near, starts=SPACE.encode(["ACGTA", "CCCTA"]))
    with pytest.raises(InputError, match="0 chains"):
        designlib.sample(CHECKPOINTS, SPACE, chains=0)


def test_importing_the_library_loads_nothing_until_it_is_used():
    script = """
import json, sys
import designlib
before = "torch" in sys.modules
print(json.dumps([before, callable(designlib.sample), hasattr(designlib, "nothing")]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [False, True, False]

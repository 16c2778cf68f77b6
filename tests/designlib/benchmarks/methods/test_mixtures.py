"""Methods on compositions of a grid: their promises, and what is random about the random ones."""

import pandas as pd
import pytest
import torch
from scipy import stats

from designlib.benchmarks.methods import METHODS, Setting
from designlib.benchmarks.problems.base import Placing, Problem, Solvable, train_trajectory
from designlib.benchmarks.problems.mixtures import MeasuredMixtures
from designlib.constraints import AtMostComponents, feasible_starts
from designlib.randomness import torch_generator
from designlib.sampling.kernels import Crossover, GridTransfer
from designlib.sampling.targets import Target
from designlib.spaces import BoxSpace, SimplexSpace
from designlib.types import InputError

GRID = SimplexSpace(("Fe", "Ni", "Co", "Mn"), grid_steps=10)
CONSTRAINT = AtMostComponents(GRID, 3)
NAMES = [
    name
    for name, (method, *_) in METHODS.items()
    if SimplexSpace in method.spaces and not method.package
]
BEST = torch.tensor([0.6, 0.3, 0.1, 0.0], dtype=torch.float64)
DESIGNS = 32


def score(shares, sharp=4.0):
    return -sharp * (shares.double() - BEST).square().sum(1)


@pytest.fixture(scope="module")
def setting():
    def start(n, generator):
        return feasible_starts(GRID, CONSTRAINT, n, generator)

    checkpoints = [lambda x, s=sharp: score(x, s) for sharp in (0.5, 1.0, 2.0, 4.0)]
    reference = start(256, torch_generator(0, "reference"))
    return Setting(GRID, CONSTRAINT, checkpoints, reference, start, torch.float64)


@pytest.mark.parametrize("name", NAMES)
def test_contract_on_a_grid(name, setting):
    outcome = METHODS[name][0].run(setting, DESIGNS, 60, seed=1)
    assert outcome.designs.shape == (DESIGNS, 4)
    GRID.check(outcome.designs)
    assert CONSTRAINT.satisfied(outcome.designs).all()
    torch.testing.assert_close(outcome.value, setting.score(outcome.designs))
    assert outcome.evaluations <= 60 * DESIGNS
    again = METHODS[name][0].run(setting, DESIGNS, 60, seed=1)
    assert torch.equal(again.designs, outcome.designs)
    usual = setting.score(setting.reference)
    if name != "random":
        assert outcome.evaluations >= 0.3 * 60 * DESIGNS
        assert outcome.value.median() > usual.quantile(0.7)


@pytest.mark.parametrize("name", NAMES)
def test_every_choice_runs_on_a_grid(name, setting):
    for choice in METHODS[name]:
        designs = choice.run(setting, DESIGNS, 36, seed=0).designs
        GRID.check(designs)
        assert CONSTRAINT.satisfied(designs).all()


def test_random_designs_cost_nothing_and_know_nothing(setting):
    outcome = METHODS["random"][0].run(setting, 2000, 10, 0)
    assert outcome.evaluations == 0
    usual = setting.score(setting.start(2000, torch_generator(5)))
    assert stats.ks_2samp(outcome.value.numpy(), usual.numpy()).pvalue > 1e-3  # pyright: ignore[reportAttributeAccessIssue] - its stub says tuple


def test_the_best_are_found_and_differ(setting):
    for name in ("genetic algorithm on compositions", "random search"):
        designs = METHODS[name][0].run(setting, 20, 60, 3).designs
        assert len(designs.unique(dim=0)) == 20
        torch.testing.assert_close(designs[0], BEST)


def test_other_spaces_are_refused():
    box = BoxSpace.cube(2, 0.0, 1.0)
    points = Setting(box, None, [lambda x: x.sum(1)], box.random(8, torch_generator(0)), box.random)
    with pytest.raises(InputError, match="works on SimplexSpace, not on"):
        METHODS["genetic algorithm on compositions"][0].run(points, 8, 30, 0)
    with pytest.raises(InputError, match="at least 1 evaluations"):
        METHODS["random search"][0].run(points, 8, 0, 0)
    assert sum(method.spaces == (SimplexSpace,) for method, *_ in METHODS.values()) == 3


@pytest.mark.statistical
def test_crossover_on_a_grid_keeps_the_density():
    space = SimplexSpace(("a", "b", "c"), grid_steps=6)
    target = Target(
        lambda x: 3 * torch.sin(4 * x[:, 0]) + x[:, 1], space, beta=1.0, dtype=torch.float64
    )
    rows = [(i, j, 6 - i - j) for i in range(7) for j in range(7 - i)]
    designs = torch.tensor(rows).double() / 6
    density = target.predict(designs).softmax(0)
    n, kernel = 20_000, Crossover(GridTransfer(), 2)
    generator = torch_generator(0, "exact")
    starts = designs[torch.multinomial(density, n, replacement=True, generator=generator)]
    state, crossed = kernel.init(target, starts), 0
    for step in range(4):
        noise = torch.rand(
            (n, kernel.draws_per_step(space)),
            generator=torch_generator(1, "steps", step),
            dtype=torch.float64,
        )
        before = kernel.kernel.step(target, state, noise[:, :2])[0].designs
        state, _ = kernel.step(target, state, noise)
        crossed += int((state.designs != before).any(1).sum())
        space.check(state.designs)
    assert crossed > 100, "no crossover was accepted: the check says nothing"
    place = (state.designs[:, None] == designs[None]).all(2).long().argmax(1)
    counts = torch.bincount(place, minlength=len(designs))
    assert stats.chisquare(counts.numpy(), (n * density).numpy()).pvalue > 1e-3


def problem(**others):
    designs = GRID.random(400, torch_generator(0)).unique(dim=0)
    values = pd.Series((-score(designs) + 0.05).numpy(), index=GRID.decode(designs))
    settings = {"truth": "nearest", "maximise": False, "logarithm": True, "share": 0.5, **others}
    return MeasuredMixtures("alloys", values, GRID, **settings)


def test_the_problem_joins_the_contract_and_tells_logarithms():
    alloys = problem(most_components=3)
    assert isinstance(alloys, Problem)
    assert isinstance(alloys, Placing)
    assert isinstance(alloys, Solvable)
    designs, values = alloys.training_data(0)
    assert len(designs) == round(0.5 * len(alloys.values))
    assert not torch.equal(designs, alloys.training_data(1)[0])
    known = pd.Series(alloys.values)[GRID.decode(designs)].to_numpy()
    torch.testing.assert_close(values, -torch.tensor(known).log())
    few = AtMostComponents(GRID, 3).satisfied(designs)
    torch.testing.assert_close(alloys.oracle(designs)[few], values[few])
    assert alloys.oracle(designs)[~few].isinf().all()
    best = GRID.encode([str(alloys.values.idxmin())])
    assert alloys.percentiles(best)[0] == 100
    assert float(alloys.oracle(best)[0]) == pytest.approx(alloys.optimum)
    assert alloys.success(best).all()
    checkpoints = train_trajectory(alloys, 0, 4)
    predicted = checkpoints[-1](GRID.relax(designs))
    assert float(torch.corrcoef(torch.stack([predicted.double(), values]))[0, 1]) > 0.9


def test_a_table_answers_only_for_what_it_holds():
    alloys = problem(truth="table", logarithm=False)
    known = set(alloys.values.index)
    designs = GRID.random(400, torch_generator(7))
    held = torch.tensor([text in known for text in GRID.decode(designs)])
    assert held.any()
    assert not held.all()
    assert torch.equal(alloys.oracle(designs).isfinite(), held)
    with pytest.raises(InputError, match="a share above 0 to 1"):
        problem(share=0.0)

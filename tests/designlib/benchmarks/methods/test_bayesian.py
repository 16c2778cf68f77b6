"""BoTorch: its promises on boxes, compositions and grids, and what it does without its package."""

import sys
from dataclasses import replace

import pytest
import torch

from designlib.benchmarks.methods import METHODS, BoTorch, Setting
from designlib.constraints import AtMostComponents, feasible_starts
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace, SimplexSpace
from designlib.types import InputError

pytestmark = pytest.mark.filterwarnings("ignore")  # of packages that are not ours
BEST = torch.tensor([0.6, 0.3, 0.1, 0.0], dtype=torch.float64)
SPACES = {
    "box": (BoxSpace.cube(4, -1.0, 1.0), None),
    "shares": (shares := SimplexSpace(("Fe", "Ni", "Co", "Mn")), AtMostComponents(shares, 3)),
    "grid": (grid := SimplexSpace(("Fe", "Ni", "Co", "Mn"), 10), AtMostComponents(grid, 3)),
}
DESIGNS = 12


def value(points):
    return -(points.double() - BEST).square().sum(1)


@pytest.fixture(scope="module", params=SPACES)
def setting(request):
    space, constraint = SPACES[request.param]

    def start(n, generator):
        if constraint is None:
            return space.random(n, generator)
        return feasible_starts(space, constraint, n, generator)

    def measured():
        designs = start(60, torch_generator(3, "measured"))
        return designs, value(designs)

    reference = start(64, torch_generator(0))
    return Setting(space, constraint, [value], reference, start, torch.float64, measured=measured)


@pytest.fixture
def botorch():
    pytest.importorskip("botorch", reason="the extra botorch is not installed")


def test_proposals_are_feasible_repeatable_and_better_than_what_was_measured(setting, botorch):
    method = BoTorch(rows=40)
    before = torch.random.get_rng_state()
    outcome = method.run(setting, DESIGNS, 60, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert outcome.designs.shape == (DESIGNS, 4)
    setting.space.check(outcome.designs)
    if setting.constraint is not None:
        assert setting.constraint.satisfied(outcome.designs).all()
    torch.testing.assert_close(outcome.value, setting.score(outcome.designs))
    assert 0.9 * 60 * DESIGNS <= outcome.evaluations <= 60 * DESIGNS
    assert torch.equal(method.run(setting, DESIGNS, 60, seed=1).designs, outcome.designs)
    one, other = (BoTorch(rows=6).run(setting, DESIGNS, 12, seed).designs for seed in (1, 2))
    assert not torch.equal(one, other)
    assert float(value(outcome.designs).median()) > float(setting.measured()[1].quantile(0.95))


@pytest.mark.parametrize("choice", METHODS["BoTorch"], ids=str)
def test_every_choice_learns_from_as_many_rows_as_it_says(choice):
    values = torch.arange(50.0).double()
    kept = replace(choice, rows=20)._kept(values, torch_generator(0))
    assert len(kept.unique()) == 20
    best = round(20 * choice.best_share)
    assert set(range(50 - best, 50)) <= set(kept.tolist())
    if choice.best_share == 0.0:
        assert kept.min() < 25
    assert sorted(replace(choice, rows=99)._kept(values, torch_generator(0)).tolist()) == list(
        range(50)
    )


@pytest.mark.parametrize("setting", ["box", "shares"], indirect=True)
def test_the_climb_uses_its_budget(setting, botorch):
    few, many = (BoTorch().run(setting, DESIGNS, budget, seed=1) for budget in (8, 120))
    assert few.evaluations <= 8 * DESIGNS < many.evaluations
    assert float(value(many.designs).mean()) > float(value(few.designs).mean())


def test_what_cannot_be_run_is_refused(setting, botorch):
    with pytest.raises(InputError, match="measured designs with their values"):
        BoTorch().run(replace(setting, measured=None), DESIGNS, 60, 0)
    with pytest.raises(InputError, match="works on BoxSpace, SimplexSpace, not on"):
        BoTorch().run(replace(setting, space=SequenceSpace(DNA, 4)), DESIGNS, 60, 0)
    with pytest.raises(InputError, match="at least 8 evaluations"):
        BoTorch().run(setting, DESIGNS, 7, 0)


def test_without_the_package_the_extra_is_named(setting, monkeypatch):
    monkeypatch.setitem(sys.modules, "botorch", None)
    assert not BoTorch().installed
    with pytest.raises(InputError, match=r"not installed; pip install 'trajectory-design\[botorch"):
        BoTorch().run(setting, DESIGNS, 60, 0)

"""What every method promises: its number of designs, its budget, feasibility, its seed."""

from dataclasses import replace

import pytest
import torch

from designlib.benchmarks.methods import METHODS, AdaLead, Setting, checkpoint_ablations
from designlib.config.constraints import ConstraintConfig
from designlib.constraints import build, feasible_starts
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError
from tests.designlib.conftest import SPACE

NAMES = [
    name
    for name, (method, *_) in METHODS.items()
    if SequenceSpace in method.spaces and not method.package
]
CONSTRAINT = build(ConstraintConfig(max_homopolymer=2, forbidden_motifs=("AAC",)), SPACE)
DESIGNS = 64


@pytest.fixture(scope="module")
def setting(members):
    return Setting(
        space=SPACE,
        constraint=CONSTRAINT,
        checkpoints=[members[0].network(index) for index in range(len(members[0].states))],
        reference=feasible_starts(SPACE, CONSTRAINT, 256, torch_generator(0, "reference")),
        start=lambda n, generator: feasible_starts(SPACE, CONSTRAINT, n, generator),
    )


@pytest.mark.parametrize("name", NAMES)
def test_contract(name, setting):
    method = METHODS[name][0]
    budget = 120
    outcome = method.run(setting, DESIGNS, budget, seed=1)
    assert outcome.designs.shape == (DESIGNS, 6)
    assert CONSTRAINT.satisfied(outcome.designs).all()
    torch.testing.assert_close(outcome.value, setting.score(outcome.designs))
    assert 0.3 * budget * DESIGNS <= outcome.evaluations <= budget * DESIGNS
    again = method.run(setting, DESIGNS, budget, seed=1)
    assert torch.equal(again.designs, outcome.designs)
    one, other = (method.run(setting, DESIGNS, 36, seed=seed) for seed in (1, 2))
    assert not torch.equal(other.designs, one.designs)
    usual = setting.score(setting.reference)
    assert outcome.value.median() > usual.quantile(0.9)


@pytest.mark.parametrize("name", NAMES)
def test_choices_have_one_name_and_all_run(name, setting):
    choices = METHODS[name]
    assert len(set(choices)) == len(choices) >= 3
    assert {choice.name for choice in choices} == {name}
    for choice in choices:
        outcome = choice.run(setting, DESIGNS, 60, seed=0)
        assert outcome.evaluations <= 60 * DESIGNS


def test_ablations_differ_in_checkpoints_only(setting):
    ablations = checkpoint_ablations()
    steps = range(len(setting.checkpoints))
    for ablation in ablations.values():
        outcome = ablation.run(replace(setting, steps=steps), DESIGNS, 60, seed=0)
        assert outcome.evaluations <= 60 * DESIGNS
        assert CONSTRAINT.satisfied(outcome.designs).all()
    assert len(set(ablations.values())) == len(ablations)


def test_methods_are_complete():
    assert (len(METHODS), len(NAMES)) == (22, 17)


@pytest.mark.parametrize("budget", [0, 2])
def test_a_budget_that_is_too_small_is_refused(setting, budget):
    with pytest.raises(InputError, match="evaluations a design"):
        METHODS["trajectory annealing"][0].run(setting, 8, budget, 0)


def test_evolution_is_for_sequences():
    box = BoxSpace.cube(2, 0.0, 1.0)
    points = Setting(box, None, [lambda x: x.sum(1)], box.random(8, torch_generator(0)), box.random)
    with pytest.raises(InputError, match="works on SequenceSpace, not on"):
        AdaLead().run(points, 8, 30, 0)
    for name in ("gradient chain", "temperature annealing", "SMC over temperature"):
        outcome = METHODS[name][0].run(points, 32, 90, 0)
        assert outcome.value.median() > 1.2

import pytest
import torch

from designlib.predictors.networks import evaluate
from designlib.randomness import torch_generator
from designlib.sampling.ladders import build_ladder, elite_entry_rung, plan_trajectory
from designlib.types import InputError
from tests.designlib.conftest import SPACE, train_small


@pytest.fixture(scope="module")
def reference():
    return SPACE.random(256, torch_generator(0, "reference"))


def plan(members, reference, **changes):
    settings = {"sharpness": 5.0, "steps_per_rung": 3, "final_steps": 2} | changes
    return plan_trajectory(members, reference, **settings)


def test_every_rung_is_equally_sharp_over_the_reference(members, reference):
    ladder = build_ladder(members, plan(members, reference), None)
    for rung in ladder:
        scores = evaluate(rung.target.predict, SPACE.relax(reference))
        assert rung.target.beta * float(scores.double().std()) == pytest.approx(5.0, rel=1e-4)


def test_there_is_a_rung_per_checkpoint_and_the_last_has_more_steps(members, reference):
    rungs = plan(members, reference)
    assert [rung.training_step for rung in rungs] == list(members[0].steps)
    assert [rung.steps for rung in rungs] == [3] * (len(rungs) - 1) + [5]


def test_a_checkpoint_that_orders_nothing_is_left_out(members, reference):
    flat = {name: torch.zeros_like(v) for name, v in members[0].states[0].parameters.items()}
    states = (members[0].states[0]._replace(parameters=flat), *members[0].states[1:])
    trajectory = type(members[0])(members[0].spec, states)
    rungs = plan([trajectory], reference)
    assert [rung.checkpoint for rung in rungs] == list(range(1, len(states)))
    with pytest.raises(InputError, match="no checkpoint scores"):
        plan([type(members[0])(members[0].spec, states[:1])], reference)


def test_members_of_different_schedules_are_refused(members, reference):
    with pytest.raises(InputError, match="member 2 has checkpoints at"):
        plan([members[0], train_small(3, steps=40)], reference)


@pytest.mark.parametrize("wrong", [{"sharpness": 0.0}, {"steps_per_rung": 0}, {"final_steps": -1}])
def test_settings_out_of_range_are_refused(members, reference, wrong):
    with pytest.raises(InputError, match="a ladder needs"):
        plan(members, reference, **wrong)


def test_elites_enter_where_the_predictor_knows_them(members, reference):
    ladder = build_ladder(members, plan(members, reference), None)
    good = SPACE.encode(["AAAAAA", "AAAAAC", "CAAAAA"])
    entry = elite_entry_rung(ladder, good, reference)
    last = ladder[-1].target
    assert float(evaluate(last.predict, SPACE.relax(good)).median()) > 0
    assert 0 < entry < len(ladder) - 1
    poor = SPACE.encode(["TTTTTT"])
    assert elite_entry_rung(ladder, poor, reference) == len(ladder) - 1

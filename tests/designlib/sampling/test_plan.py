"""Plans of sampling runs: ladders, starts and entry rung, written and read."""

import pytest
import torch
from pydantic import ValidationError

from designlib.config.constraints import ConstraintConfig, GCConfig
from designlib.config.sampling import SamplingConfig
from designlib.constraints.config import build
from designlib.sampling.ladders import elite_entry_rung, mean_score
from designlib.sampling.plan import (
    SamplingPlan,
    build_ladders,
    choose_starts,
    plan_sampling,
    reference_designs,
)
from tests.designlib.conftest import SPACE

CONFIG = SamplingConfig(chains=300, elite_share=0.4, steps_per_rung=2, final_steps=2)
CONSTRAINT = build(ConstraintConfig(gc=GCConfig(low=0.3, high=0.7)), SPACE)
MEASURED = SPACE.encode(["AAAAAA", "AAACCC", "AACACC", "CAGATA"])
"""The first one breaks the constraint."""


def inverted(members, index, device):
    """Score designs by the opposite of the members' mean."""
    score = mean_score(members, index, device)
    return lambda designs: -2.0 * score(designs)


@pytest.fixture(scope="module")
def planned(members):
    return plan_sampling(
        members, [mean_score, inverted], SPACE, CONSTRAINT, MEASURED, CONFIG, seed=0
    )


def test_a_plan_has_a_ladder_for_each_score_with_the_same_checkpoints(planned):
    plan, _ = planned
    first, second = plan.ladders
    assert plan.rungs == first
    assert plan.kind == "trajectory"
    assert [rung.checkpoint for rung in first] == [rung.checkpoint for rung in second]
    for one, other in zip(first, second, strict=True):
        assert other.sigma == pytest.approx(2.0 * one.sigma, rel=1e-5)
        assert other.beta * other.sigma == pytest.approx(one.beta * one.sigma, rel=1e-5)


def test_a_plan_comes_back_from_json_and_cannot_be_changed(planned):
    plan, _ = planned
    assert SamplingPlan.model_validate_json(plan.model_dump_json()) == plan
    with pytest.raises(ValidationError, match="frozen"):
        plan.elite_entry_rung = 1


def test_elites_of_a_plan_are_the_best_feasible_measured_designs(planned):
    _, starts = planned
    assert int(starts.elite.sum()) == 120
    chosen = set(SPACE.decode(starts.designs[starts.elite]))
    assert chosen == {"AAACCC", "AACACC", "CAGATA"}


def test_elites_enter_where_they_stand_out_by_every_score(members, planned):
    plan, _ = planned
    ladders = build_ladders(plan, members, [mean_score, inverted], CONSTRAINT)
    elites = MEASURED[CONSTRAINT.satisfied(MEASURED)]
    reference = reference_designs(SPACE, CONSTRAINT, 0, elites)
    entries = [elite_entry_rung(ladder, elites, reference) for ladder in ladders]
    # Good designs never stand out by the opposite score: the last rung.
    assert entries[1] == len(plan.rungs) - 1
    assert plan.elite_entry_rung == max(entries)


def test_a_plan_without_feasible_measured_designs_starts_all_chains_at_random(members):
    plan, starts = plan_sampling(
        members, [mean_score], SPACE, CONSTRAINT, MEASURED[:1], CONFIG, seed=0
    )
    assert plan.elite_entry_rung == 0
    assert not bool(starts.elite.any())


def test_ladders_of_another_number_of_scores_are_refused(members, planned):
    with pytest.raises(ValueError, match="zip"):
        build_ladders(planned[0], members, [mean_score], CONSTRAINT)


# ---- starts


def test_random_starts_come_first_and_elites_are_used_again():
    elites = MEASURED[1:]
    starts = choose_starts(SPACE, CONSTRAINT, CONFIG, elites, 0)
    assert starts.elite.tolist() == [False] * 180 + [True] * 120
    assert bool(CONSTRAINT.satisfied(starts.designs).all())
    assert torch.equal(starts.designs[180:183], elites)
    assert torch.equal(starts.designs[183:186], elites)


def test_without_elites_every_start_is_random():
    starts = choose_starts(SPACE, None, CONFIG, MEASURED[:0], 0)
    assert not bool(starts.elite.any())
    assert len(starts.designs) == 300


def test_all_chains_may_start_at_elites():
    config = CONFIG.model_copy(update={"elite_share": 1.0})
    starts = choose_starts(SPACE, CONSTRAINT, config, MEASURED[1:], 0)
    assert bool(starts.elite.all())
    assert torch.equal(starts.designs[:3], MEASURED[1:])

"""Combinations of several objectives against numbers worked out by hand."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from designlib.config.objectives import (
    LimitsConfig,
    ObjectivesConfig,
    ObjectiveSettings,
    ParetoConfig,
    SpecificityConfig,
    WeightedConfig,
)
from designlib.sampling.ladders.combined import Combined
from designlib.sampling.objectives import Scale, StandardizedScores, combined

READ = TypeAdapter(ObjectivesConfig).validate_python
SCORES = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]], dtype=torch.float64)
SCALES = [Scale(10.0, 2.0), Scale(5.0, -1.0)]  # of the second, small values are wanted
IDEAL = torch.tensor([1.0, 1.0])


def combination(goals: ObjectiveSettings, walk: int = 0) -> list[float]:
    return combined(goals, StandardizedScores(SCORES, SCALES, IDEAL, walk)).tolist()


def test_a_weighted_sum_is_a_weighted_mean_of_standardised_scores() -> None:
    goals = READ({"weighted": [{"column": "b", "direction": "minimise", "weight": 1 / 3}]})
    assert isinstance(goals, WeightedConfig)
    assert goals.further(True) == (("b", False),)
    assert combination(goals) == pytest.approx([0.75, 0.25, 1.25])


def test_a_limit_counts_only_where_it_is_missed() -> None:
    goals = READ({"limits": [{"column": "b", "high": 5.0}]})
    assert isinstance(goals, LimitsConfig)
    # Values of b are 5, 4 and 6: the third misses the limit by one standard deviation.
    assert combination(goals) == pytest.approx([1.0, 0.0, -1.0])
    verdicts = goals.verdicts({"b": np.array([5.0, 4.0, 6.0])})
    assert verdicts == ["ok", "ok", "b is 6, at most 5 wanted"]


def test_a_limit_is_learned_on_the_scale_of_its_predictor() -> None:
    goals = LimitsConfig.model_validate({"limits": [{"column": "b", "low": math.e}]})
    scales = [SCALES[0], Scale(0.0, 1.0, math.log)]
    assert combined(goals, StandardizedScores(SCORES, scales, IDEAL)).tolist() == pytest.approx(
        [-2.0, 0.0, -4.0]
    )


def test_specificity_is_on_target_less_the_worst_off_target() -> None:
    goals = READ({"off_targets": ["b", "c"]})
    assert isinstance(goals, SpecificityConfig)
    scores = torch.cat([SCORES, torch.tensor([[0.0, 0.0, 9.0]])])
    scales = [*SCALES, Scale(1.0, 1.0)]
    # On-target 12, 10, 14; off-targets 5, 4, 6 and 1, 1, 10; by 2, the first one's scale.
    assert combined(
        goals, StandardizedScores(scores, scales, torch.ones(3))
    ).tolist() == pytest.approx([3.5, 3, 2])
    assert goals.further(True) == (("b", False), ("c", False))


def test_where_small_values_are_wanted_the_worst_off_target_is_the_smallest() -> None:
    goals = SpecificityConfig(off_targets=("b",))
    assert goals.further(False) == (("b", True),)
    scales = [Scale(10.0, -2.0), Scale(5.0, 1.0)]
    # On-target 8, 10, 6; off-target 5, 6, 4: on-target should be far below.
    assert combined(goals, StandardizedScores(SCORES, scales, IDEAL)).tolist() == pytest.approx(
        [-1.5, -2.0, -1.0]
    )


def test_directions_of_a_front_prefer_different_designs() -> None:
    goals = READ({"front": [{"column": "b"}], "directions": 5})
    assert isinstance(goals, ParetoConfig)
    assert goals.walks == 5
    spread = torch.stack([torch.linspace(-1, 1, 21), torch.linspace(1, -1, 21)])
    ideal = torch.ones(2)
    best = {
        int(combined(goals, StandardizedScores(spread, SCALES, ideal, walk)).argmax())
        for walk in range(5)
    }
    assert len(best) == 5
    assert int(combined(goals, StandardizedScores(spread, SCALES, ideal, 0)).argmax()) == 10


@pytest.mark.parametrize("directions", [2, 3, 7, 10])
@pytest.mark.parametrize("further", [1, 2, 3])
def test_a_front_has_as_many_directions_as_asked(directions: int, further: int) -> None:
    columns = [{"column": name} for name in "bcd"[:further]]
    goals = ParetoConfig.model_validate({"front": columns, "directions": directions})
    assert goals.walks == directions


def test_a_better_score_is_never_worse() -> None:
    every: list[dict[str, Any]] = [
        {"weighted": [{"column": "b"}]},
        {"limits": [{"column": "b", "low": 5}]},
        {"off_targets": ["b"]},
        {"front": [{"column": "b"}]},
    ]
    better = SCORES + torch.tensor([[0.3], [0.2]])
    for settings in every:
        goals = READ(settings)
        scales = [SCALES[0], Scale(5.0, -1.0 if "off_targets" in settings else 1.0)]
        for walk in range(goals.walks):
            one, other = (
                combined(goals, StandardizedScores(s, scales, IDEAL, walk))
                for s in (SCORES, better)
            )
            assert bool((other >= one).all()), settings


def test_the_combination_of_predictors_has_a_gradient_by_the_design() -> None:
    goals = READ({"front": [{"column": "b"}]})
    score = Combined(
        [lambda x: x.sum((1, 2)), lambda x: -(x**2).sum((1, 2))], goals, SCALES, IDEAL, 1
    )
    designs = torch.rand(3, 2, 4, requires_grad=True)
    score(designs).sum().backward()
    assert designs.grad is not None
    assert bool((designs.grad != 0).any())


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"off_targets": ["b", "b"]}, "named twice"),
        ({"limits": [{"column": "b"}]}, "low or high"),
        ({"limits": [{"column": "b", "low": 1, "high": 2}]}, "low or high"),
        ({"front": []}, "at least 1"),
        ({"off_targets": ["b", "c", "d", "e"]}, "1 to 3 further"),
    ],
)
def test_what_asks_for_nothing_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        READ(settings)


def test_no_setting_belongs_to_two_tabs() -> None:
    tabs = [WeightedConfig, LimitsConfig, SpecificityConfig, ParetoConfig]
    for one, other in combinations(tabs, 2):
        assert not set(one.model_fields) & set(other.model_fields)

"""Constraints on compositions: against naive readings, as settings, and where they clash."""

import pytest
import torch

from designlib.config.constraints import (
    ComponentRange,
    CompositionConstraints,
    ConstraintConfig,
    ExclusiveComponents,
    GCConfig,
    RatioRange,
)
from designlib.constraints import (
    AtLeastComponents,
    GroupBounds,
    NeverTogether,
    RatioBounds,
    build,
    config,
    feasible_starts,
)
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import SequenceSpace, SimplexSpace
from designlib.types import InputError

SPACE = SimplexSpace(("Fe", "Ni", "Co", "O"), grid_steps=10)
DESIGNS = SPACE.random(800, torch_generator(0))
ALL = CompositionConstraints(
    component_ranges=(
        ComponentRange(components=("O",), low=10, high=70),
        ComponentRange(components=("Fe", "Ni"), low=20, high=60),
    ),
    most_components=3,
    fewest_components=2,
    never_together=(ExclusiveComponents(components=("Fe", "Co")),),
    ratios=(RatioRange(component="Fe", to="Ni", low=0.5, high=2),),
)


def naive(row):
    fe, ni, co, o = (round(10 * share) for share in row)
    present = sum(amount > 0 for amount in (fe, ni, co, o))
    return (
        1 <= o <= 7
        and 2 <= fe + ni <= 6
        and 2 <= present <= 3
        and not (fe and co)
        and ni <= 2 * fe
        and fe <= 2 * ni
    )


def test_settings_mean_what_they_say():
    constraint = build(ALL, SPACE)
    expected = [naive(row) for row in DESIGNS.tolist()]
    assert any(expected)
    assert constraint.satisfied(DESIGNS).tolist() == expected
    assert [not reason for reason in constraint.violations(DESIGNS)] == expected
    assert [conflict == 0 for conflict in constraint.conflicts(DESIGNS).tolist()] == expected
    names = [member.name for member in constraint.members]
    assert len(set(names)) == 6


def test_nothing_asked_for_is_nothing_forbidden():
    assert build(CompositionConstraints(), SPACE).satisfied(DESIGNS).all()
    # The default of the form is that of sequences.
    assert build(ConstraintConfig(), SPACE).members == ()
    assert build(CompositionConstraints(), SequenceSpace(DNA, 4)).members == ()


def test_starts_are_feasible_and_on_the_grid():
    constraint = build(ALL, SPACE)
    starts = feasible_starts(SPACE, constraint, 100, torch_generator(1))
    SPACE.check(starts)
    assert constraint.satisfied(starts).all()
    rare = SimplexSpace(tuple(f"c{index}" for index in range(30)), grid_steps=100)
    few = build(CompositionConstraints(most_components=2), rare)
    found = feasible_starts(rare, few, 50, torch_generator(2))
    rare.check(found)
    assert few.satisfied(found).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"component_ranges": [{"components": ["Cu"]}]}, "component_ranges: .*no component 'Cu'"),
        (
            {
                "component_ranges": [
                    {"components": ["Fe"], "low": 60},
                    {"components": ["Ni"], "low": 50},
                ]
            },
            r"lower limits of Fe, Ni sum to 1\.1",
        ),
        (
            {"component_ranges": [{"components": ["Fe"], "low": 60, "high": 50}]},
            "no value from 0.6",
        ),
        ({"component_ranges": [{"components": ["Fe", "Fe"]}]}, "each once"),
        (
            {"component_ranges": [{"components": ["Fe", "Ni"], "low": 50, "high": 40}]},
            "0 <= low <= high <= 1",
        ),
        ({"most_components": 5}, "at most 5 components"),
        ({"fewest_components": 5}, "at least 5 components"),
        ({"never_together": [{"components": ["Fe", "Fe"]}]}, "the same component"),
        ({"ratios": [{"component": "Fe", "to": "Fe"}]}, "to itself"),
        ({"ratios": [{"component": "Fe", "to": "Ni", "low": 3, "high": 2}]}, "between 3 and 2"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        build(CompositionConstraints.model_validate(settings), SPACE)


def test_constraints_that_contradict_each_other_are_named():
    contrary = CompositionConstraints(most_components=2, fewest_components=3)
    with pytest.raises(InputError, match="components and fewest_components together"):
        feasible_starts(SPACE, build(contrary, SPACE), 1, torch_generator(0))


def test_constraints_of_another_kind_are_refused():
    with pytest.raises(InputError, match=r"those for sequences are given, and .* compositions"):
        build(ConstraintConfig(gc=GCConfig()), SPACE)
    with pytest.raises(InputError, match=r"those for compositions are given, and .* sequences"):
        build(ALL, SequenceSpace(DNA, 4))


def test_conflicts_measure_how_far_it_is():
    designs = torch.tensor([[0.8, 0.1, 0.1, 0.0]], dtype=torch.float64)
    assert float(GroupBounds(SPACE, ["Fe", "Ni"], 0.0, 0.5).conflicts(designs)) == pytest.approx(
        0.4
    )
    assert float(RatioBounds(SPACE, "Fe", "Ni", 0.0, 2.0).conflicts(designs)) == pytest.approx(0.6)
    assert int(AtLeastComponents(SPACE, 4).conflicts(designs)) == 1
    pairs = [("Fe", "Ni"), ("Ni", "Co"), ("Co", "O")]
    assert int(NeverTogether(SPACE, pairs).conflicts(designs)) == 2


def test_designs_stay_near_the_best_measured_that_meet_the_rest(monkeypatch):
    monkeypatch.setattr(config, "_NEAREST", 1)
    measured = SPACE.encode(["Fe=0.5, Co=0.5", "Fe=0.6, Ni=0.4", "Ni=0.5, O=0.5"])
    near = CompositionConstraints.model_validate(
        {
            "never_together": [{"components": ["Fe", "Co"]}],
            "near_measured": 20,
        }
    )
    constraint = build(near, SPACE, measured)
    distance = (DESIGNS - measured[1]).abs().sum(1) / 2
    together = (DESIGNS[:, 0] > 0) & (DESIGNS[:, 2] > 0)
    expected = (distance <= 0.2 + 1e-9) & ~together
    assert 0 < int(expected.sum()) < 100
    assert torch.equal(constraint.satisfied(DESIGNS), expected)
    assert constraint.members[-1].violations(measured[2:]) == [
        "60 % differ from the nearest of 1 measured compositions (at most 20 %)"
    ]
    assert float(constraint.members[-1].conflicts(measured[2:])) == pytest.approx(0.4)
    starts = feasible_starts(SPACE, constraint, 20, torch_generator(3), measured)
    assert constraint.satisfied(starts).all()


def test_without_a_measured_composition_nothing_is_near():
    near = CompositionConstraints(near_measured=10)
    with pytest.raises(InputError, match="near_measured: there is no measured composition"):
        build(near, SPACE)
    contrary = near.model_copy(update={"fewest_components": 4})
    with pytest.raises(InputError, match="no measured composition to stay near"):
        build(contrary, SPACE, SPACE.encode(["Fe=1"]))

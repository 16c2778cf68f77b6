"""Filters: each reason to reject a design, with the number and the limit."""

import numpy as np
import pandas as pd
import pytest

from designlib.config.selection import SelectionConfig
from designlib.selection import filter_designs, rejection_counts
from designlib.selection.acquisition import acquisition
from designlib.types import InputError


def config(**values):
    return SelectionConfig.model_validate({"batch_size": 8} | values)


def scored(**columns):
    n = len(next(iter(columns.values()))) if columns else 1
    usual = {
        "design": ["ACGTAC"] * n,
        "distance_to_measured": [2] * n,
        "nearest_measured": ["AAAAAA"] * n,
        "validation_score": [1.0] * n,
        "predicted_std": [0.1] * n,
    }
    return pd.DataFrame(usual | columns)


def reasons(frame, maximise=True, **values):
    measured = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    found = filter_designs(frame, config(**values), measured_scores=measured, maximise=maximise)
    return found["rejected_because"].tolist()


def test_acquisition_is_pessimistic_in_either_direction():
    mean, std = np.array([1.0, 2.0]), np.array([0.5, 0.0])
    assert acquisition(mean, std, std_weight=2.0, maximise=True).tolist() == [0, 2]
    assert acquisition(mean, std, std_weight=2.0, maximise=False).tolist() == [-2, -2]


def test_a_good_design_is_kept():
    assert reasons(scored(constraint_gc=["ok"])) == [""]


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        (
            {"distance_to_measured": [0]},
            {},
            "too close to a measured design: 0 letters from AAAAAA, at least 1 wanted",
        ),
        (
            {"distance_to_measured": [1]},
            {"min_from_measured": 2},
            "too close to a measured design: 1 letter from AAAAAA, at least 2 wanted",
        ),
        (
            {"distance_to_measured": [5]},
            {"max_from_measured": 4},
            "too far from measured designs: 5 letters from AAAAAA, at most 4 wanted",
        ),
        (
            {"validation_score": [0.4]},
            {},
            "validation model disagrees: it predicts 0.4, at least 0.5 wanted "
            "(quantile 0.5 of measured designs)",
        ),
        (
            {"constraint_gc": ["GC 10 %; 20 % wanted"]},
            {},
            "constraint gc: GC 10 %, 20 % wanted",
        ),
    ],
)
def test_each_reason_says_number_and_limit(columns, values, expected):
    assert reasons(scored(**columns), **values) == [expected]


def test_several_reasons_are_all_told():
    (text,) = reasons(scored(distance_to_measured=[0], validation_score=[-1.0]))
    assert text.count("; ") == 1
    assert text.startswith("too close")
    assert "validation model disagrees" in text


def test_validation_limit_turns_round_when_small_is_good():
    frame = scored(validation_score=[0.4, 0.8])
    kept, rejected = reasons(frame, maximise=False, validation_quantile=0.5)
    assert kept == ""
    assert "it predicts 0.8, at most 0.5 wanted" in rejected


def test_quantile_zero_asks_only_for_the_worst_measured():
    assert reasons(scored(validation_score=[0.0]), validation_quantile=0) == [""]
    assert reasons(scored(validation_score=[-0.01]), validation_quantile=0) != [""]


def test_std_filter_rejects_the_share_asked_for():
    frame = scored(predicted_std=np.linspace(0, 1, 101).tolist())
    assert sum(text != "" for text in reasons(frame, max_std_quantile=0.9)) == 10
    assert not any(reasons(frame, max_std_quantile=1))


def test_filter_works_on_any_index():
    frame = scored(distance_to_measured=[0, 1, 0]).set_axis([7, 7, 3])
    assert [bool(text) for text in reasons(frame)] == [True, False, True]


def test_filter_takes_an_empty_frame():
    assert reasons(scored().head(0)) == []


@pytest.mark.parametrize("column", ["validation_score", "predicted_std"])
def test_filter_refuses_nan_and_names_the_row(column):
    with pytest.raises(InputError, match=f"{column} is NaN in row 2 of 2"):
        reasons(scored(**{column: [0.0, float("nan")]}))


def test_filter_names_missing_columns():
    with pytest.raises(InputError, match="validation_score"):
        reasons(scored().drop(columns="validation_score"))


def test_rejections_are_counted_by_kind():
    frame = scored(distance_to_measured=[0, 0, 2], validation_score=[1.0, -1.0, -1.0])
    frame = frame.assign(rejected_because=reasons(frame))
    assert rejection_counts(frame) == {
        "validation model disagrees": 2,
        "too close to a measured design": 2,
    }

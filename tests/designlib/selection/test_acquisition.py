"""Acquisitions against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from designlib.config.selection import AcquisitionKind
from designlib.selection.acquisition import acquisition, thompson_order
from designlib.types import InputError

MEAN, STD = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 2.0])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("lower_bound", [0.0, 2.0, -1.0]),
        ("mean", [1.0, 2.0, 3.0]),
        ("upper_bound", [2.0, 2.0, 7.0]),
    ],
)
def test_bounds(kind: AcquisitionKind, expected: list[float]) -> None:
    found = acquisition(MEAN, STD, std_weight=2.0, maximise=True, kind=kind)
    assert found.tolist() == expected
    small = acquisition(-MEAN, STD, std_weight=2.0, maximise=False, kind=kind)
    assert small.tolist() == expected


def test_expected_improvement_is_the_mean_of_what_a_draw_is_ahead() -> None:
    draws = np.random.default_rng(0).normal(size=400_000)
    for sign, maximise in ((1, True), (-1, False)):
        found = acquisition(
            sign * MEAN, STD, std_weight=0.0, maximise=maximise,
            kind="expected_improvement", best=sign * 1.5,
        )  # fmt: skip
        ahead = np.maximum(MEAN[:, None] + STD[:, None] * draws - 1.5, 0).mean(1)
        np.testing.assert_allclose(found, ahead, atol=0.01)


@pytest.mark.parametrize("kind", ["expected_improvement", "thompson"])
def test_what_needs_more_says_so(kind: AcquisitionKind) -> None:
    with pytest.raises(InputError, match=kind):
        acquisition(MEAN, STD, std_weight=0.0, maximise=True, kind=kind)


def test_thompson_takes_each_members_best_about_as_often_as_it_is_drawn() -> None:
    members = np.array([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    firsts = [int(thompson_order(members, maximise=True, seed=s).argmax()) for s in range(400)]
    assert set(firsts) == {0, 3}
    assert 150 < firsts.count(0) < 250
    points = thompson_order(members, maximise=True, seed=0)
    assert sorted(points.tolist()) == [1, 2, 3, 4]
    np.testing.assert_array_equal(points, thompson_order(-members, maximise=False, seed=0))


def test_thompson_with_one_member_is_its_ranking() -> None:
    draws = np.random.default_rng(1).normal(size=(1, 50))
    points = thompson_order(draws, maximise=True, seed=5)
    np.testing.assert_array_equal(np.argsort(points), np.argsort(draws[0]))

"""Fronts and hypervolumes against counting on a fine grid and by definition."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from designlib.randomness import numpy_generator
from designlib.selection.pareto import front_order, hypervolume, non_dominated
from designlib.types import InputError


def by_inclusion_exclusion(points: np.ndarray, reference: np.ndarray) -> float:
    """Volume of a union of boxes as the sum over all subsets: another way than slicing."""
    boxes = np.maximum(points - reference, 0.0)
    return sum(
        (-1) ** (size + 1) * sum(boxes[list(rows)].min(0).prod() for rows in group)
        for size in range(1, len(points) + 1)
        for group in [list(combinations(range(len(points)), size))]
    )


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_the_hypervolume_is_that_of_the_union_of_boxes(objectives: int, count: int) -> None:
    generator = numpy_generator(0, "points", objectives, count)
    for _ in range(5):
        points = generator.random((count, objectives)).round(1)
        reference = np.full(objectives, 0.15)
        expected = by_inclusion_exclusion(points, reference)
        assert hypervolume(points, reference) == pytest.approx(expected, abs=1e-12)


def test_points_below_the_reference_count_nothing() -> None:
    points = np.array([[0.5, 2.0], [3.0, 0.5]])
    assert hypervolume(points, np.ones(2)) == 0.0
    assert hypervolume(points[:0], np.ones(2)) == 0.0


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_front_is_what_nothing_dominates(objectives: int) -> None:
    points = numpy_generator(1, "points", objectives).integers(0, 6, (60, objectives)).astype(float)
    expected = [
        not any((other >= point).all() and (other > point).any() for other in points)
        for point in points
    ]
    assert non_dominated(points).tolist() == expected


def test_the_order_begins_with_what_adds_most_and_ends_with_what_adds_nothing() -> None:
    known = np.array([[2.0, 2.0]])
    points = np.array([[1.0, 1.0], [3.0, 1.0], [2.5, 2.5], [1.0, 2.8], [0.5, 0.5]])
    order = np.argsort(-front_order(points, known, np.zeros(2)))
    # (2.5, 2.5) adds 2.25, then (3, 1) adds 0.5 and (1, 2.8) adds 0.3; the others nothing.
    assert order.tolist() == [2, 1, 3, 0, 4]


@pytest.mark.parametrize("objectives", [2, 3])
def test_each_next_one_adds_most_hypervolume(objectives: int) -> None:
    generator = numpy_generator(2, "points", objectives)
    points, known = generator.random((25, objectives)), generator.random((3, objectives)) / 2
    reference = np.zeros(objectives)
    order = np.argsort(-front_order(points, known, reference))
    base = known
    for row in order[:6]:
        gains = [hypervolume(np.vstack([base, point]), reference) for point in points]
        best = max(gains)
        if best <= hypervolume(base, reference) + 1e-12:
            break
        assert gains[row] == pytest.approx(best)
        base = np.vstack([base, points[row]])


def test_a_hundred_thousand_points_are_ordered_in_seconds() -> None:
    points = numpy_generator(3, "many").normal(size=(100_000, 2))
    score = front_order(points, points[:50], np.zeros(2))
    assert sorted(score.astype(int).tolist()) == list(range(1, 100_001))
    assert non_dominated(points)[score.argmax()]


def test_nan_is_refused() -> None:
    with pytest.raises(InputError, match="point 2 of 2"):
        hypervolume(np.array([[1.0, 1.0], [np.nan, 1.0]]), np.zeros(2))

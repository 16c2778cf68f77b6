r"""Pareto fronts: which points no other beats, and how much of the space they dominate.

Points are on scales where larger is better in every objective. A point dominates another when it
is at least as good in all and better in one. The hypervolume of a set is the volume that its
points dominate above a reference point (Zitzler and Thiele 1998).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from designlib.types import InputError


def non_dominated(points: Float[np.ndarray, "points objectives"]) -> Bool[np.ndarray, "points"]:
    """Return which points no other point dominates; of equal points all or none.

    >>> non_dominated(np.array([[1.0, 3.0], [2.0, 2.0], [1.0, 2.0]])).tolist()
    [True, True, False]
    """
    _no_nan(points)
    # Best sums first: they dominate most, and what they dominate is not looked at again.
    left = np.argsort(-points.sum(1), kind="stable")
    place = 0
    while place < len(left):
        point = points[left[place]]
        beaten = (points[left] <= point).all(1) & (points[left] < point).any(1)
        left = left[~beaten]
        # Nothing before it is beaten, as what dominates has the larger sum.
        place += 1
    kept = np.zeros(len(points), dtype=bool)
    kept[left] = True
    return kept


def hypervolume(
    points: Float[np.ndarray, "points objectives"], reference: Float[np.ndarray, "objectives"]
) -> float:
    """Return the volume that the points dominate above the reference, exactly.

    By slices: below the largest value of the last objective, each slice between two values has
    the hypervolume of the other objectives of the points that reach it. For two or three
    objectives and some hundred points; the cost grows steeply with more objectives.

    >>> hypervolume(np.array([[1.0, 3.0], [2.0, 2.0]]), np.zeros(2))
    5.0
    """
    _no_nan(points)
    return _volume(points[(points > reference).all(1)] - reference)


def front_order(
    points: Float[np.ndarray, "points objectives"],
    known: Float[np.ndarray, "known objectives"],
    reference: Float[np.ndarray, "objectives"],
) -> Float[np.ndarray, "points"]:
    """Return points for a ranking, the best as many as there are, the last 1.

    First come the points that add most hypervolume to what is known, each counted after those
    before it (greedy, which is within 1 - 1/e of the best set, Nemhauser et al. 1978). The others
    follow front by front as none of them adds anything: those that none of the others dominates,
    then those that none of the rest does (Goldberg 1989), within a front by their sum.
    """
    _no_nan(points)
    order = _greedy(points, _above(known, reference), reference)
    others = np.argsort(-points.sum(1), kind="stable")
    others = others[~np.isin(others, order)]
    # Nobody reads the order of what is far behind.
    left, behind = others[:_LAYERED], others[_LAYERED:]
    while len(left):
        layer = non_dominated(points[left])
        order += left[layer].tolist()
        left = left[~layer]
    order += behind.tolist()
    score = np.empty(len(points))
    score[order] = np.arange(len(points), 0, -1)
    return score


_MOST_TAKEN = 5000
_LAYERED = 5000


def _greedy(
    points: Float[np.ndarray, "points objectives"],
    base: Float[np.ndarray, "base objectives"],
    reference: Float[np.ndarray, "objectives"],
) -> list[int]:
    """Return the rows that add hypervolume, each the one that adds most to those before it.

    What a row adds only ever shrinks, so a row whose old gain is below another's new one need not
    be looked at (Minoux 1978).
    """
    gains = np.full(len(points), -1.0)
    gains[non_dominated(points)] = np.inf
    total, order = hypervolume(base, reference) if len(base) else 0.0, []
    fresh = np.zeros(len(points), dtype=bool)
    while len(order) < _MOST_TAKEN:
        row = int(gains.argmax())
        if gains[row] <= 0:
            break
        if not fresh[row]:
            gains[row] = hypervolume(np.vstack([base, points[row]]), reference) - total
            fresh[row] = True
            continue
        order.append(row)
        total += gains[row]
        base = _above(np.vstack([base, points[row]]), reference)
        gains[row] = -1.0
        fresh[:] = False
    return order


def _above(
    points: Float[np.ndarray, "points objectives"], reference: Float[np.ndarray, "objectives"]
) -> Float[np.ndarray, "front objectives"]:
    """Return the front of the points above the reference, each once."""
    above = np.unique(points[(points > reference).all(1)], axis=0)
    return above[non_dominated(above)] if len(above) else above


def _volume(points: Float[np.ndarray, "points objectives"]) -> float:
    """Return the hypervolume above the origin of points that are positive throughout."""
    if len(points) == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    ordered = points[np.argsort(-points[:, -1], kind="stable")]
    if points.shape[1] == 2:
        width = np.maximum.accumulate(ordered[:, 0])
        below = np.append(ordered[1:, 1], 0.0)
        return float((width * (ordered[:, 1] - below)).sum())
    heights = np.append(ordered[:, -1], 0.0)
    return sum(
        _volume(ordered[: n + 1, :-1]) * float(heights[n] - heights[n + 1])
        for n in range(len(ordered))
        if heights[n] > heights[n + 1]
    )


def _no_nan(points: Float[np.ndarray, "points objectives"]) -> None:
    if np.isnan(points).any():
        row = int(np.isnan(points).any(1).argmax())
        raise InputError(f"objectives of point {row + 1} of {len(points)} are NaN")

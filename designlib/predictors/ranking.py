"""How well scores rank designs whose true values are known: NDCG and enrichment."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from designlib.types import InputError


def ndcg(
    values: Float[np.ndarray, "designs"], scores: Float[np.ndarray, "designs"], top: int
) -> float:
    r"""Return the normalised discounted cumulative gain of the ``top`` designs by score.

    .. math:: \frac{\sum_{r=1}^{k} v_{(r)} / \log_2(1 + r)}{\sum_{r=1}^{k} v^*_{(r)} / \log_2(1+r)}

    with v_(r) the true value at rank r by score and v* the values in descending order; 1 is a
    perfect ranking (Jaervelin and Kekaelaeinen 2002, with the value itself as the gain). Designs of
    equal score count with the mean value of all of them.

    Raises InputError for values that are negative, NaN or all 0, and for a ``top`` out of range.
    """
    _check(values, scores)
    if not 1 <= top <= len(values):
        raise InputError(f"the top {top} of {len(values)} designs cannot be judged")
    if not (values >= 0).all() or not values.any():
        raise InputError("NDCG needs values that are not negative, and one above 0")
    # A second of import that only reports need.
    from sklearn.metrics import ndcg_score

    return float(ndcg_score(values[None], scores[None], k=top))


def enrichment(
    values: Float[np.ndarray, "designs"], scores: Float[np.ndarray, "designs"], share: float
) -> float:
    """Return how many times more of the best designs a choice by score has than a random one.

    The best ``share`` of the designs by value and as many by score, at least one, are compared:
    the share of the chosen that are among the best, divided by what a random choice has. Designs
    tied at the edge of the choice count in proportion; ties in value are all among the best.

    Raises InputError for NaN and for a share that is not between 0 and 1.
    """
    _check(values, scores)
    if not 0 < share < 1:
        raise InputError(f"a share of {share:g} is not between 0 and 1")
    top = max(1, math.ceil(share * len(values) - 1e-9))
    best = (values >= np.sort(values)[-top]).astype(float)
    _, group = np.unique(-scores, return_inverse=True)
    size = np.bincount(group)
    by_score = np.repeat(np.bincount(group, weights=best) / size, size)
    return float(by_score[:top].mean() / best.mean())


def _check(values: np.ndarray, scores: np.ndarray) -> None:
    if len(values) == 0 or np.isnan(values).any() or np.isnan(scores).any():
        raise InputError("a ranking needs at least one design, and no value or score that is NaN")

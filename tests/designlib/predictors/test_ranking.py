"""Ranking: scikit-learn's NDCG, and enrichment counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from designlib.predictors.ranking import enrichment, ndcg
from designlib.types import InputError

RNG = np.random.default_rng(5)
VALUES = RNG.exponential(size=80)


@pytest.mark.parametrize("top", [1, 7, 80])
@pytest.mark.parametrize("ties", [False, True])
def test_ndcg_is_that_of_scikit_learn(top: int, ties: bool) -> None:
    scores = VALUES + RNG.normal(size=80)
    if ties:
        scores = scores.round()
    expected = ndcg_score(VALUES[None], scores[None], k=top)
    assert ndcg(VALUES, scores, top) == pytest.approx(expected)


def test_a_perfect_ranking() -> None:
    assert ndcg(VALUES, VALUES * 3 - 1, 10) == pytest.approx(1)
    assert enrichment(VALUES, VALUES, 0.1) == pytest.approx(10)
    assert enrichment(VALUES, -VALUES, 0.1) == 0


def test_enrichment_by_hand() -> None:
    values = np.arange(20.0)
    scores = np.zeros(20)
    scores[[19, 0]] = [2.0, 1.0]
    # The best two are 18 and 19; chosen are 19 and 0: half of what could be, 5 times chance.
    assert enrichment(values, scores, 0.1) == pytest.approx(5)
    # No score at all chooses as chance does.
    assert enrichment(values, np.zeros(20), 0.1) == pytest.approx(1)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="NaN"):
        ndcg(VALUES, np.full(80, np.nan), 5)
    with pytest.raises(InputError, match="top 81"):
        ndcg(VALUES, VALUES, 81)
    with pytest.raises(InputError, match="not negative"):
        ndcg(-VALUES, VALUES, 5)
    with pytest.raises(InputError, match="share"):
        enrichment(VALUES, VALUES, 1.0)
    with pytest.raises(InputError, match="at least one design"):
        enrichment(VALUES[:0], VALUES[:0], 0.1)

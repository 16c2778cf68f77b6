import numpy as np
import pandas as pd
import pytest

from designlib.notation.alphabets import DNA
from designlib.reports.summary import summarise_batch, summarise_predictor, summarise_sampling
from designlib.spaces import SequenceSpace

SPACE = SequenceSpace(DNA, 4)
BEST = pd.DataFrame({"design": ["AAAA", "TTTT", "CCCC"], "true_percentile": [90.0, 90.0, 70.0]})
BATCH = pd.DataFrame(
    {
        "design": ["AAAA", "CCCC", "ACAC"],
        "distance_to_measured": [1, 2, 3],
        "feasible": [True, True, False],
        "predicted_mean": [1.0, 2.0, 4.0],
        "validation_score": [1.0, 1.5, 2.0],
        "cluster": [1, 2, 1],
        "true_percentile": [90.0, 70.0, 99.0],
        "true_value": [0.5, 0.2, 0.9],
    }
)


def test_batch_figures():
    figures = summarise_batch(BATCH, BEST, SPACE, both_strands=True)
    assert figures.candidates == figures.distinct == 3
    assert figures.measured_before == 0
    assert figures.feasible_share == pytest.approx(2 / 3)
    assert figures.novelty == 2.0
    # AAAA-CCCC 4, AAAA-ACAC 2 and CCCC-ACAC 2 letters; the other strand is never closer.
    assert figures.diversity == pytest.approx(8 / 3)
    assert figures.true_percentile is not None
    assert figures.true_percentile.best == 99.0
    assert figures.true_value is not None
    assert figures.true_value.of_best == 0.9
    assert figures.over_prediction == pytest.approx(np.mean([0.5, 1.8, 3.1]))


def test_the_best_by_score_have_their_own_figure():
    figures = summarise_batch(BATCH, BEST, SPACE, both_strands=True)
    assert figures.true_percentile is not None
    assert figures.true_percentile.median_of_best_by_score == 90.0
    assert summarise_batch(BATCH.head(1), BEST, SPACE, both_strands=False).diversity is None


def test_without_an_oracle_nothing_true_is_claimed():
    figures = summarise_batch(
        BATCH, BEST.drop(columns="true_percentile"), SPACE, both_strands=False
    )
    assert figures.judged is None
    assert figures.true_percentile is None
    assert figures.over_prediction is None


def test_an_oracle_that_knows_some_or_none_of_the_batch():
    some = BATCH.assign(true_percentile=[np.nan, 70.0, 99.0], true_value=[np.nan, 0.2, 0.9])
    figures = summarise_batch(some, BEST, SPACE, both_strands=False)
    assert figures.judged == 2
    assert figures.true_percentile is not None
    assert figures.true_percentile.median == 84.5
    none = BATCH.assign(true_percentile=np.nan, true_value=np.nan)
    figures = summarise_batch(none, BEST.assign(true_percentile=np.nan), SPACE, both_strands=False)
    assert figures.judged == 0
    assert figures.true_percentile is None


def test_predictor_figures_are_of_the_test_fold():
    checked = pd.DataFrame(
        {
            "fold": ["test", "test", "test", "validation_model"],
            "value": [1.0, 2.0, 3.0, 99.0],
            "predicted_mean": [1.0, 2.0, 5.0, 0.0],
            "validation_score": [3.0, 2.0, 1.0, 0.0],
        }
    )
    figures = summarise_predictor(checked)
    assert figures.test_designs == 3
    assert figures.ensemble_rmse == pytest.approx(np.sqrt(4 / 3))
    assert figures.ensemble_rank_correlation == pytest.approx(1.0)
    assert figures.validation_model_rank_correlation == pytest.approx(-1.0)


@pytest.mark.parametrize("maximise", [True, False])
def test_the_ranking_of_held_out_designs_has_a_direction(maximise):
    value = np.arange(40.0)
    checked = pd.DataFrame({"fold": "test", "value": value, "validation_score": value})
    good = summarise_predictor(checked.assign(predicted_mean=value), maximise=maximise)
    assert good.ensemble_ndcg == pytest.approx(1.0)
    assert good.ensemble_enrichment == pytest.approx(20.0)
    bad = summarise_predictor(checked.assign(predicted_mean=-value), maximise=maximise)
    assert bad.ensemble_ndcg is not None
    assert bad.ensemble_ndcg < 0.8
    assert bad.ensemble_enrichment == 0.0


def test_few_or_equal_held_out_designs_are_not_ranked():
    few = pd.DataFrame(
        {"fold": "test", "value": [1.0, 2.0], "predicted_mean": [1.0, 2.0], "validation_score": 0.0}
    )
    assert summarise_predictor(few).ensemble_ndcg is None
    equal = pd.DataFrame(
        {"fold": "test", "value": 1.0, "predicted_mean": np.arange(30.0), "validation_score": 0.0}
    )
    assert summarise_predictor(equal).ensemble_ndcg is None


def test_the_cost_of_sampling_counts_steps_and_arrivals_of_every_member():
    snapshots = pd.DataFrame(
        {"start": ["random"] * 3 + ["elite"], "chain": [0, 0, 1, 2], "acceptance": [0.5] * 4}
    )
    figures = summarise_sampling(snapshots, [2, 2, 6], 2, 3, "a search", "temperatures")
    # Two random chains take 10 steps and 3 arrivals, one elite chain 6 steps and 1 arrival.
    assert figures.gradient_evaluations == 3 * (2 * 13 + 7)
    assert figures.chains == {"elite": 1, "random": 2}
    assert figures.mean_acceptance == 0.5
    assert "from flat to sharp" in (figures.ladder or "")

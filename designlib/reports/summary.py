"""The figures of a round: what a reader wants to know of a batch before opening it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from designlib.predictors import enrichment, ndcg, rank_correlation
from designlib.reports.round_figures import (
    BatchFigures,
    ConfidenceFigures,
    PredictorFigures,
    SamplingFigures,
    TruePercentiles,
    TrueValues,
)
from designlib.sampling.ladders import LadderKind
from designlib.selection import LEVEL, Calibration, coverage, intervals
from designlib.spaces import DesignSpace, pairwise_distances

LADDERS: dict[LadderKind, str] = {
    "temperatures": "temperatures of the single predictor, from flat to sharp: without checkpoints "
    "there is no trajectory",
    "distillation": "checkpoints of a short training of the same architecture on the predictions "
    "of the single predictor, which is the last of them: it has no trajectory of its own",
}
"""Ladders other than the training of the predictors, in words."""
EXTRAPOLATED = 0.05
"""Applicability below which a prediction is called an extrapolation."""
_RANKED_FROM = 20
_NDCG_TOP = 100
_BEST_SHARE = 0.05


def summarise_batch(
    batch: pd.DataFrame, best: pd.DataFrame, space: DesignSpace, *, both_strands: bool
) -> BatchFigures:
    """Return the figures of a batch.

    ``best`` are the designs with the highest acquisition among the ones that were not rejected,
    best first, at least as many as the batch has, without regard to diversity or strands; with
    ``true_percentile`` where an oracle knows it.
    """
    letters = space.encode(batch["design"].tolist())
    distances = pairwise_distances(space, letters, both_strands=both_strands)
    among = distances[np.triu_indices(len(distances), 1)]
    figures = BatchFigures(
        candidates=len(batch),
        distinct=int(batch["design"].nunique()),
        measured_before=int((batch["distance_to_measured"] == 0).sum()),
        feasible_share=float(batch["feasible"].mean()),
        predicted_median=float(batch["predicted_mean"].median()),
        validation_median=float(batch["validation_score"].median()),
        diversity=float(among.mean()) if len(among) else None,
        novelty=float(batch["distance_to_measured"].mean()),
        clusters=int(batch["cluster"].nunique()),
    )
    return _with_truth(figures, batch, best) if "true_percentile" in best else figures


def _with_truth(figures: BatchFigures, batch: pd.DataFrame, best: pd.DataFrame) -> BatchFigures:
    """Add the figures of an oracle, which may know some designs or none."""
    known = batch[batch["true_percentile"].notna()]
    if known.empty:
        return replace(figures, judged=0)
    highest = best["true_percentile"].head(len(batch)).dropna()
    percentile = known["true_percentile"]
    return replace(
        figures,
        judged=len(known),
        true_percentile=TruePercentiles(
            median=float(percentile.median()),
            mean=float(percentile.mean()),
            best=float(percentile.max()),
            median_of_best_by_score=float(highest.median()) if len(highest) else None,
        ),
        true_value=TrueValues(
            median=float(known["true_value"].median()),
            of_best=float(known["true_value"].iloc[int(percentile.to_numpy().argmax())]),
        ),
        over_prediction=float((known["predicted_mean"] - known["true_value"]).mean()),
    )


def summarise_predictor(checked: pd.DataFrame, *, maximise: bool = True) -> PredictorFigures:
    """Return how ensemble and validation model do on the test designs, unseen by both.

    With enough of them, and values that differ, also how the ensemble ranks them: NDCG of its first
    100 with the value between the worst and the best as the gain, and how many times more of the
    best 5 % are in its best 5 % than in a random choice.
    """
    test = checked[checked["fold"] == "test"]
    figures = PredictorFigures(
        len(test), *_errors(test, "predicted_mean"), *_errors(test, "validation_score")
    )
    values = test["value"].to_numpy() * (1.0 if maximise else -1.0)
    if len(test) >= _RANKED_FROM and np.ptp(values) > 0:
        scores = test["predicted_mean"].to_numpy() * (1.0 if maximise else -1.0)
        gain = (values - values.min()) / np.ptp(values)
        figures = replace(
            figures,
            ensemble_ndcg=ndcg(gain, scores, min(_NDCG_TOP, len(test))),
            ensemble_enrichment=enrichment(values, scores, _BEST_SHARE),
        )
    return figures


def _errors(test: pd.DataFrame, column: str) -> tuple[float, float]:
    """Return root mean square error and rank correlation of a column of predictions."""
    error = test[column] - test["value"]
    correlation = rank_correlation(test[column].to_numpy(), test["value"].to_numpy())
    return float(np.sqrt((error**2).mean())), correlation


def summarise_sampling(
    snapshots: pd.DataFrame,
    steps: list[int],
    entry_rung: int,
    members: int,
    exactness: str,
    ladder: LadderKind,
) -> SamplingFigures:
    """Return the size and the cost of the sampling.

    ``steps`` are the kernel steps of each rung, and ``exactness`` says what may be concluded from
    the end states.

    A gradient evaluation is one forward and backward pass of one predictor on one design; each
    step takes one per member and so does the arrival on each rung.
    """
    chains = snapshots.groupby("start")["chain"].nunique().to_dict()
    cost = {"random": sum(steps) + len(steps)}
    cost["elite"] = sum(steps[entry_rung:]) + len(steps[entry_rung:])
    return SamplingFigures(
        chains={str(start): int(number) for start, number in chains.items()},
        rungs=len(steps),
        elite_entry_rung=entry_rung,
        steps_per_chain=sum(steps),
        gradient_evaluations=members * sum(cost[str(s)] * int(n) for s, n in chains.items()),
        mean_acceptance=float(snapshots["acceptance"].mean()),
        exactness=exactness,
        ladder=LADDERS.get(ladder),
    )


def summarise_confidence(
    batch: pd.DataFrame, checked: pd.DataFrame, calibration: Calibration, *, maximise: bool
) -> ConfidenceFigures:
    """Return the figures of intervals, applicability and gain.

    ``checked`` are measured designs with predictions; those of its test fold check the intervals.
    """
    test = checked[checked["fold"] == "test"]
    ends = intervals(
        calibration, test["predicted_mean"].to_numpy(), test["predicted_std"].to_numpy()
    )
    low, high = (batch[n].to_numpy(dtype=np.float64) for n in ("interval_low", "interval_high"))
    covered = None
    if "true_value" in batch and batch["true_value"].notna().any():
        covered = coverage(low, high, batch["true_value"].to_numpy(dtype=np.float64))
    return ConfidenceFigures(
        level=LEVEL,
        calibrated_by=calibration.designs,
        coverage_of_test_designs=coverage(*ends, test["value"].to_numpy()),
        median_width=float(np.median(high - low)) if np.isfinite(low).all() else None,
        applicability_median=float(batch["applicability"].median()),
        extrapolated_share=float((batch["applicability"] < EXTRAPOLATED).mean()),
        gain_confirmed=gain_confirmed(batch, test, maximise=maximise),
        coverage_of_true_values=covered,
    )


def gain_confirmed(batch: pd.DataFrame, measured: pd.DataFrame, *, maximise: bool) -> float | None:
    """Return the share of the ensemble's predicted gain that the validation models predict too.

    A gain is the mean score of the batch less that of ``measured``, designs that neither ensemble
    nor validation models have learned from, each judged by itself. None without a predicted gain.

    >>> batch = pd.DataFrame({"predicted_mean": [4.0, 6.0], "validation_score": [3.0, 3.0]})
    >>> measured = pd.DataFrame({"predicted_mean": [1.0], "validation_score": [1.0]})
    >>> gain_confirmed(batch, measured, maximise=True)
    0.5
    """
    if measured.empty or batch["validation_score"].isna().any():
        return None
    sign = 1.0 if maximise else -1.0
    columns = ("predicted_mean", "validation_score")
    gains = [sign * float(batch[name].mean() - measured[name].mean()) for name in columns]
    return gains[1] / gains[0] if gains[0] > 0 else None


def confidence_lines(figures: ConfidenceFigures) -> list[tuple[str, str, str]]:
    """Return label, value and note of each line of a report about confidence."""
    label = f"Coverage of {figures.level:.0%} intervals"
    lines = []
    if figures.coverage_of_test_designs is None:
        note = f"{figures.calibrated_by} designs are too few to calibrate intervals"
        lines.append((label, "no intervals", note))
    else:
        note = (
            f"of the test designs; {figures.calibrated_by:,} other designs calibrated the "
            "intervals. Candidates are chosen for high predictions, so coverage may be lower there"
        )
        lines.append((label, f"{figures.coverage_of_test_designs:.0%}", note))
    if (true := figures.coverage_of_true_values) is not None:
        lines.append((f"{label}, candidates", f"{true:.0%}", "of the true values"))
    lines.append(
        (
            "Applicability, median",
            f"{figures.applicability_median:.2f}",
            f"{figures.extrapolated_share:.0%} of the candidates are below {EXTRAPOLATED}: "
            "hardly any measured design is as unusual to the predictors, so read their predictions "
            "as extrapolations and order them to learn",
        )
    )
    if figures.gain_confirmed is not None:
        note = (
            "share of the predicted gain over test designs that the validation models predict too"
        )
        lines.append(("Predicted gain confirmed", f"{figures.gain_confirmed:.0%}", note))
    return lines

"""The figures of a round: what a reader wants to know of a batch before opening it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from designlib.predictors import enrichment, ndcg, rank_correlation
from designlib.sampling.ladders import LadderKind
from designlib.spaces import DesignSpace, pairwise_distances

__all__ = ["LADDERS", "summarise_batch", "summarise_predictor", "summarise_walk"]

LADDERS: dict[LadderKind, str] = {
    "temperatures": "temperatures of the one predictor there is, from flat to sharp: it has no "
    "checkpoints, and so no trajectory to walk along",
    "distillation": "checkpoints of a short training of the same architecture on the predictions "
    "of the one predictor there is, which is the last of them: it has no trajectory of its own",
}
"""What is said of a ladder that is not the training of its predictors."""
_RANKED_FROM = 20
_NDCG_TOP = 100
_BEST_SHARE = 0.05


def summarise_batch(
    batch: pd.DataFrame, best: pd.DataFrame, space: DesignSpace, *, both_strands: bool
) -> dict[str, Any]:
    """Return the figures of a batch.

    ``best`` are the designs with the highest acquisition among the ones that were not rejected,
    best first, at least as many as the batch has, without regard to diversity or strands; with
    ``true_percentile`` where an oracle knows it.
    """
    letters = space.encode(batch["design"].tolist())
    distances = pairwise_distances(space, letters, both_strands=both_strands)
    among = distances[np.triu_indices(len(distances), 1)]
    figures: dict[str, Any] = {
        "candidates": len(batch),
        "distinct": int(batch["design"].nunique()),
        "measured_before": int((batch["distance_to_measured"] == 0).sum()),
        "feasible_share": float(batch["feasible"].mean()),
        "predicted_median": float(batch["predicted_mean"].median()),
        "validation_median": float(batch["validation_score"].median()),
        "diversity": float(among.mean()) if len(among) else None,
        "novelty": float(batch["distance_to_measured"].mean()),
        "clusters": int(batch["cluster"].nunique()),
    }
    if "true_percentile" in best:
        figures |= _truth(batch, best)
    return figures


def _truth(batch: pd.DataFrame, best: pd.DataFrame) -> dict[str, Any]:
    """Return what an oracle says; it need not know every design, and none known says nothing."""
    known = batch[batch["true_percentile"].notna()]
    if known.empty:
        return {"judged": 0}
    highest = best["true_percentile"].head(len(batch)).dropna()
    percentile = known["true_percentile"]
    return {
        "judged": len(known),
        "true_percentile": {
            "median": float(percentile.median()),
            "mean": float(percentile.mean()),
            "best": float(percentile.max()),
            "median_of_best_by_score": float(highest.median()) if len(highest) else None,
        },
        "true_value": {
            "median": float(known["true_value"].median()),
            "of_best": float(known["true_value"].iloc[int(percentile.to_numpy().argmax())]),
        },
        "over_prediction": float((known["predicted_mean"] - known["true_value"]).mean()),
    }


def summarise_predictor(checked: pd.DataFrame, *, maximise: bool = True) -> dict[str, float | int]:
    """Return how ensemble and validation model do on the test designs, which nobody trained on.

    With enough of them, and values that differ, also how the ensemble ranks them: NDCG of its first
    100 with the value between the worst and the best as the gain, and how many times more of the
    best 5 % are in its best 5 % than in a random choice.
    """
    test = checked[checked["fold"] == "test"]
    figures: dict[str, float | int] = {"test_designs": len(test)}
    for name, column in (("ensemble", "predicted_mean"), ("validation_model", "validation_score")):
        error = test[column] - test["value"]
        figures[f"{name}_rmse"] = float(np.sqrt((error**2).mean()))
        correlation = rank_correlation(test[column].to_numpy(), test["value"].to_numpy())
        figures[f"{name}_rank_correlation"] = correlation
    values = test["value"].to_numpy() * (1.0 if maximise else -1.0)
    if len(test) >= _RANKED_FROM and np.ptp(values) > 0:
        scores = test["predicted_mean"].to_numpy() * (1.0 if maximise else -1.0)
        gain = (values - values.min()) / np.ptp(values)
        figures["ensemble_ndcg"] = ndcg(gain, scores, min(_NDCG_TOP, len(test)))
        figures["ensemble_enrichment"] = enrichment(values, scores, _BEST_SHARE)
    return figures


def summarise_walk(
    snapshots: pd.DataFrame, steps: list[int], entry_rung: int, members: int, exactness: str
) -> dict[str, Any]:
    """Return the size and the cost of the walk; ``steps`` are the kernel steps of each rung,
    and ``exactness`` says what may be concluded from the end states.

    A gradient evaluation is one forward and backward pass of one predictor on one design; each
    step takes one per member and so does the arrival on each rung.
    """
    chains = snapshots.groupby("start")["chain"].nunique().to_dict()
    cost = {"random": sum(steps) + len(steps)}
    cost["elite"] = sum(steps[entry_rung:]) + len(steps[entry_rung:])
    return {
        "chains": {str(start): int(number) for start, number in chains.items()},
        "rungs": len(steps),
        "elite_entry_rung": entry_rung,
        "steps_per_chain": sum(steps),
        "gradient_evaluations": members * sum(cost[str(s)] * int(n) for s, n in chains.items()),
        "mean_acceptance": float(snapshots["acceptance"].mean()),
        "exactness": exactness,
    }

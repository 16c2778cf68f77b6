"""How good a method's proposals are, by the truth and beside what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from designlib.benchmarks.methods.base import Outcome, Setting
from designlib.types import Designs, Scores

__all__ = ["SHOWN", "Verdict", "judge"]

SHOWN = 2000
"""Training designs that the novelty of a proposal is measured by."""


class Verdict(NamedTuple):
    """Figures of one set of proposals; all values in the units of the problem.

    Attributes
    ----------
    best, median, mean
        True values of the feasible proposals; NaN stands for none, as a table shows it.
    percentile
        Median percentile of the feasible proposals; NaN where the problem has no reference.
    feasible
        Share of the proposals that are feasible, by the truth.
    success
        Share that the problem counts as found; NaN where it does not say.
    distinct
        Share of the proposals that are different designs.
    diversity
        Mean distance between two proposals: sites that differ, or Euclidean on points.
    novelty
        Mean distance of a proposal to the nearest of the training designs (of 2,000 of them).
    predicted_median
        Median of the trained predictor's scores.
    overprediction
        Mean of predicted less true value of the feasible proposals.
    """

    best: float
    median: float
    mean: float
    percentile: float
    feasible: float
    success: float
    distinct: float
    diversity: float
    novelty: float
    predicted_median: float
    overprediction: float


def judge(
    outcome: Outcome,
    setting: Setting,
    training: Shaped[Tensor, "training columns"],
    oracle: Callable[[Designs], Scores],
    success: Callable[[Designs], Tensor] | None = None,
    percentiles: Callable[[Designs], np.ndarray] | None = None,
) -> Verdict:
    """Return how good the proposals of an outcome are.

    ``oracle`` gives the true value, -inf for an infeasible design; ``training`` are the designs
    that the predictor learned from; ``percentiles`` says where feasible designs stand.
    """
    truth = oracle(outcome.designs).double()
    feasible = truth.isfinite()
    if setting.constraint is not None:
        feasible = feasible & setting.constraint.satisfied(outcome.designs)
    known, predicted = truth[feasible], outcome.value.double()
    nothing = float("nan")
    percentile = nothing
    if percentiles is not None and len(known):
        percentile = float(np.median(percentiles(outcome.designs[feasible])))
    return Verdict(
        best=float(known.max()) if len(known) else nothing,
        median=float(known.median()) if len(known) else nothing,
        mean=float(known.mean()) if len(known) else nothing,
        percentile=percentile,
        feasible=float(feasible.double().mean()),
        success=nothing if success is None else float(success(outcome.designs).double().mean()),
        distinct=len(outcome.designs.unique(dim=0)) / len(outcome.designs),
        diversity=_mean_apart(outcome.designs),
        novelty=float(_distances(outcome.designs, training[:SHOWN]).min(1).values.mean()),
        predicted_median=float(predicted.median()),
        overprediction=float((predicted[feasible] - known).mean()) if len(known) else nothing,
    )


def _mean_apart(designs: Designs) -> float:
    n = len(designs)
    return float(_distances(designs, designs).sum()) / max(1, n * (n - 1))


def _distances(
    one: Shaped[Tensor, "one columns"], other: Shaped[Tensor, "other columns"]
) -> Float[Tensor, "one other"]:
    # The 0-norm counts the sites that differ.
    norm = 2.0 if one.is_floating_point() else 0.0
    return torch.cdist(one.double(), other.double(), p=norm)

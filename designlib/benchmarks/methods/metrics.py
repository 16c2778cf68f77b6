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

SHOWN = 2000
"""Training designs that the novelty of a proposal is measured by."""


class ProposalMetrics(NamedTuple):
    """Figures of one set of proposals; all values in the units of the problem.

    Attributes
    ----------
    best, median, mean
        True values of the feasible proposals; NaN where none is.
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
        Mean distance of a proposal to the nearest of 2,000 training designs.
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


def proposal_metrics(
    outcome: Outcome,
    setting: Setting,
    training: Shaped[Tensor, "training columns"],
    oracle: Callable[[Designs], Scores],
    success: Callable[[Designs], Tensor] | None = None,
    percentiles: Callable[[Designs], np.ndarray] | None = None,
) -> ProposalMetrics:
    """Return how good the proposals of an outcome are.

    ``oracle`` gives the true value, -inf for an infeasible design; ``training`` are the designs
    that the predictor learned from; ``percentiles`` says where feasible designs stand.
    """
    designs, predicted, nothing = outcome.designs, outcome.value.double(), float("nan")
    truth = oracle(designs).double()
    feasible = truth.isfinite()
    if setting.constraint is not None:
        feasible = feasible & setting.constraint.satisfied(designs)
    true, some = truth[feasible], bool(feasible.any())
    apart = float(_distances(designs, designs).sum())
    return ProposalMetrics(
        best=float(true.max()) if some else nothing,
        median=float(true.median()) if some else nothing,
        mean=float(true.mean()) if some else nothing,
        percentile=float(np.median(percentiles(designs[feasible])))
        if some and percentiles is not None
        else nothing,
        feasible=float(feasible.double().mean()),
        success=nothing if success is None else float(success(designs).double().mean()),
        distinct=len(designs.unique(dim=0)) / len(designs),
        diversity=apart / max(1, len(designs) * (len(designs) - 1)),
        novelty=float(_distances(designs, training[:SHOWN]).min(1).values.mean()),
        predicted_median=float(predicted.median()),
        overprediction=float((predicted[feasible] - true).mean()) if some else nothing,
    )


def _distances(
    one: Shaped[Tensor, "one columns"], other: Shaped[Tensor, "other columns"]
) -> Float[Tensor, "one other"]:
    # The 0-norm counts the sites that differ.
    norm = 2.0 if one.is_floating_point() else 0.0
    return torch.cdist(one.double(), other.double(), p=norm)

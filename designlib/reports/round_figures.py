"""The figures of a round, as ``summary.json`` holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from designlib.notation import Choice, Quantity
from designlib.selection import SelectionFigures

_FORMER = {
    "walk": "sampling",
    "heldout_median": "validation_median",
    "heldout_scorer_rmse": "validation_model_rmse",
    "heldout_scorer_rank_correlation": "validation_model_rank_correlation",
}
"""Names of release 0.1 and what they became."""


@dataclass(frozen=True)
class DataFigures:
    """The measured table: its size, its designs, and what was guessed about it."""

    name: str
    rows_read: int
    designs: int
    guesses: Mapping[str, str]
    length: int
    components: tuple[str, ...]
    quantities: tuple[Quantity, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class TruePercentiles:
    """Percentiles of the batch among all true values; 100 is the best design."""

    median: float
    mean: float
    best: float
    median_of_best_by_score: float | None
    """Of as many designs chosen by acquisition alone; None where the oracle knows none of them."""


@dataclass(frozen=True)
class TrueValues:
    """True values of the batch, in measured units."""

    median: float
    of_best: float


@dataclass(frozen=True)
class BatchFigures:
    """Size, predictions and spread of a batch; distances in those of the space."""

    candidates: int
    distinct: int
    measured_before: int
    feasible_share: float
    predicted_median: float
    validation_median: float
    diversity: float | None
    """Mean distance of two candidates; None for a single one."""
    novelty: float
    """Mean distance to the nearest measured design."""
    clusters: int
    judged: int | None = None
    """Candidates whose true value an oracle knows; None without an oracle."""
    true_percentile: TruePercentiles | None = None
    true_value: TrueValues | None = None
    over_prediction: float | None = None
    """Mean difference between prediction and true value."""


@dataclass(frozen=True)
class PredictorFigures:
    """Ensemble and validation model on the test designs; the ranking where there are enough."""

    test_designs: int
    ensemble_rmse: float
    ensemble_rank_correlation: float
    validation_model_rmse: float
    validation_model_rank_correlation: float
    ensemble_ndcg: float | None = None
    ensemble_enrichment: float | None = None


@dataclass(frozen=True)
class ConfidenceFigures:
    """Coverage of the prediction intervals, applicability of the batch, and confirmed gain."""

    level: float
    calibrated_by: int
    """Number of designs that set the width of the intervals."""
    coverage_of_test_designs: float | None
    median_width: float | None
    applicability_median: float
    extrapolated_share: float
    gain_confirmed: float | None
    coverage_of_true_values: float | None = None


@dataclass(frozen=True)
class SamplingFigures:
    """Size and cost of the sampling."""

    chains: Mapping[str, int]
    """Number of chains by their kind of start."""
    rungs: int
    elite_entry_rung: int
    steps_per_chain: int
    gradient_evaluations: int
    """Forward and backward passes of one predictor on one design."""
    mean_acceptance: float
    exactness: str
    ladder: str | None = None
    """The ladder in words where it is not the training of the predictors."""


@dataclass(frozen=True)
class WallTime:
    """Seconds of the run that published the round."""

    total_seconds: float
    set_up_seconds: float
    compute_seconds: float
    orchestration_seconds: float


@dataclass(frozen=True)
class RoundFigures:
    """The figures of one round; the last three are of the run that published it."""

    campaign: str
    round: int
    round_key: str
    data: DataFigures
    batch: BatchFigures
    predictor: PredictorFigures
    confidence: ConfidenceFigures
    sampling: SamplingFigures
    selection: SelectionFigures
    wall_time: WallTime | None = None
    stages: Mapping[str, Literal["reused", "computed"]] = field(default_factory=dict)
    mlflow_run_id: str = ""

    @classmethod
    def from_json(cls, content: bytes) -> RoundFigures:
        """Return the figures that a ``summary.json`` holds, also of release 0.1."""
        return TypeAdapter(cls).validate_python(json.loads(content, object_pairs_hook=_renamed))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; optional figures that are unknown are left out."""
        return TypeAdapter(RoundFigures).dump_python(self, mode="json", exclude_defaults=True)


def _renamed(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    return {_FORMER.get(name, name): value for name, value in pairs}

"""Several objectives of measured and sampled designs, and the one score that combines them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from designlib.config import ObjectiveSettings, ParetoConfig
from designlib.predictors import PredictorSpec
from designlib.sampling.ladders import ideal_scores, scale_of
from designlib.sampling.objectives import StandardizedScores, combined
from designlib.selection.pareto import front_order
from designlib.selection.scoring import ScoreColumns


class Objectives:
    """Several objectives with their measured designs, standardised as predictors learn them.

    Attributes
    ----------
    goals
        What is wanted of the objectives.
    specs
        One predictor of each objective.
    measured
        Standardised scores of the designs of which every objective was measured.
    ideal
        The best score of each objective among these.
    """

    def __init__(
        self, goals: ObjectiveSettings, specs: Sequence[PredictorSpec], folds: pd.DataFrame
    ) -> None:
        self.goals = goals
        first: dict[str, PredictorSpec] = {}
        for spec in specs:
            first.setdefault(spec.column, spec)
        self.specs = list(first.values())
        columns = [spec.column or "value" for spec in self.specs]
        self._known = folds[folds["fold"] != "withheld"].dropna(subset=columns)
        self.measured = self._standardised(self._known, columns)
        values = [torch.tensor(self._known[column].to_numpy()) for column in columns]
        by_column = {s.column: v for s, v in zip(self.specs, values, strict=True)}
        self.ideal = ideal_scores(self.specs, by_column)

    @property
    def reference(self) -> Float[np.ndarray, "objectives"]:
        """The median measured score of each objective, from where hypervolumes count."""
        return self.measured.median(1).values.numpy()

    def standardise(
        self, predicted: Mapping[str, Float[np.ndarray, "members designs"]]
    ) -> Float[Tensor, "objectives members designs"]:
        """Return the scores of predictions in measured units, by objective."""
        return torch.stack([_learnt(spec, predicted[spec.column]) for spec in self.specs])

    def combine(self, scores: Float[Tensor, "objectives designs"]) -> Float[np.ndarray, "designs"]:
        """Return the one score of each design; more is better."""
        scales = [scale_of(spec) for spec in self.specs]
        return combined(self.goals, StandardizedScores(scores, scales, self.ideal)).numpy()

    def combined_validation(self, frame: pd.DataFrame) -> Float[np.ndarray, "designs"]:
        """Return the one score by the validation models, whose scores the frame has."""
        names = [ScoreColumns.of(spec.column).validation for spec in self.specs]
        return self.combine(self._standardised(frame, names))

    def best_measured(self) -> list[str]:
        """Return the measured designs, best first; those on a front come first.

        Only designs that may be learned from and of which every objective was measured.
        """
        if isinstance(self.goals, ParetoConfig):
            points = self.measured.T.numpy()
            ranked = front_order(points, points[:0], self.reference)
        else:
            ranked = self.combine(self.measured)
        ordered = self._known.assign(ranked=ranked)
        ordered = ordered.sort_values(["ranked", "design"], ascending=[False, True])
        return ordered["design"].tolist()

    def _standardised(
        self, frame: pd.DataFrame, columns: Sequence[str]
    ) -> Float[Tensor, "objectives designs"]:
        pairs = zip(self.specs, columns, strict=True)
        return torch.stack([_learnt(spec, frame[name].to_numpy()) for spec, name in pairs])


def _learnt(spec: PredictorSpec, values: np.ndarray) -> Tensor:
    return spec.learnt(torch.tensor(np.ravel(values))).reshape(values.shape)

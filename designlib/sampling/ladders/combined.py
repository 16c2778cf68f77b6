"""Scores of several objectives along a trajectory: each checkpoint's predictors, combined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from designlib.config import ObjectiveSettings
from designlib.predictors import PredictorSpec, Trajectory, learning_scale
from designlib.sampling.ladders.plan import ScoreAt, mean_score
from designlib.sampling.objectives import (
    Combination,
    Scale,
    ScoreFunction,
    StandardizedScores,
    combined,
)
from designlib.types import InputError, Scores


class Combined(Combination):
    """The combination of the scores of several predictors, one for each objective."""

    def __init__(
        self,
        parts: Sequence[ScoreFunction],
        goals: ObjectiveSettings,
        scales: Sequence[Scale],
        ideal: Float[Tensor, "objectives"],
        trade_off: int = 0,
    ) -> None:
        super().__init__(parts)
        if len(parts) != len(scales):
            raise InputError(f"{len(parts)} predictors and {len(scales)} scales do not match")
        self._goals, self._scales, self._trade_off = goals, tuple(scales), trade_off
        self.register_buffer("ideal", ideal.float(), persistent=False)

    def _combine(self, scores: Float[Tensor, "parts designs"]) -> Scores:
        ideal = self.get_buffer("ideal")
        return combined(
            self._goals, StandardizedScores(scores, self._scales, ideal, self._trade_off)
        )


def combined_scores(
    members: Sequence[Trajectory],
    goals: ObjectiveSettings | None,
    ideal: Float[Tensor, "objectives"],
) -> list[ScoreAt]:
    """Return the scores that chains follow, one for each trade-off of the goals.

    Members of one objective share the column that they predict; the objectives are in the order of
    their first members. Without goals the one score is the members' mean.
    """
    if goals is None:
        return [mean_score]
    specs = {member.spec.column: member.spec for member in reversed(members)}
    columns = list(dict.fromkeys(member.spec.column for member in members))
    scales = [scale_of(specs[column]) for column in columns]

    def score(
        trade_off: int, ensemble: Sequence[Trajectory], index: int, device: torch.device | str
    ) -> Combined:
        parts = [
            mean_score([m for m in ensemble if m.spec.column == column], index, device)
            for column in columns
        ]
        return Combined(parts, goals, scales, ideal, trade_off).to(device)

    return [partial(score, trade_off) for trade_off in range(goals.walks)]


def scale_of(spec: PredictorSpec) -> Scale:
    """Return how a predictor's score stands for values."""

    def to_learn(value: float) -> float:
        return float(learning_scale(torch.tensor([value], dtype=torch.float64), spec.transform))

    return Scale(spec.centre, spec.scale, to_learn)


def ideal_scores(
    specs: Sequence[PredictorSpec], values: Mapping[str, Float[Tensor, "measured"]]
) -> Float[Tensor, "objectives"]:
    """Return the best standardised score that was measured of each objective.

    ``values`` are the measured values by column, without those that are unknown.
    """
    return torch.stack([spec.learnt(values[spec.column]).max() for spec in specs])

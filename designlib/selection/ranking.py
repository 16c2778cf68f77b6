"""What ranks scored designs and what filters read: one objective, or several combined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from designlib.config import ObjectiveSettings, ParetoConfig, SelectionConfig, SynthesisConfig
from designlib.predictors import Trajectory
from designlib.selection.acquisition import acquisition, thompson_order
from designlib.selection.objectives import Objectives
from designlib.selection.pareto import front_order
from designlib.selection.scoring import (
    COMBINED,
    FIRST,
    Predictors,
    ScoreColumns,
    standard_deviation,
)
from designlib.spaces import DesignSpace

ReadParts: TypeAlias = Callable[[list[str] | None], Iterator[pd.DataFrame]]
"""Returns these columns of the scored designs, or all, in parts of the same order at every call."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a campaign has measured and trained when it chooses."""

    space: DesignSpace
    both_strands: bool
    maximise: bool
    """Direction of the first objective."""
    goals: ObjectiveSettings | None
    """What is wanted of several objectives; None for one."""
    distance_units: str
    members: Sequence[Trajectory]
    """Trained predictors of the ensemble."""
    folds: pd.DataFrame
    """Measured designs with ``design``, ``value``, ``fold`` and further objectives."""
    checked: pd.DataFrame
    """Those that members have not learned from, with predictions; see `Scoring.predict`."""
    pending: Sequence[str] = ()
    """Designs that wait for a measurement."""
    synthesis: SynthesisConfig | None = None


class Ranking(NamedTuple):
    """How parts of the scored designs, in order, get their acquisition."""

    rank: Callable[[pd.DataFrame], pd.DataFrame]
    """Adds the column ``acquisition`` to a part, and all columns that filters need."""
    columns: ScoreColumns
    """The columns that filters read."""
    maximise: bool
    """Whether large values of these are good."""
    measured_scores: Float[np.ndarray, "measured"]
    """Validation scores of the measured designs that the validation models learned from."""
    stds: Float[np.ndarray, "designs"] | None = None
    """Of all designs, where these are in no column of the parts."""

    def all_stds(self, read: ReadParts) -> Float[np.ndarray, "designs"]:
        """Return the standard deviation of every scored design."""
        if self.stds is not None:
            return self.stds
        column = self.columns.std
        return np.concatenate([part[column].to_numpy() for part in read([column])])


def rank(read: ReadParts, measured: Measured, config: SelectionConfig, seed: int) -> Ranking:
    """Return the ranking of scored designs by what is wanted of one or several objectives."""
    trained_on = measured.checked[measured.checked["fold"] == "validation_model"]
    if measured.goals is not None:
        return _by_objectives(read, measured, measured.goals, trained_on, config, seed)
    scores = trained_on[FIRST.validation].to_numpy()
    if config.acquisition == "thompson":
        predicted = np.hstack([each[""] for each in _member_predictions(read, measured)])
        points = thompson_order(predicted, maximise=measured.maximise, seed=seed)
        return Ranking(_adding({"acquisition": points}), FIRST, measured.maximise, scores)
    known = measured.folds.loc[measured.folds["fold"] != "withheld", "value"]
    best = float(known.max() if measured.maximise else known.min())

    def by_prediction(part: pd.DataFrame) -> pd.DataFrame:
        ranked = acquisition(
            part[FIRST.mean].to_numpy(),
            part[FIRST.std].to_numpy(),
            std_weight=config.std_weight,
            maximise=measured.maximise,
            kind=config.acquisition,
            best=best,
        )
        return part.assign(acquisition=ranked)

    return Ranking(by_prediction, FIRST, measured.maximise, scores)


def _by_objectives(
    read: ReadParts,
    measured: Measured,
    goals: ObjectiveSettings,
    trained_on: pd.DataFrame,
    config: SelectionConfig,
    seed: int,
) -> Ranking:
    """Rank by several objectives; the gain of a front depends on all designs at once."""
    objectives = Objectives(goals, [member.spec for member in measured.members], measured.folds)
    names = [ScoreColumns.of(spec.column) for spec in objectives.specs]
    columns = [name for of in names for name in (of.mean, of.validation)]
    frame = pd.concat(read(columns), ignore_index=True)
    parts = list(_member_predictions(read, measured))
    predicted = {column: np.hstack([part[column] for part in parts]) for column in parts[0]}
    scores = objectives.standardise(predicted)
    each = np.stack([objectives.combine(scores[:, m]) for m in range(scores.shape[1])])
    mean, std = each.mean(0), standard_deviation(each)
    if isinstance(goals, ParetoConfig):
        ranked = _by_front(objectives, scores, config)
    elif config.acquisition == "thompson":
        ranked = thompson_order(each, maximise=True, seed=seed)
    else:
        best = float(objectives.combine(objectives.measured).max())
        kind, weight = config.acquisition, config.std_weight
        ranked = acquisition(mean, std, std_weight=weight, maximise=True, kind=kind, best=best)
    added: dict[str, Sequence[str] | np.ndarray] = {
        "acquisition": ranked,
        COMBINED.mean: mean,
        COMBINED.std: std,
        COMBINED.validation: objectives.combined_validation(frame),
    }
    further = zip(objectives.specs[1:], names[1:], strict=True)
    verdicts = goals.verdicts({spec.column: frame[of.mean].to_numpy() for spec, of in further})
    if verdicts is not None:
        added["constraint_limits"] = verdicts
    validation = objectives.combined_validation(trained_on)
    return Ranking(_adding(added), COMBINED, True, validation, std)


def _by_front(
    objectives: Objectives, scores: Tensor, config: SelectionConfig
) -> Float[np.ndarray, "designs"]:
    weight = {"upper_bound": 1.0, "mean": 0.0}.get(config.acquisition, -1.0) * config.std_weight
    stds = scores.std(1) if scores.shape[1] > 1 else 0 * scores[:, 0]
    points = (scores.mean(1) + weight * stds).T.numpy()
    return front_order(points, objectives.measured.T.numpy(), objectives.reference)


def _member_predictions(
    read: ReadParts, measured: Measured
) -> Iterator[dict[str, Float[np.ndarray, "members designs"]]]:
    predictors = Predictors(measured.members)
    for part in read(["design"]):
        designs = measured.space.encode(part["design"].tolist())
        yield predictors.predict(measured.space, designs)


def _adding(
    columns: Mapping[str, Sequence[str] | np.ndarray],
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what adds columns of all designs to their parts, which come in order."""
    place = 0

    def add(part: pd.DataFrame) -> pd.DataFrame:
        nonlocal place
        rows = slice(place, place + len(part))
        place += len(part)
        return part.assign(**{name: column[rows] for name, column in columns.items()})

    return add

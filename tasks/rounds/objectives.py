"""Predictions of one or several objectives, and the one score that designs are chosen by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from designlib.config import ObjectiveSettings, ParetoConfig, SelectionConfig
from designlib.predictors import PredictorSpec, Trajectory, evaluate
from designlib.sampling.ladders import ScoreAt, combined_scores, ideal_scores, scale_of
from designlib.sampling.objectives import StandardizedScores, combined
from designlib.selection import acquisition, front_order, thompson_order
from designlib.types import Designs
from tasks.stages.ensemble import Ensemble
from tasks.stages.stages import StageResult
from tasks.stages.table_facts import TableFacts

__all__ = [
    "Judgement",
    "best_by_goals",
    "in_units_again",
    "judge_designs",
    "member_predictions",
    "predicted_columns",
    "walk_scores",
]

_Members = Sequence[StageResult]


def walk_scores(
    trajectories: Sequence[Trajectory], facts: TableFacts, folds: pd.DataFrame
) -> list[ScoreAt]:
    """Return the scores that chains follow: one, or one for each trade-off of a front."""
    if facts.goals is None:
        return combined_scores(trajectories, None, torch.zeros(1))
    specs = _first([one.spec for one in trajectories])
    return combined_scores(trajectories, facts.goals, _ideal(specs, folds))


def member_predictions(
    frame: pd.DataFrame, facts: TableFacts, members: _Members, device: torch.device
) -> dict[str, Float[np.ndarray, "members designs"]]:
    """Return what each member predicts for each design in measured units, by value column.

    The first objective has the empty name.
    """
    relaxed = facts.space.relax(facts.space.encode(frame["design"].tolist())).to(device)
    rows: dict[str, list[np.ndarray]] = {}
    for member in Ensemble(members).trained:
        spec = member.spec
        scores = evaluate(member.network(-1, device), relaxed)
        rows.setdefault(spec.column, []).append(spec.in_units(scores.double().cpu()).numpy())
    return {column: np.stack(predicted) for column, predicted in rows.items()}


def predicted_columns(
    ensemble: dict[str, Float[np.ndarray, "members designs"]],
    validation_models: dict[str, Float[np.ndarray, "validation_models designs"]],
) -> dict[str, Float[np.ndarray, "designs"]]:
    """Return mean, standard deviation and validation score of each objective by column."""
    columns = {}
    for column, predicted in ensemble.items():
        std = predicted.std(0, ddof=1) if len(predicted) > 1 else np.zeros(predicted.shape[1])
        names = _NAMES if not column else [f"{prefix}{column}" for prefix in _PREFIXES]
        values = (predicted.mean(0), std, validation_models[column].mean(0))
        columns |= dict(zip(names, values, strict=True))
    return columns


_NAMES = ["predicted_mean", "predicted_std", "validation_score"]
_PREFIXES = ["objective_", "std_", "validation_score_"]


class Judgement(NamedTuple):
    """What several objectives come to for each design; more is better throughout.

    Attributes
    ----------
    acquisition
        What designs are ranked by.
    std
        Standard deviation of the members' combined scores.
    heldout
        Combined score of the validation models.
    measured_scores
        The same for the measured designs that the validation_models have learnt from.
    verdicts
        "ok" or the limit that a design misses; None where there are no limits.
    """

    acquisition: Float[np.ndarray, "designs"]
    std: Float[np.ndarray, "designs"]
    heldout: Float[np.ndarray, "designs"]
    measured_scores: Float[np.ndarray, "measured"]
    verdicts: list[str] | None

    def by_part(self) -> Callable[[pd.DataFrame], pd.DataFrame]:
        """Return what puts this in place of single predictions, for parts of designs in order."""
        place = 0

        def judge(part: pd.DataFrame) -> pd.DataFrame:
            nonlocal place
            rows = slice(place, place + len(part))
            place += len(part)
            limits = {} if self.verdicts is None else {"constraint_limits": self.verdicts[rows]}
            return part.rename(columns=_TOLD).assign(
                acquisition=self.acquisition[rows], predicted_std=self.std[rows],
                validation_score=self.heldout[rows], **limits,
            )  # fmt: skip

        return judge


_TOLD = {name: f"_of_first_{name}" for name in ("predicted_std", "validation_score")}


def in_units_again(frame: pd.DataFrame) -> pd.DataFrame:
    """Return designs with the predictions of their first objective in place of the judgement."""
    if not set(_TOLD.values()) <= set(frame.columns):
        return frame
    return frame.drop(columns=list(_TOLD)).rename(columns={new: old for old, new in _TOLD.items()})


def judge_designs(
    scored: Path,
    checked: pd.DataFrame,
    facts: TableFacts,
    folds: pd.DataFrame,
    members: _Members,
    config: SelectionConfig,
    seed: int,
) -> Judgement:
    """Return what designs are chosen by where there are several objectives.

    ``scored`` is the file of designs and ``checked`` the measured designs that check the
    predictors, both with the columns of `predicted_columns`. What designs of a front add depends on
    all of them, so all are read at once.
    """
    goals = facts.goals
    assert goals is not None  # noqa: S101 - there are several objectives
    specs = _first(Ensemble(members).specs)
    further = [
        f"{prefix}{s.column}" for s in specs[1:] for prefix in ("objective_", "validation_score_")
    ]
    frame = pd.read_parquet(scored, columns=["design", "validation_score", *further])
    ideal = _ideal(specs, folds)
    in_units = member_predictions(frame, facts, members, torch.device("cpu"))
    scores = torch.stack([_learnt(spec, in_units[spec.column]) for spec in specs])
    each = np.stack([_combined(goals, scores[:, m], specs, ideal) for m in range(scores.shape[1])])
    std = each.std(0, ddof=1) if len(each) > 1 else np.zeros(each.shape[1])
    measured = _measured(specs, folds)
    if isinstance(goals, ParetoConfig):
        weight = {"upper_bound": 1.0, "mean": 0.0}.get(config.acquisition, -1.0)
        points = scores.mean(1) + weight * config.std_weight * _deviation(scores)
        reference = measured.median(1).values.numpy()
        ranked = front_order(points.T.numpy(), measured.T.numpy(), reference)
    elif config.acquisition == "thompson":
        ranked = thompson_order(each, maximise=True, seed=seed)
    else:
        ranked = acquisition(
            each.mean(0), std, std_weight=config.std_weight, maximise=True,
            kind=config.acquisition, best=float(_combined(goals, measured, specs, ideal).max()),
        )  # fmt: skip
    scorer = checked[checked["fold"] == "validation_model"]
    means = {s.column: frame[f"objective_{s.column}"].to_numpy() for s in specs[1:]}
    return Judgement(
        acquisition=ranked,
        std=std,
        heldout=_heldout(frame, goals, specs, ideal),
        measured_scores=_heldout(scorer, goals, specs, ideal),
        verdicts=goals.verdicts(means),
    )


def best_by_goals(
    folds: pd.DataFrame, facts: TableFacts, trajectories: Sequence[Trajectory]
) -> Designs:
    """Return the measured designs that may be learned from, best first by what is wanted.

    Of a front those come first that make it up.
    """
    goals, specs = facts.goals, _first([one.spec for one in trajectories])
    assert goals is not None  # noqa: S101 - there are several objectives
    known = _known(specs, folds)
    measured = _measured(specs, folds)
    if isinstance(goals, ParetoConfig):
        reference = measured.median(1).values.numpy()
        points = measured.T.numpy()
        ranked = front_order(points, points[:0], reference)
    else:
        ranked = _combined(goals, measured, specs, _ideal(specs, folds))
    ordered = known.assign(ranked=ranked).sort_values(["ranked", "design"], ascending=[False, True])
    return facts.space.encode(ordered["design"].tolist())


def _first(specs: Sequence[PredictorSpec]) -> list[PredictorSpec]:
    """Return the first predictor of each objective."""
    first: dict[str, PredictorSpec] = {}
    for spec in specs:
        first.setdefault(spec.column, spec)
    return list(first.values())


def _known(specs: Sequence[PredictorSpec], folds: pd.DataFrame) -> pd.DataFrame:
    """Return the designs of which every objective was measured."""
    known = folds[folds["fold"] != "withheld"]
    return known.dropna(subset=[spec.column or "value" for spec in specs])


def _measured(specs: Sequence[PredictorSpec], folds: pd.DataFrame) -> torch.Tensor:
    known = _known(specs, folds)
    return torch.stack([_learnt(s, known[s.column or "value"].to_numpy()) for s in specs])


def _ideal(specs: Sequence[PredictorSpec], folds: pd.DataFrame) -> torch.Tensor:
    known = _known(specs, folds)
    values = {s.column: torch.tensor(known[s.column or "value"].to_numpy()) for s in specs}
    return ideal_scores(specs, values)


def _learnt(spec: PredictorSpec, values: np.ndarray) -> torch.Tensor:
    flat = spec.learnt(torch.tensor(np.ravel(values)))
    return flat.reshape(values.shape)


def _deviation(scores: torch.Tensor) -> torch.Tensor:
    return scores.std(1) if scores.shape[1] > 1 else torch.zeros_like(scores[:, 0])


def _combined(
    goals: ObjectiveSettings,
    scores: torch.Tensor,
    specs: Sequence[PredictorSpec],
    ideal: torch.Tensor,
) -> np.ndarray:
    scales = [scale_of(spec) for spec in specs]
    return combined(goals, StandardizedScores(scores, scales, ideal)).numpy()


def _heldout(
    frame: pd.DataFrame,
    goals: ObjectiveSettings,
    specs: Sequence[PredictorSpec],
    ideal: torch.Tensor,
) -> np.ndarray:
    names = ["validation_score", *(f"validation_score_{spec.column}" for spec in specs[1:])]
    scores = [_learnt(s, frame[name].to_numpy()) for s, name in zip(specs, names, strict=True)]
    return _combined(goals, torch.stack(scores), specs, ideal)

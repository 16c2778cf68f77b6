"""Train the ensemble and the held-out scorer, every checkpoint kept."""

from __future__ import annotations

from prefect import flow
from pydantic import BaseModel

from designlib.predictors.training import TrainingConfig
from tasks.rounds import Round
from tasks.runners import side_by_side
from tasks.stages import StageResult
from tasks.train import train_member

__all__ = ["TrainedPredictors", "train_predictors"]


class TrainedPredictors(BaseModel):
    """The trajectories of all predictors of a round."""

    members: list[StageResult]
    scorers: list[StageResult]


@flow(name="train-predictors", flow_run_name="train {round_.campaign}", task_runner=side_by_side(2))
def train_predictors(
    measured: StageResult,
    folds: StageResult,
    round_: Round,
    config: TrainingConfig,
    seed: int,
    device: str,
) -> TrainedPredictors:
    """Train the ensemble's members and the scorers that check them, two at a time."""
    members = [
        train_member.submit(measured, folds, round_, config, "predictor", number, seed, device)
        for number in range(1, config.members + 1)
    ]
    scorers = [
        train_member.submit(measured, folds, round_, config, "scorer", number, seed, device)
        for number in range(1, config.scorer_members + 1)
    ]
    return TrainedPredictors(
        members=[member.result() for member in members],
        scorers=[scorer.result() for scorer in scorers],
    )

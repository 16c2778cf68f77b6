"""Train the ensemble and the validation models and keep every checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow
from pydantic import BaseModel

from tasks.inputs.round_inputs import RoundInputs
from tasks.servers.runners import side_by_side
from tasks.stages.results import RegisteredPredictor
from tasks.stages.stages import StageResult


class TrainedPredictors(BaseModel):
    """The trajectories of all predictors of a round, and their registered version."""

    members: list[StageResult]
    validation_models: list[StageResult]
    version: RegisteredPredictor


@flow(
    name="train-predictor",
    flow_run_name="train {inputs.round_.campaign}",
    task_runner=side_by_side(2),
)
def train_predictor(inputs: RoundInputs, before: Sequence[StageResult] = ()) -> TrainedPredictors:
    """Train the ensemble's members and the validation models that check them, two at a time.

    Each objective has its own members and validation models, those of the first objective first.
    ``before`` are the members of the last round if training continues from them. An external
    predictor replaces the members; its validation models are trained.
    """
    # PyTorch comes with these: loaded for a run, not for a server that lists the flows.
    from tasks.rounds.import_checkpoints import members_of, register_member
    from tasks.rounds.promotion import register_predictor
    from tasks.rounds.train import train_member
    from tasks.servers.remote_flows import return_result
    from tasks.stages.table_facts import objective_columns

    earlier = iter(before)
    config = inputs.config.training
    columns = objective_columns(inputs.measured)
    members = (
        [
            register_member.submit(inputs, inputs.external, number)
            for number in members_of(inputs.external)
        ]
        if inputs.external
        else [
            train_member.submit(inputs, "predictor", number, column, next(earlier, None))
            for column in columns
            for number in range(1, config.members + 1)
        ]
    )
    validation_models = [
        train_member.submit(inputs, "validation_model", 1, column) for column in columns
    ]
    trained = [member.result() for member in members]
    return return_result(
        TrainedPredictors(
            members=trained,
            validation_models=[model.result() for model in validation_models],
            version=register_predictor(trained, inputs.round_),
        )
    )

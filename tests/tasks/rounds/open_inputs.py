"""The inputs of a round, for tests of single tasks."""

from __future__ import annotations

from typing import Any

from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.config import ExecutionConfig
from tasks.inputs.round_inputs import RoundInputs
from tasks.inputs.tables import split
from tasks.installation.settings import Settings
from tasks.stages.results import Round
from tasks.stages.stages import StageResult
from tasks.tracking.tracking import experiment_id, run_for

__all__ = ["open_inputs"]


def open_inputs(
    measured: StageResult, external: StageResult | None = None, **settings: Any
) -> RoundInputs:
    """Return the inputs of round 1 of a campaign, whose MLflow run exists."""
    config = CampaignConfig(name="campaign", execution=ExecutionConfig(device="cpu"), **settings)
    experiment = experiment_id(Settings(), config.name)
    with run_for(experiment, "round", "round 01") as run_id:
        round_ = Round(
            campaign=config.name,
            number=1,
            key="round",
            config_hash="hash",
            experiment_id=experiment,
            run_id=run_id,
        )
    return RoundInputs(
        round_=round_,
        measured=measured,
        folds=split.fn(measured, config.split, 5),
        seed=5,
        config=config,
        external=external,
    )

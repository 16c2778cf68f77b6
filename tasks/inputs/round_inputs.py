"""Inputs that all tasks of a round share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.inputs.campaign_config import CampaignConfig
from tasks.stages.results import RegisteredPredictor, Round
from tasks.stages.stages import StageResult

PREDICTOR_FILE = "predictor.json"
"""File of an imported predictor's stage that holds its settings and steps."""


class RoundInputs(BaseModel):
    """A round, its measured table, and the campaign's settings.

    Attributes
    ----------
    round_
        Number, content key and MLflow run of the round.
    measured
        Stage of the measured table that the round learns from.
    folds
        Stage of the table's folds.
    seed
        Seed of the round's training, sampling and layout.
    config
        The campaign's settings.
    external
        Stage of an imported predictor; None where predictors are trained.
    """

    model_config = ConfigDict(frozen=True)

    round_: Round
    measured: StageResult
    folds: StageResult
    seed: int
    config: CampaignConfig
    external: StageResult | None = None


class RoundStages(BaseModel):
    """All finished stages of one round."""

    model_config = ConfigDict(frozen=True)

    inputs: RoundInputs
    members: list[StageResult]
    validation_models: list[StageResult]
    plan: StageResult
    shards: list[StageResult]
    snapshots: StageResult
    scored: StageResult
    selected: StageResult
    version: RegisteredPredictor
    layout: StageResult | None = None

    def all(self) -> list[tuple[str, StageResult]]:
        """Return every stage with its name for readers, in the order of the work."""
        return [
            ("ingest", self.inputs.measured),
            ("split", self.inputs.folds),
            *((f"train predictor {n}", stage) for n, stage in enumerate(self.members, start=1)),
            *(
                (f"train validation model {n}", stage)
                for n, stage in enumerate(self.validation_models, start=1)
            ),
            ("plan sampling", self.plan),
            *((f"sample shard {n}", stage) for n, stage in enumerate(self.shards, start=1)),
            ("gather shards", self.snapshots),
            ("score", self.scored),
            ("select", self.selected),
            *([("lay out", self.layout)] if self.layout else []),
        ]


def ledger_settings(config: CampaignConfig, external: StageResult | None) -> dict[str, Any]:
    """Return the settings that determine the result, as the ledger records them.

    An imported predictor is recorded by its content, not by the paths of its files.
    """
    settings = config.deciding()
    if external is not None:
        about = json.loads(external.path(PREDICTOR_FILE).read_bytes())
        settings["predictor"] = {**about["predictor"], "content": external.key}
    return settings


def same_settings(recorded: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return whether recorded settings, possibly of the last release, are the same as others.

    Both are as `ledger_settings` returns them.
    """
    if recorded == settings:
        return True
    if recorded.get("predictor") != settings.get("predictor"):
        return False
    own = {name: value for name, value in recorded.items() if name != "predictor"}
    source = own.get("data", {}).get("source", {})
    if "dataset" not in source:
        # Where the file lay is not recorded.
        own["data"] = {"source": {**source, "path": "unknown"}}
    try:
        read = CampaignConfig.model_validate(own)
    except ValidationError:
        return False
    return read.deciding() == {n: v for n, v in settings.items() if n != "predictor"}

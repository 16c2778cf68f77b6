"""One round of a campaign in MLflow, in the content keys and in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from prefect import task

from designlib.candidates import read_candidates
from designlib.config import TrainingConfig
from designlib.randomness import derive_seed
from designlib.spaces import describe_space
from designlib.types import InputError
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.round_inputs import RoundStages, ledger_settings
from tasks.installation.log import run_logger
from tasks.installation.machine import code_version
from tasks.installation.settings import Settings
from tasks.record.ledger import held_ledger, load_ledger
from tasks.rounds.layout import laid_out
from tasks.stages.code import code_fingerprint
from tasks.stages.ensemble import recorded_predictors
from tasks.stages.results import Round
from tasks.stages.stages import StageResult, content_key, stage_record
from tasks.stages.table_facts import TableFacts, load_facts, load_folds
from tasks.tracking.tracking import (
    end_abandoned_runs,
    experiment_id,
    flatten,
    log_dataset,
    log_params,
    run_for,
)

ROUND_MAKERS = (
    "tasks.inputs.tables",
    "tasks.rounds.generate",
    "tasks.rounds.import_checkpoints",
    "tasks.rounds.measuring",
    "tasks.rounds.layout",
    "tasks.rounds.score",
    "tasks.rounds.train",
)
"""The modules that make the stages of a round: their code decides its candidates."""


def round_seed(seed: int, number: int) -> int:
    """Return the seed of a round's training and sampling; the first round has the campaign's."""
    return seed if number == 1 else derive_seed(seed, "round", number)


@contextmanager
def open_round(
    config: CampaignConfig, number: int, measured: StageResult, external: StageResult | None
) -> Iterator[Round]:
    """Give the round of these settings and data, its MLflow run open; end the run after.

    Opening the same round again resumes its run.
    """
    campaign, settings = config.name, ledger_settings(config, external)
    key = content_key(
        {
            "campaign": campaign,
            "round": number,
            "config": settings,
            "measured": measured.files,
            "code": code_fingerprint(*ROUND_MAKERS),
        }
    )
    experiment = experiment_id(Settings(), campaign)
    ended = end_abandoned_runs(experiment)
    if ended:
        run_logger().info("ended %d MLflow runs that a killed process had left open", ended)
    tags = {"campaign": campaign, "round": str(number)}
    with run_for(experiment, key, f"round {number:02d}", tags=tags) as run_id:
        log_params(run_id, flatten(settings))
        log_dataset(run_id, measured.path("measured.parquet"), load_facts(measured).name)
        yield Round(
            campaign=campaign,
            number=number,
            key=key,
            config_hash=content_key(settings),
            experiment_id=experiment,
            run_id=run_id,
        )


@task(name="last-predictors")
def last_predictors(campaign: str, number: int, config: TrainingConfig) -> list[StageResult]:
    """Return the members of the round before, from which a warm start continues; none otherwise.

    Raises InputError if they are missing or their number has changed.
    """
    earlier = [event for event in load_ledger(campaign).proposals if event.round < number]
    if config.start == "fresh" or not earlier:
        return []
    last = earlier[-1]
    members = recorded_predictors(last.about, "members")
    objectives = len(last.about.get("objectives", ())) or 1
    if len(members) != config.members * objectives:
        raise InputError(
            f"training.start: warm continues from the {config.members} predictors of round "
            f"{last.round}, which are not in {Settings().stages / 'train'}; use start: fresh"
        )
    return members


@task(name="record-proposal")
def record_proposal(stages: RoundStages, start: StageResult, known: int) -> None:
    """Enter the candidates of a round into the ledger, once.

    ``known`` is how many events the round knew.
    """
    inputs = stages.inputs
    round_ = inputs.round_
    facts = load_facts(start)
    table = read_candidates(stages.selected.path("candidates.parquet").read_bytes())
    about = {
        **describe_space(facts.space),
        "both_strands": facts.both_strands,
        "value_name": facts.value_name,
        "units": facts.source.unit,
        "maximise": facts.maximise,
        "bounds": (facts.source.lowest, facts.source.highest),
        "simulated": facts.has_oracle,
        "round_key": round_.key,
        "config": ledger_settings(inputs.config, inputs.external),
        "objectives": _objectives(load_folds(inputs.folds), facts),
        "start": start.files["measured.parquet"],
        "known": known,
        "members": [stage_record(member) for member in stages.members],
        "validation_models": [stage_record(model) for model in stages.validation_models],
        "table": stage_record(start),
        "folds": stage_record(inputs.folds),
        "code": code_fingerprint(*ROUND_MAKERS),
        "commit": code_version(),
    }
    wells = laid_out(stages.layout)
    if wells is not None and inputs.config.plate is not None:
        about["wells"] = wells[["plate", "well", "design"]].to_numpy().tolist()
        about["plate_size"] = inputs.config.plate.wells
    with held_ledger(round_.campaign) as held:
        if held.append("proposed", round_.number, about, table):
            run_logger().info("round %d: %d candidates proposed", round_.number, table.num_rows)
        held.write_overview()


def _objectives(folds: pd.DataFrame, facts: TableFacts) -> list[dict[str, Any]]:
    """Return the objectives as the ledger records them; none where there is one only.

    Hypervolumes count from the median of the table that the campaign started from.
    """
    if facts.goals is None:
        return []
    start = folds[(folds["fold"] != "withheld") & (folds["round"] == 0)]
    return [
        {
            "name": column or facts.value_name,
            "maximise": maximise,
            "reference": float(start[column or "value"].median()),
        }
        for column, maximise in facts.objectives
    ]

"""One round of a campaign as MLflow and the content keys know it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from designlib.randomness import derive_seed
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.round_inputs import ledger_settings
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.stages.code import code_fingerprint
from tasks.stages.results import Round
from tasks.stages.stages import StageResult, content_key
from tasks.stages.table_facts import load_facts
from tasks.tracking.tracking import (
    end_abandoned_runs,
    experiment_id,
    flatten,
    log_dataset,
    log_params,
    run_for,
)

__all__ = ["ROUND_MAKERS", "open_round", "round_seed"]

ROUND_MAKERS = (
    "tasks.inputs.tables",
    "tasks.rounds.generate",
    "tasks.rounds.import_checkpoints",
    "tasks.rounds.knowledge",
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

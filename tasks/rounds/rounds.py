"""One round of a campaign as MLflow and the content keys know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from designlib.randomness import derive_seed
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
    campaign: str, number: int, config: Mapping[str, Any], measured: StageResult
) -> Iterator[Round]:
    """Give the round of this configuration and data, its MLflow run open; end the run after.

    ``config`` holds the settings that decide the result. Opening a round again takes up its run.
    """
    settings = Settings()
    config_hash = content_key(config)
    key = content_key(
        {
            "campaign": campaign, "round": number, "config": config, "measured": measured.files,
            "code": code_fingerprint(*ROUND_MAKERS),
        }
    )  # fmt: skip
    experiment = experiment_id(settings, campaign)
    ended = end_abandoned_runs(experiment)
    if ended:
        run_logger().info("ended %d MLflow runs that a killed process had left open", ended)
    tags = {"campaign": campaign, "round": str(number)}
    with run_for(experiment, key, f"round {number:02d}", tags=tags) as run_id:
        log_params(run_id, flatten(config))
        log_dataset(run_id, measured.path("measured.parquet"), load_facts(measured).name)
        yield Round(
            campaign=campaign,
            number=number,
            key=key,
            config_hash=config_hash,
            experiment_id=experiment,
            run_id=run_id,
        )

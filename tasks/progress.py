"""How far a campaign is: which rounds a run has to do, and whether there is anything to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tasks.log import run_logger
from tasks.publish import Published, round_folder
from tasks.record import load_record
from tasks.settings import Settings
from tasks.stages import StageResult
from tasks.tables import load_facts
from tasks.tracking import experiment_id, find_run, mlflow_page, run_link

__all__ = ["rounds_ahead", "waiting_round"]


def rounds_ahead(campaign: str, rounds: int, start: StageResult) -> range:
    """Return the numbers of the rounds that a run of a campaign goes through.

    A simulated campaign goes through all of its rounds, and repeats nothing of those it has done.
    Otherwise it is the round whose results have not come yet, or the one after the last results.
    """
    if load_facts(start).has_oracle:
        return range(1, rounds + 1)
    record = load_record(campaign)
    number = record.rounds + 1 if record.has_news else max(1, record.rounds)
    return range(number, number + 1)


def waiting_round(campaign: str, config: Mapping[str, Any], start: StageResult) -> Published | None:
    """Return the last round where nothing has changed since it was published.

    A plate that was ordered is not made anew because the code has changed.
    """
    record = load_record(campaign)
    if load_facts(start).has_oracle or not record.proposals or record.has_news:
        return None
    last = record.proposals[-1]
    about = last.about
    if about.get("config") != json.loads(json.dumps(config)):
        return None
    if about.get("start") != start.files["measured.parquet"]:
        return None
    folder = round_folder(campaign, last.round, about["round_key"])
    experiment = experiment_id(Settings(), campaign)
    run = find_run(experiment, about["round_key"])
    if run is None or not (folder / "summary.json").exists():
        return None
    answered = len(record.candidates()) - len(record.pending())
    note = (
        f"nothing new: round {last.round} was proposed and no result has arrived since "
        f"({answered} of {len(record.candidates())} candidates of all rounds are answered). "
        f"Import results with: python -m flows.measure {campaign} FILE"
    )
    run_logger().info(note)
    return Published(
        folder=folder,
        candidates=folder / "candidates.parquet",
        report=folder / "report.html",
        summary=folder / "summary.json",
        mlflow_page=mlflow_page(run_link(experiment, run.info.run_id)),
        figures=json.loads((folder / "summary.json").read_bytes()),
        note=note,
    )

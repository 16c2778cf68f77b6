"""The page over all rounds of a campaign, in its folder and with its last round in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from prefect import task

from designlib.candidates import Ledger
from designlib.reports import RoundFigures, campaign_page
from tasks.installation.files import write_atomically
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import campaign_folder, load_ledger, round_folder
from tasks.rounds.train import SHARES
from tasks.stages.ensemble import Ensemble, recorded_predictors
from tasks.stages.stages import recorded_stage, run_stage
from tasks.stages.table_facts import load_folds
from tasks.tracking.tracking import experiment_id, find_run, log_bytes

_PAGE = "campaign.html"


@task(name="write-campaign-page")
def write_campaign_page(campaign: str) -> None:
    """Draw the page of a campaign with measured candidates, unless it is there already."""
    record = load_ledger(campaign)
    if not record.proposals or record.candidates()["measured_value"].isna().all():
        return
    about = record.proposals[-1].about
    if about["simulated"] and record.rounds == 1:
        return
    inputs = {"campaign": campaign, "entries": [event.sha256 for event in record.current]}
    stage = run_stage(Settings(), "campaign-page", inputs, lambda: {_PAGE: _draw(record, campaign)})
    path = campaign_folder(campaign) / _PAGE
    content = stage.path(_PAGE).read_bytes()
    if path.exists() and path.read_bytes() == content:
        return
    run = find_run(experiment_id(Settings(), campaign), about["round_key"])
    if run is not None:
        log_bytes(run.info.run_id, _PAGE, content)
    # Last, as it says that the page is in MLflow too.
    write_atomically(path, content)
    run_logger().info("page of the campaign: %s", path)


def _draw(record: Ledger, campaign: str) -> bytes:
    about = record.proposals[-1].about
    rejected = {
        event.round: _rejected(campaign, event.round, event.about["round_key"])
        for event in record.proposals
    }
    curves = learning_curves(about)
    return campaign_page(record, campaign, rejected, curves, start_designs(about)).encode()


def start_designs(about: Mapping[str, Any]) -> pd.DataFrame:
    """Return what a campaign could learn from the table that it started from, best first.

    No rows where that table is gone.
    """
    split = recorded_stage("split", about["folds"]) if "folds" in about else None
    if split is None or not split.is_intact():
        return pd.DataFrame({"design": []})
    folds = load_folds(split)
    shown = folds[(folds["fold"] != "withheld") & (folds["round"] == 0)]
    return shown.sort_values(["value", "design"], ascending=[not about["maximise"], True])


def learning_curves(about: Mapping[str, Any]) -> pd.DataFrame:
    """Return step, rank correlation and shares for each checkpoint of a round's recorded members.

    Those of the first objective, as stored with the checkpoints: no predictor is evaluated. No rows
    if files are missing; no shares of checkpoints of release 0.1, which stored none.
    """
    rows = [
        {"step": state.step, **state.metrics}
        for member in Ensemble(recorded_predictors(about, "members")).of("").trajectories
        for state in member.states
    ]
    curves = pd.DataFrame(rows).rename(columns={"validation_rank_correlation": "rank_correlation"})
    return curves.filter(["step", "rank_correlation", *SHARES])


def _rejected(campaign: str, number: int, key: str) -> Mapping[str, int]:
    path = round_folder(campaign, number, key) / "summary.json"
    return RoundFigures.from_json(path.read_bytes()).selection.rejected if path.exists() else {}

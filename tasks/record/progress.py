"""How far a campaign is: which rounds a run has to do, and whether there is anything to do."""

from __future__ import annotations

from designlib.candidates import Event, Ledger, reason_to_stop
from designlib.config import StoppingConfig
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.round_inputs import ledger_settings, same_settings
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import load_ledger, round_folder
from tasks.stages.results import SUMMARY, Published
from tasks.stages.stages import StageResult
from tasks.stages.table_facts import load_facts
from tasks.tracking.tracking import experiment_id, find_run, mlflow_page, run_link

__all__ = ["pending_round", "rounds_to_run", "stopping_reason"]


def rounds_to_run(campaign: str, rounds: int, start: StageResult) -> range:
    """Return the numbers of the rounds that a run of a campaign goes through.

    A simulated campaign goes through all of its rounds, and repeats nothing of those it has done.
    Otherwise it is the round whose results have not come yet, or the one after the last results.
    """
    if load_facts(start).has_oracle:
        return range(1, rounds + 1)
    record = load_ledger(campaign)
    number = record.rounds + 1 if record.has_news else max(1, record.rounds)
    return range(number, number + 1)


def pending_round(
    config: CampaignConfig, start: StageResult, external: StageResult | None
) -> Published | None:
    """Return the last round where there is nothing to do after it, with a note that says why.

    Either nothing has changed since it was published, or a rule has ended the campaign. A plate
    that was ordered is not made anew because the code has changed.
    """
    campaign = config.name
    record = load_ledger(campaign)
    if load_facts(start).has_oracle or not record.proposals:
        return None
    last = record.proposals[-1]
    if record.has_news:
        ended = reason_to_stop(record, config.stopping)
        return _published(campaign, last, f"ended by {ended}") if ended else None
    about = last.about
    if not same_settings(about.get("config", {}), ledger_settings(config, external)):
        return None
    if about.get("start") != start.files["measured.parquet"]:
        return None
    candidates = record.candidates()
    return _published(
        campaign,
        last,
        f"nothing new: round {last.round} was proposed and no result has arrived since "
        f"({len(candidates) - len(record.pending())} of {len(candidates)} candidates of all rounds "
        f"are answered). Import results with: python -m flows.measure {campaign} FILE",
    )


def stopping_reason(campaign: str, number: int, stopping: StoppingConfig) -> str:
    """Return which rule ends a simulated campaign after a round; empty where it goes on."""
    record = load_ledger(campaign)
    entries = tuple(entry for entry in record.current if entry.round <= number)
    reason = reason_to_stop(Ledger(entries), stopping)
    if reason:
        run_logger().info("ended after round %d by %s", number, reason)
    return reason and f"ended after round {number} by {reason}"


def _published(campaign: str, last: Event, note: str) -> Published | None:
    """Return a round as it was published, or None if that was not finished."""
    key = last.about["round_key"]
    folder = round_folder(campaign, last.round, key)
    run = find_run(experiment_id(Settings(), campaign), key)
    if run is None or not (folder / SUMMARY).exists():
        return None
    run_logger().info(note)
    page = mlflow_page(run_link(run.info.experiment_id, run.info.run_id))
    return Published(folder=folder, mlflow_page=page, note=note)

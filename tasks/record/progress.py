"""The progress of a campaign: the rounds that a run goes through, and why it stops."""

from __future__ import annotations

from designlib.candidates import Event, Ledger, reason_to_stop
from designlib.config import StoppingConfig
from tasks.inputs.campaign_config import CampaignConfig
from tasks.inputs.round_inputs import ledger_settings, same_settings
from tasks.installation.log import run_logger
from tasks.installation.settings import Settings
from tasks.record.ledger import load_ledger, round_folder
from tasks.stages.results import Published
from tasks.stages.stages import StageResult
from tasks.stages.table_facts import load_facts
from tasks.tracking.tracking import experiment_id, find_run, mlflow_page, run_link


def rounds_to_run(campaign: str, rounds: int, start: StageResult) -> range:
    """Return the numbers of the rounds that a run of a campaign goes through.

    A simulated campaign goes through all of its rounds; finished stages are reused. Otherwise it is
    the round whose results are pending, or the one after the last results.
    """
    if load_facts(start).has_oracle:
        return range(1, rounds + 1)
    ledger = load_ledger(campaign)
    number = ledger.rounds + 1 if ledger.has_news else max(1, ledger.rounds)
    return range(number, number + 1)


def pending_round(
    config: CampaignConfig, start: StageResult, external: StageResult | None
) -> Published | None:
    """Return the last round, with a note, if nothing is left to do; None otherwise.

    Either nothing has changed since it was published, or a rule has ended the campaign. Changed
    code does not replace a plate that may have been ordered.
    """
    campaign = config.name
    ledger = load_ledger(campaign)
    if load_facts(start).has_oracle or not ledger.proposals:
        return None
    last = ledger.proposals[-1]
    if ledger.has_news:
        ended = reason_to_stop(ledger, config.stopping)
        return _published(campaign, last, f"ended by {ended}") if ended else None
    about = last.about
    if not same_settings(about.get("config", {}), ledger_settings(config, external)):
        return None
    if about.get("start") != start.files["measured.parquet"]:
        return None
    candidates = ledger.candidates()
    return _published(
        campaign,
        last,
        f"nothing new: round {last.round} was proposed and no result has arrived since "
        f"({len(candidates) - len(ledger.pending())} of {len(candidates)} candidates of all rounds "
        f"are answered). Import results with: python -m flows.measure {campaign} FILE",
    )


def stopping_reason(campaign: str, number: int, stopping: StoppingConfig) -> str:
    """Return the rule that ends a simulated campaign after a round; empty if it continues."""
    ledger = load_ledger(campaign)
    events = tuple(event for event in ledger.current if event.round <= number)
    reason = reason_to_stop(Ledger(events), stopping)
    if reason:
        run_logger().info("ended after round %d by %s", number, reason)
    return reason and f"ended after round {number} by {reason}"


def _published(campaign: str, last: Event, note: str) -> Published | None:
    """Return a round as it was published, or None if that was not finished."""
    key = last.about["round_key"]
    folder = round_folder(campaign, last.round, key)
    run = find_run(experiment_id(Settings(), campaign), key)
    if run is None:
        return None
    page = mlflow_page(run_link(run.info.experiment_id, run.info.run_id))
    published = Published(folder=folder, mlflow_page=page, note=note)
    try:
        _ = published.figures  # a damaged summary is written again
    except (OSError, ValueError):
        return None
    run_logger().info(note)
    return published

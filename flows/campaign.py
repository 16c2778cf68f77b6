"""A design campaign: a measured table in, a plate of candidates out."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import flow

from designlib.config import DesignRules
from tasks.inputs.campaign_config import CampaignConfig, load_config
from tasks.installation.faults import exit_code
from tasks.stages.results import Published


@flow(name="design-campaign", flow_run_name="{config.name}")
def design_campaign(config: CampaignConfig = CampaignConfig()) -> Published:
    """Propose the next plate, or run all rounds of a simulated campaign."""
    # PyTorch and pandas come with these: loaded for a run, not for a server that shows the form.
    from flows.round import propose
    from tasks.inputs.tables import check_constraints, ingest
    from tasks.record.progress import pending_round, rounds_to_run, stopping_reason
    from tasks.reports.campaign_page import write_campaign_page
    from tasks.rounds.import_checkpoints import import_checkpoints
    from tasks.rounds.layout import check_batch
    from tasks.rounds.measuring import measure_by_oracle
    from tasks.rounds.promotion import promote_on_results
    from tasks.stages.table_facts import load_facts

    start = ingest(config.data, config.objectives)
    check_constraints(start, config.rules, config.recipe)
    check_batch(start, config.plate, config.synthesis)
    external = import_checkpoints(config.predictor, start) if config.predictor else None
    rounds = rounds_to_run(config.name, config.rounds, start)
    published = pending_round(config, start, external)
    if published is not None:
        return published
    for number in rounds:
        published = propose(config, start, number, external)
        if load_facts(start).has_oracle:
            measure_by_oracle(start, config.name, number)
            promote_on_results(config.name)
            if note := stopping_reason(config.name, number, config.stopping):
                published = published.model_copy(update={"note": note})
                break
    write_campaign_page(config.name)
    assert published is not None  # noqa: S101 - there is at least one round
    return published


def main(arguments: list[str] | None = None) -> int:
    """Run one campaign, or tell about one, from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.campaign", description=__doc__)
    parser.add_argument(
        "--config", type=Path, metavar="FILE.yaml", help="settings; default: the SIX6 campaign"
    )
    commands = parser.add_subparsers(dest="command", metavar="")
    status = commands.add_parser("status", help="print what was proposed and what was measured")
    status.add_argument("name", metavar="NAME", help="name of the campaign")
    explain = commands.add_parser("explain", help="print the origin of a candidate; replay it")
    explain.add_argument("candidate", metavar="CANDIDATE_ID", help="such as c-3bbe8ef5a8af")
    chosen = parser.parse_args(arguments)
    match chosen.command:
        case "status":
            return exit_code(lambda: _status(chosen.name))
        case "explain":
            return exit_code(lambda: _explain(chosen.candidate))
    return exit_code(lambda: _run(chosen.config))


def _status(campaign: str) -> str:
    from tasks.record.status import status_text

    return status_text(campaign)


def _explain(candidate: str) -> str:
    from tasks.reports.lineage import find_candidate, lineage_text, replay_chain

    def rules(settings: Mapping[str, Any]) -> DesignRules:
        chosen = {name: settings[name] for name in ("constraints", "synthesis") if name in settings}
        return CampaignConfig.model_validate(chosen).rules

    lineage = find_candidate(candidate)
    return lineage_text(lineage, replay_chain(lineage, rules))


def _run(path: Path | None) -> str:
    config = load_config(path) if path else CampaignConfig()
    from tasks.inputs.tables import check_input
    from tasks.installation.device import use_device
    from tasks.servers.command import run_command

    check_input(config.data, config.rules, config.recipe, config.objectives)
    use_device(config.execution.device)
    return run_command(lambda: design_campaign(config)).on_screen()


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())

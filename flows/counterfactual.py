"""Counterfactuals: the fewest edits that change a campaign's predictions for designs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import Any

from prefect import flow

from designlib.config import CounterfactualConfig
from tasks.installation.faults import exit_code
from tasks.stages.results import Counterfactuals


@flow(name="counterfactuals", flow_run_name="counterfactuals of {campaign}")
def explain(campaign: str, designs: Sequence[str], config: CounterfactualConfig) -> Counterfactuals:
    """Sample the fewest edits of each design that reach the goal, and publish table and page."""
    # PyTorch comes with these: loaded for a run, not for a server that lists the flows.
    from tasks.reports.counterfactual import explain_designs, named_designs

    return explain_designs(campaign, named_designs(campaign, designs), config)


def main(arguments: list[str] | None = None) -> int:
    """Explain designs from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.counterfactual", description=__doc__)
    parser.add_argument("campaign", metavar="NAME", help="name of the campaign")
    parser.add_argument(
        "designs", metavar="DESIGN", nargs="+",
        help="designs, ids of candidates, or .txt files with one design per line",
    )  # fmt: skip
    fields = CounterfactualConfig.model_fields
    for name, field in fields.items():
        several = {"nargs": "+", "metavar": "WHAT"} if name == "keep" else {}
        kind = {"above": float, "below": float, "keep": str}.get(name, int)
        add: Any = parser.add_argument
        add(f"--{name}", type=kind, default=field.default, help=field.description, **several)
    asked = vars(parser.parse_args(arguments))
    given = {name: asked[name] for name in fields}
    return exit_code(lambda: _explain(asked["campaign"], asked["designs"], given))


def _explain(campaign: str, designs: list[str], given: dict[str, Any]) -> str:
    from tasks.record.ledger import campaign_folder
    from tasks.servers.command import run_command

    campaign_folder(campaign)
    config = CounterfactualConfig.model_validate(given)
    return run_command(lambda: explain(campaign, designs, config)).on_screen()


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())

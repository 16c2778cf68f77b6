"""The order in which a campaign's predictors learned, and the worth of measurements."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

from prefect import flow

from designlib.config import LearningConfig
from tasks.installation.faults import exit_code
from tasks.stages.results import LearningReport


@flow(name="learning-report", flow_run_name="learning order of {campaign}")
def learning_report(
    campaign: str,
    asked: LearningConfig = LearningConfig(),
) -> LearningReport:
    """Publish the order of learning of the last round's ensemble, with a verdict."""
    # PyTorch comes with it: loaded for a run, not for a server that lists the flows.
    from tasks.reports.learning_order import report_learning

    return report_learning(campaign, asked)


def main(arguments: list[str] | None = None) -> int:
    """Report from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.learning", description=__doc__)
    parser.add_argument("campaign", metavar="NAME", help="name of the campaign")
    for name, field in LearningConfig.model_fields.items():
        kind: Any = (
            {"action": "store_true"}
            if name == "curve"
            else {"type": type(field.default), "default": field.default, "metavar": name.upper()}
        )
        parser.add_argument(f"--{name}", help=field.description, **kind)
    given = vars(parser.parse_args(arguments))
    return exit_code(lambda: _report(given.pop("campaign"), given))


def _report(campaign: str, given: dict[str, Any]) -> str:
    from tasks.record.ledger import campaign_folder
    from tasks.servers.command import run_command

    campaign_folder(campaign)
    asked = LearningConfig.model_validate(given)
    return run_command(lambda: learning_report(campaign, asked)).on_screen()


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())

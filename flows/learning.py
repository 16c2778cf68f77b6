"""What a campaign's predictors learned when, and whether that was from coarse to fine."""

from __future__ import annotations

import argparse
import logging
import sys

from prefect import flow

from designlib.errors import InputError
from tasks.results import LearningReport

__all__ = ["learning_report", "main"]


@flow(name="learning-report", flow_run_name="learning order of {campaign}")
def learning_report(campaign: str, motifs: str = "") -> LearningReport:
    """Publish the order of learning of the last round's ensemble, with a verdict."""
    # PyTorch comes with it: loaded for a run, not for a server that lists the flows.
    from tasks.learning_order import report_learning

    return report_learning(campaign, motifs)


def main(arguments: list[str] | None = None) -> int:
    """Report from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.learning", description=__doc__)
    parser.add_argument("campaign", metavar="NAME", help="name of the campaign")
    parser.add_argument(
        "--motifs", default="", metavar="FILE", help="motifs to look for, in the JASPAR format"
    )
    asked = parser.parse_args(arguments)
    from tasks.command import run_command

    try:
        report = run_command(lambda: learning_report(asked.campaign, asked.motifs))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    print(report.on_screen())  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())

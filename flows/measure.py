"""Import of measurements: results files are added to the campaign's ledger."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Annotated

from prefect import flow
from pydantic import Field

from designlib.errors import InputError
from tasks.inputs.campaign_config import CAMPAIGN_NAME
from tasks.installation.faults import exit_code
from tasks.stages.results import ImportedResults

_CampaignName = Annotated[
    str,
    Field(
        pattern=CAMPAIGN_NAME,
        title="Campaign",
        description="Name of the campaign whose candidates were measured.",
    ),
]
_Path = Annotated[
    str,
    Field(
        min_length=1,
        title="File or folder",
        description="Results as CSV, TSV or Parquet, one row per measurement. All files of a "
        "folder are read and known results are skipped, so a schedule can watch it. From the page: "
        "a path inside the folder of tables, DESIGN_TABLES.",
    ),
]
_Corrections = Annotated[
    bool,
    Field(
        title="Corrections",
        description="Replace earlier values of the same measurement by differing ones. Otherwise "
        "these are reported and the file is not imported.",
    ),
]


@flow(name="import-measurements", flow_run_name="results of {campaign}")
def import_measurements(
    campaign: _CampaignName, path: _Path = "results", corrections: _Corrections = False
) -> list[ImportedResults]:
    """Add the results of a file, or of every file of a folder, to the campaign's ledger.

    Each file is imported whole or not at all; rejected files are then reported in one InputError.
    """
    # pandas and PyTorch come with these: loaded for a run, not for a server that shows the form.
    from tasks.reports.campaign_page import write_campaign_page
    from tasks.rounds.importing import find_result_files, import_results
    from tasks.rounds.promotion import promote_on_results

    done, refused = [], []
    for file in find_result_files(path):
        try:
            done.append(import_results(campaign, file, corrections=corrections))
        except InputError as error:
            refused.append(str(error))
    if done:
        promote_on_results(campaign)
        write_campaign_page(campaign)
    if refused:
        raise InputError("\n".join(refused))
    return done


def main(arguments: list[str] | None = None) -> int:
    """Import results from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.measure", description=__doc__)
    parser.add_argument("campaign", metavar="NAME", help="name of the campaign")
    parser.add_argument("path", metavar="FILE", help="results file, or a folder of them")
    parser.add_argument(
        "--corrections",
        action="store_true",
        help="replace earlier values of the same measurement by differing ones",
    )
    asked = parser.parse_args(arguments)
    return exit_code(lambda: _import(asked))


def _import(asked: argparse.Namespace) -> str:
    from tasks.record.ledger import campaign_folder
    from tasks.record.status import status_text
    from tasks.servers.command import run_command

    campaign_folder(asked.campaign)
    imported = run_command(
        lambda: import_measurements(asked.campaign, asked.path, asked.corrections)
    )
    return "\n".join([*(one.on_screen() for one in imported), "", status_text(asked.campaign)])


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    sys.exit(main())

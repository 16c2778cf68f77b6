"""Importing results into the ledger of a campaign: all of a file or nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

from prefect import task

from designlib.candidates import measurement_table
from designlib.candidates.results import merge_results, parse_results
from designlib.tables import ACCEPTED_SUFFIXES
from designlib.types import InputError
from tasks.inputs.tables import table_path
from tasks.installation.files import read_input
from tasks.installation.log import run_logger
from tasks.record.ledger import held_ledger, load_ledger
from tasks.rounds.measuring import mirror_results
from tasks.stages.results import ImportedResults


def find_result_files(path: str) -> list[Path]:
    """Return the file, or the results files in the folder, in order of their names.

    Hidden files of a folder, which may be half copied, are skipped.

    Raises InputError for a missing path, and for one that the page may not name.
    """
    place = table_path(path)
    if not place.is_dir():
        return [place]
    return sorted(
        file
        for file in place.iterdir()
        if file.is_file()
        and not file.name.startswith(".")
        and file.name.lower().removesuffix(".gz").endswith(ACCEPTED_SUFFIXES)
    )


@task(name="import-results", task_run_name="import {path.name}")
def import_results(campaign: str, path: Path, *, corrections: bool = False) -> ImportedResults:
    """Add the new results of a file to the campaign's ledger; all of them or nothing.

    Raises InputError for a campaign without a proposal or a simulated one, and for a file with
    unusable results.
    """
    if not load_ledger(campaign).proposals:
        raise InputError(
            f"campaign {campaign!r} has proposed nothing yet, so no results can belong to it"
        )
    content = read_input(path)
    with held_ledger(campaign) as held:
        about = held.record.proposals[-1].about
        if about["simulated"]:
            raise InputError(
                f"campaign {campaign!r} is simulated: the withheld part of its table measures"
            )
        parsed = parse_results(content, path.name, held.record)
        found = merge_results(held.record, parsed, path.name, corrections=corrections)
        if len(found.rows):
            source = {"source": path.name, "source_sha256": hashlib.sha256(content).hexdigest()}
            held.append("measured", held.record.rounds, source, measurement_table(found.rows))
        held.write_overview()
        record = held.record
    mirror_results(campaign, record)
    imported = ImportedResults(
        source=path.name,
        added=len(found.rows),
        failed=int((found.rows["outcome"] == "failed").sum()),
        known=found.known,
        corrected=found.corrected,
        unproposed=found.unproposed,
        pending=len(record.pending()),
        notes=tuple(parsed.notes),
        warnings=tuple(parsed.warnings),
    )
    for line in imported.on_screen().splitlines():
        run_logger().info(line)
    return imported

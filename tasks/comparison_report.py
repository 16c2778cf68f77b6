"""The comparison as a page with figures, a Parquet file and a run in MLflow."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from prefect import task

from designlib.reporting.benchmark_page import benchmark_files
from designlib.reporting.comparison import merge_cells, summarise
from designlib.types import InputError
from tasks.files import write_atomically
from tasks.log import run_logger
from tasks.settings import REPOSITORY, Settings
from tasks.stages import StageResult
from tasks.tables import parquet_bytes
from tasks.tracking import experiment_id, log_bytes, log_table, run_for

__all__ = ["publish_comparison", "write_benchmarks"]

_EXPERIMENT = "benchmarks"
_CELLS = "cells.parquet"
_PAGE = "BENCHMARKS.md"
PUBLISHED = "docs/benchmarks/"
"""Folder of the cells and the figures of the page that lies in the repository."""


@task(name="publish-comparison")
def publish_comparison(cells: StageResult) -> Path:
    """Write cells, page and figures beside those of earlier runs; log them; return the page."""
    settings = Settings()
    new = pd.read_parquet(cells.path(_CELLS))
    folder = settings.home / "benchmarks"
    table = merge_cells(_known(folder / _CELLS), new)
    files = {_CELLS: parquet_bytes(table), **benchmark_files(table, "")}
    for name, content in files.items():
        write_atomically(folder / name, content)
    with run_for(experiment_id(settings, _EXPERIMENT), cells.key, "comparison") as run_id:
        for name, content in files.items():
            log_bytes(run_id, name, content)
        log_table(run_id, summarise(new), "summary.json")
    run_logger().info("page: %s", folder / _PAGE)
    return folder / _PAGE


def write_benchmarks(repository: Path = REPOSITORY) -> Path:
    """Take the cells of all runs here into the repository's own and write its page from them.

    Raises InputError where there are none.
    """
    known = _known(repository / PUBLISHED / _CELLS)
    new = _known(Settings().home / "benchmarks" / _CELLS)
    if new is None and known is None:
        raise InputError("there are no finished comparisons; run one first")
    table = known if new is None else merge_cells(known, new)
    assert table is not None  # noqa: S101 - one of the two is there
    files = benchmark_files(table, PUBLISHED)
    write_atomically(repository / PUBLISHED / _CELLS, parquet_bytes(table))
    write_atomically(repository / _PAGE, files.pop(_PAGE))
    for name, content in files.items():
        write_atomically(repository / PUBLISHED / name, content)
    return repository / _PAGE


def _known(path: Path) -> pd.DataFrame | None:
    return pd.read_parquet(path) if path.exists() else None

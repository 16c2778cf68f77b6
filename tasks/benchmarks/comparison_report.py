"""The comparison as a page with figures, a Parquet file and a run in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from prefect import task

from designlib.benchmarks.pages import (
    benchmark_files,
    merge_campaigns,
    merge_cells,
    merge_images,
    merge_learning,
    merge_loops,
    summarise,
    summarise_images,
)
from designlib.types import InputError
from tasks.benchmarks.ready_campaigns import CAMPAIGNS
from tasks.installation.files import parquet_bytes, write_atomically
from tasks.installation.log import run_logger
from tasks.installation.settings import REPOSITORY, Settings
from tasks.stages.stages import StageResult
from tasks.tracking.tracking import experiment_id, log_bytes, log_table, run_for

__all__ = ["publish_comparison", "write_benchmarks"]

_EXPERIMENT = "benchmarks"
_CELLS = "cells.parquet"
_LEARNING = "learning.parquet"
_IMAGES = "images.parquet"
_ROUNDS = "rounds.parquet"
_PAGE = "BENCHMARKS.md"
_MERGED = {
    _CELLS: merge_cells,
    _LEARNING: merge_learning,
    _IMAGES: merge_images,
    _ROUNDS: merge_loops,
    CAMPAIGNS: merge_campaigns,
}
PUBLISHED = "docs/benchmarks/"
"""Folder of the cells and the figures of the page that lies in the repository."""


@task(name="publish-comparison")
def publish_comparison(cells: StageResult, name: str = "comparison") -> Path:
    """Write cells, page and figures beside those of earlier runs; log them; return the page.

    ``name`` is that of the run in MLflow.
    """
    settings = Settings()
    folder = settings.home / "benchmarks"
    tables = _merged(folder, {name: cells.path(name) for name in cells.files})
    files = {name: parquet_bytes(table) for name, table in tables.items()}
    files |= _page_files(tables, "")
    for file, content in files.items():
        write_atomically(folder / file, content)
    with run_for(experiment_id(settings, _EXPERIMENT), cells.key, name) as run_id:
        for file, content in files.items():
            log_bytes(run_id, file, content)
        for file, summary in ((_CELLS, summarise), (_IMAGES, summarise_images)):
            if file in cells.files:
                log_table(run_id, summary(pd.read_parquet(cells.path(file))), "summary.json")
    run_logger().info("page: %s", folder / _PAGE)
    return folder / _PAGE


def write_benchmarks(repository: Path = REPOSITORY) -> Path:
    """Take the cells of all runs here into the repository's own and write its page from them.

    Raises InputError where there are none.
    """
    runs = Settings().home / "benchmarks"
    tables = _merged(repository / PUBLISHED, {name: runs / name for name in _MERGED})
    if not tables:
        raise InputError("there are no finished comparisons; run one first")
    files = _page_files(tables, PUBLISHED)
    for name, table in tables.items():
        write_atomically(repository / PUBLISHED / name, parquet_bytes(table))
    write_atomically(repository / _PAGE, files.pop(_PAGE))
    for name, content in files.items():
        write_atomically(repository / PUBLISHED / name, content)
    return repository / _PAGE


def _page_files(tables: Mapping[str, pd.DataFrame], folder: str) -> dict[str, bytes]:
    """Return the page of some tables, by file, and its figures."""
    cells, learned, images, rounds, campaigns = (tables.get(name) for name in _MERGED)
    return benchmark_files(cells, learned, folder, images, rounds, campaigns)


def _merged(folder: Path, new: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """Return the tables of a folder, by file, with newer ones merged into them."""
    tables = {}
    for name, merge in _MERGED.items():
        known = pd.read_parquet(folder / name) if (folder / name).exists() else None
        fresh = pd.read_parquet(new[name]) if name in new and new[name].exists() else None
        if fresh is not None:
            known = merge(known, fresh)
        if known is not None:
            tables[name] = known
    return tables

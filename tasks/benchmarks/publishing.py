"""Benchmark runs as pages with figures, Parquet files and a run in MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml
from prefect import task

from designlib.benchmarks.pages import (
    FRONT,
    TABLES,
    Pages,
    PageSettings,
    benchmark_pages,
    merge,
    summarise,
)
from designlib.types import InputError
from tasks.installation.files import parquet_bytes, write_atomically
from tasks.installation.log import run_logger
from tasks.installation.settings import REPOSITORY, Settings
from tasks.tracking.tracking import experiment_id, log_bytes, log_table, run_for

PUBLISHED = "docs/benchmarks/"
"""Folder of the runs, details and figures behind the page that lies in the repository."""
_EXPERIMENT = "benchmarks"
_FORMER = {"runs": "cells"}
"""Names of files in result folders of release 0.1."""


@task(name="publish-benchmarks")
def publish(new: Mapping[str, pd.DataFrame], name: str) -> Path:
    """Merge runs into those of earlier benchmarks, write the pages, log them; return the page.

    ``new`` holds tables by their names in `TABLES`; ``name`` is that of the MLflow run.
    """
    settings = Settings()
    folder = settings.home / "benchmarks"
    tables = stored_tables(folder, new)
    files = _files(tables) | _page_files(tables, "")
    for file, content in files.items():
        write_atomically(folder / file, content)
    contents = b"".join(parquet_bytes(new[name]) for name in sorted(new))
    key = hashlib.sha256(contents).hexdigest()[:16]
    with run_for(experiment_id(settings, _EXPERIMENT), key, name) as run_id:
        for file, content in files.items():
            log_bytes(run_id, file, content)
        for table, rows in new.items():
            if TABLES[table].figures:
                log_table(run_id, summarise(table, rows), f"{table}.json")
    page = folder / f"{FRONT}.md"
    run_logger().info("page: %s", page)
    return page


def write_benchmarks(repository: Path = REPOSITORY) -> Path:
    """Merge the runs of this machine into the repository's own and write its pages from them.

    Raises InputError where there are none.
    """
    new = stored_tables(Settings().home / "benchmarks", {})
    tables = stored_tables(repository / PUBLISHED, new)
    if not tables:
        raise InputError("there are no finished benchmark runs; run one first")
    files = _files(tables) | _page_files(tables, PUBLISHED)
    write_atomically(repository / f"{FRONT}.md", files.pop(f"{FRONT}.md"))
    for name, content in files.items():
        write_atomically(repository / PUBLISHED / name, content)
    return repository / f"{FRONT}.md"


def pages_of(tables: Mapping[str, pd.DataFrame], folder: str) -> Pages:
    """Return all pages of some tables, with details and figures in ``folder``."""
    text = (REPOSITORY / PUBLISHED / "page.yaml").read_text(encoding="utf-8")
    settings = PageSettings.model_validate(yaml.safe_load(text))
    return benchmark_pages(tables, settings, folder)


def stored_tables(folder: Path, new: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables of a folder by name, with new runs merged into them."""
    tables = {}
    for name in TABLES:
        paths = [folder / f"{each}.parquet" for each in (name, _FORMER.get(name, name))]
        stored = next((pd.read_parquet(path) for path in paths if path.exists()), None)
        table = merge(name, stored, new[name]) if name in new else stored
        if table is not None:
            tables[name] = table
    return tables


def _files(tables: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    return {f"{name}.parquet": parquet_bytes(table) for name, table in tables.items()}


def _page_files(tables: Mapping[str, pd.DataFrame], folder: str) -> dict[str, bytes]:
    pages = pages_of(tables, folder)
    texts = {f"{name}.md": text.encode() for name, text in pages.texts.items()}
    return texts | {f"{name}.png": drawing.png() for name, drawing in pages.drawings.items()}

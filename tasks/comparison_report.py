"""The comparison as a page with figures, a Parquet file and a run in MLflow."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import task

from designlib.reporting.comparison import budget_figure, comparison_page, summarise
from tasks.files import write_atomically
from tasks.log import run_logger
from tasks.machine import describe_machine
from tasks.settings import REPOSITORY, Settings
from tasks.stages import StageResult
from tasks.tracking import experiment_id, log_bytes, log_table, run_for

__all__ = ["publish_comparison"]

_EXPERIMENT = "benchmarks"


@task(name="publish-comparison")
def publish_comparison(cells: StageResult, about: Mapping[str, Any]) -> Path:
    """Write BENCHMARKS.md, its figures and the cells; log them to MLflow; return the page."""
    settings = Settings()
    table = pd.read_parquet(cells.path("cells.parquet"))
    summary = summarise(table)
    pictures = [budget_figure(str(problem), group) for problem, group in summary.groupby("problem")]
    told = {**about, "commit": _commit(), **describe_machine()}
    folder = settings.home / "benchmarks"
    files = {"cells.parquet": cells.path("cells.parquet").read_bytes()}
    files |= {f"{picture.name}.png": picture.png for picture in pictures}
    files["BENCHMARKS.md"] = comparison_page(summary, pictures, told).encode()
    for name, content in files.items():
        write_atomically(folder / name, content)
    with run_for(experiment_id(settings, _EXPERIMENT), cells.key, "comparison") as run_id:
        for name, content in files.items():
            log_bytes(run_id, name, content)
        log_table(run_id, summary, "summary.json")
    run_logger().info("page: %s", folder / "BENCHMARKS.md")
    return folder / "BENCHMARKS.md"


def _commit() -> str:
    """Return the commit of the code, with a note where files have changed since."""
    git = ["git", "-C", str(REPOSITORY)]
    try:
        commit = subprocess.run(  # noqa: S603 - a fixed command
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(  # noqa: S603
            [*git, "status", "--porcelain"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with uncommitted changes" if changed else commit

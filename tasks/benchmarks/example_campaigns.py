"""Example campaigns as a benchmark: what their candidates are worth, seed by seed."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from prefect import task

from tasks.installation.log import run_logger
from tasks.installation.machine import code_version, machine_line
from tasks.stages.results import Published
from tasks.stages.stages import StageResult
from tasks.stages.table_facts import load_facts

__all__ = ["judge_campaign"]


@task(name="judge-campaign", task_run_name="{name}, seed {seed}")
def judge_campaign(name: str, seed: int, start: StageResult, done: Published) -> dict[str, Any]:
    """Return what a campaign's candidates are worth by the truth; ``start`` is the whole table."""
    values = pd.read_parquet(start.path("measured.parquet"), columns=["value"])["value"]
    # Of small values that are wanted, a share would say nothing.
    best = values.max() if load_facts(start).maximise else math.nan
    batch = done.figures["batch"]
    row = {
        "campaign": name,
        "seed": seed,
        "candidates": batch["candidates"],
        "feasible_share": batch["feasible_share"],
        "best_percentile": batch["true_percentile"]["best"],
        "median_percentile": batch["true_percentile"]["median"],
        "best_value": batch["true_value"]["of_best"],
        "median_value": batch["true_value"]["median"],
        "share_of_best": batch["true_value"]["of_best"] / best,
        "over_prediction": batch["over_prediction"],
        "commit": code_version(),
        "machine": machine_line(),
    }
    run_logger().info(
        "%s, seed %d: percentile of the best %.2f, of the median %.2f",
        name, seed, row["best_percentile"], row["median_percentile"],
    )  # fmt: skip
    return row

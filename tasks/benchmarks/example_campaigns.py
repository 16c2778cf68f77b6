"""Example campaigns as a benchmark: what their candidates are worth, seed by seed."""

from __future__ import annotations

import math

import pandas as pd
from prefect import task

from designlib.errors import InputError
from tasks.benchmarks.runs import Row
from tasks.installation.log import run_logger
from tasks.installation.machine import code_version, machine_line
from tasks.stages.results import Published
from tasks.stages.stages import StageResult
from tasks.stages.table_facts import load_facts


@task(name="score-campaign", task_run_name="{name}, seed {seed}")
def score_campaign(name: str, seed: int, start: StageResult, done: Published) -> Row:
    """Return what a campaign's candidates are worth by the truth; ``start`` is the whole table."""
    values = pd.read_parquet(start.path("measured.parquet"), columns=["value"])["value"]
    # Of small values that are wanted, a share would say nothing.
    best = values.max() if load_facts(start).maximise else math.nan
    batch = done.figures.batch
    places, worth = batch.true_percentile, batch.true_value
    if places is None or worth is None:
        raise InputError(f"the data set of {name} has no truth to compare candidates with")
    run_logger().info(
        "%s, seed %d: percentile of the best %.2f, of the median %.2f",
        *(name, seed, places.best, places.median),
    )
    return {
        "campaign": name,
        "seed": seed,
        "candidates": batch.candidates,
        "feasible_share": batch.feasible_share,
        "best_percentile": places.best,
        "median_percentile": places.median,
        "best_value": worth.of_best,
        "median_value": worth.median,
        "share_of_best": worth.of_best / best,
        "over_prediction": batch.over_prediction,
        "commit": code_version(),
        "machine": machine_line(),
    }

"""Cells of the comparison: one problem, one method, one budget, one seed; each computed once."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from prefect import task

from designlib.constraints import feasible_starts
from designlib.methods import Method, Setting
from designlib.methods.judging import judge
from designlib.problems.base import Placing, Problem, Solvable, train_trajectory
from designlib.randomness import torch_generator
from designlib.types import Designs
from tasks.comparison_problems import make_problem
from tasks.device import use_device
from tasks.log import run_logger
from tasks.settings import Settings
from tasks.stages import StageResult, run_stage
from tasks.tables import json_bytes, parquet_bytes

__all__ = ["gather_cells", "run_cell", "tune_method"]

_REFERENCE = 512
_TUNING_SEEDS = (1000, 1001)


@task(name="tune-method", task_run_name="tune {method.name} on {problem}")
def tune_method(problem: str, method: Method, budget: int, designs: int) -> Method:
    """Return the settings of a method that do best on seeds which the comparison does not use.

    Best is the highest mean of the share found, where the problem says what counts, or of the
    median true value; ties go to the earlier choice.
    """
    best, highest = method, float("-inf")
    for choice in type(method).choices():
        rows = [_cell(problem, choice, budget, designs, seed) for seed in _TUNING_SEEDS]
        value = sum(_merit(row) for row in rows) / len(rows)
        if value > highest:
            best, highest = choice, value
    run_logger().info("%s on %s: %s", method.name, problem, best)
    return best


@task(name="run-cell", task_run_name="{method.name} on {problem}, budget {budget}, seed {seed}")
def run_cell(problem: str, method: Method, budget: int, designs: int, seed: int) -> dict[str, Any]:
    """Return the row of one cell, from its stage where it was computed before."""
    row = _cell(problem, method, budget, designs, seed)
    run_logger().info(
        "%s, %s, %d evaluations a design, seed %d: median %.4g, best %.4g, found %.3g",
        problem, method.name, budget, seed, row["median"], row["best"], row["success"],
    )  # fmt: skip
    return row


@task(name="gather-cells")
def gather_cells(rows: Sequence[dict[str, Any]]) -> StageResult:
    """Return the stage with all rows in one Parquet file."""
    table = pd.DataFrame(rows).sort_values(["problem", "method", "budget", "seed"])
    content = parquet_bytes(table.reset_index(drop=True))
    # Not the rows themselves: where a figure has no meaning it is NaN.
    inputs = {"cells": hashlib.sha256(content).hexdigest()}
    return run_stage(Settings(), "comparison", inputs, lambda: {"cells.parquet": content})


def _merit(row: dict[str, Any]) -> float:
    value = row["median"] if pd.isna(row["success"]) else row["success"]
    return float("-inf") if pd.isna(value) else value


def _cell(problem: str, method: Method, budget: int, designs: int, seed: int) -> dict[str, Any]:
    use_device("cpu")

    def make() -> dict[str, bytes]:
        row = _measured(problem, method, budget, designs, seed)
        # JSON has no NaN, which a figure is that has no meaning for this problem.
        known = {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - true for NaN alone
        return {"row.json": json_bytes(known)}

    inputs = {
        "problem": problem, "method": repr(method), "budget": budget, "designs": designs,
        "seed": seed,
    }  # fmt: skip
    stage = run_stage(Settings(), "comparison-cell", inputs, make)
    row = json.loads(stage.path("row.json").read_bytes())
    return {name: float("nan") if value is None else value for name, value in row.items()}


def _measured(name: str, method: Method, budget: int, designs: int, seed: int) -> dict[str, Any]:
    problem, setting, training = _prepared(name, seed)
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = method.run(setting, designs, budget, seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = problem.success if isinstance(problem, Solvable) else None
    places = problem.percentiles if isinstance(problem, Placing) else None
    verdict = judge(outcome, setting, training, problem.oracle, found, places)
    return {
        "problem": name, "method": method.name, "settings": repr(method), "budget": budget,
        "designs": designs, "seed": seed, "evaluations": outcome.evaluations,
        "wall_seconds": wall, "cpu_seconds": cpu, **verdict._asdict(),
    }  # fmt: skip


@functools.lru_cache(maxsize=4)
def _prepared(name: str, seed: int) -> tuple[Problem, Setting, Designs]:
    """Return a problem with its predictor trained along a trajectory; the same for all methods."""
    problem = make_problem(name)
    checkpoints = train_trajectory(problem, seed)
    training, _ = problem.training_data(seed)

    def start(n: int, generator: torch.Generator) -> Designs:
        if problem.constraint is None:
            return problem.space.random(n, generator)
        return feasible_starts(problem.space, problem.constraint, n, generator)

    reference = start(_REFERENCE, torch_generator(seed, "reference"))
    setting = Setting(problem.space, problem.constraint, checkpoints, reference, start)
    return problem, setting, training

"""Simulated campaigns of several loops on the same problems; each computed once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from prefect import task

from designlib.benchmarks.loops import (
    EnsembleConfig,
    GuidedSearch,
    Loop,
    MeasuredSearch,
    TrajectoryLoop,
    run_loop,
)
from designlib.benchmarks.methods import AdaLead, GeneticAlgorithm, RandomMutation
from designlib.benchmarks.problems import Solvable
from tasks.benchmarks.comparison_problems import make_problem
from tasks.installation.device import use_device
from tasks.installation.files import parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.machine import code_version, machine_line
from tasks.installation.settings import Settings
from tasks.stages.stages import StageResult, run_stage

__all__ = ["LOOP_PROBLEMS", "loops_for", "run_loop_once", "standings", "tune_loop"]

_BRIEF = EnsembleConfig(steps=300, further_steps=50)
_PREDICTORS = {
    "enhancer": _BRIEF._replace(emphasis=1.0),
    # With emphasis on the best, they rank the changes that help a good design worse.
    "ehrlich-64": _BRIEF,
    "tfbind8": EnsembleConfig(emphasis=1.0),
}
"""The problems, each with the predictors of all loops that have some."""

LOOP_PROBLEMS = tuple(_PREDICTORS)

_TUNING_SEEDS = (1000,)
"""Seeds on which settings are chosen; those that are compared count from 0."""


def loops_for(problem: str) -> tuple[tuple[Loop, ...], ...]:
    """Return the loops that are compared, that of this project first, each in several settings."""
    predictors = _PREDICTORS[problem]
    walk = TrajectoryLoop(predictors, chains=64)
    # Two 8-mers that differ in two letters differ in much; of long sequences they are copies.
    apart = walk if problem == "tfbind8" else replace(walk, min_distance=4)
    sharp = replace(apart, sharpness=20.0)
    first, second = (sharp, apart) if problem == "enhancer" else (apart, sharp)
    return (
        (first, replace(first, std_weight=-0.3), second),
        tuple(
            GuidedSearch(method, predictors, budget=20, found=300)
            for method in (AdaLead(), AdaLead(kappa=0.2), AdaLead(mutations=3.0))
        ),
        tuple(MeasuredSearch(method) for method in GeneticAlgorithm.choices()),
        tuple(MeasuredSearch(method) for method in RandomMutation.choices()),
    )


_CODE = (
    "designlib.benchmarks.loops",
    "designlib.benchmarks.problems",
    "tasks.benchmarks.comparison_problems",
)
"""The code that decides a run: not which settings are tried and how they are compared."""


@task(name="tune-loop", task_run_name="tune on {problem}")
def tune_loop(problem: str, tried: Sequence[Loop], rounds: int, batch: int) -> Loop:
    """Return the settings of a loop that do best on a seed which the comparison does not use.

    Best is the highest mean of the best 100 after the last round, then the highest value; ties go
    to the earlier one.
    """

    def merit(loop: Loop) -> tuple[float, float]:
        runs = [_run(problem, loop, rounds, batch, seed) for seed in _TUNING_SEEDS]
        last = pd.DataFrame([_standings(run).iloc[-1] for run in runs])
        return float(last["top_mean"].mean()), float(last["best"].mean())

    return max(tried, key=merit) if len(tried) > 1 else tried[0]


@task(name="run-loop", task_run_name="{loop.name} on {problem}, seed {seed}")
def run_loop_once(problem: str, loop: Loop, rounds: int, batch: int, seed: int) -> StageResult:
    """Return the stage with where a loop stood after each round of one simulated campaign."""
    return _run(problem, loop, rounds, batch, seed)


def _run(problem: str, loop: Loop, rounds: int, batch: int, seed: int) -> StageResult:
    use_device("cpu")

    def make() -> dict[str, bytes]:
        known, began = make_problem(problem), time.process_time()
        told = [
            {**standing._asdict(), "cpu_seconds": time.process_time() - began}
            for standing in run_loop(known, loop, rounds, batch, seed)
        ]
        about = {
            "problem": problem, "loop": loop.name, "settings": repr(loop), "seed": seed,
            "commit": code_version(), "machine": machine_line(),
        }  # fmt: skip
        return {"standings.parquet": parquet_bytes(pd.DataFrame(told).assign(**about))}

    inputs = {
        "problem": problem, "loop": repr(loop), "rounds": rounds, "batch": batch, "seed": seed,
    }  # fmt: skip
    stage = run_stage(Settings(), "loop-cell", inputs, make, *_CODE)
    last = _standings(stage).iloc[-1]
    run_logger().info(
        "%s, %s, seed %d: best %.4g, best 100 %.4g after %d measurements, %.0f s",
        problem, loop, seed, last["best"], last["top_mean"], last["measured"],
        last["cpu_seconds"],
    )  # fmt: skip
    return stage


def standings(runs: Sequence[StageResult], *, tuned: bool) -> pd.DataFrame:
    """Return where loops stood after each round of all runs.

    ``tuned`` says whether the settings of the loops were chosen on another seed.
    """
    table = pd.concat([_standings(run) for run in runs], ignore_index=True)
    optimum = {problem: _optimum(problem) for problem in table["problem"].unique()}
    return table.assign(tuned=tuned, optimum=table["problem"].map(optimum))


def _standings(run: StageResult) -> pd.DataFrame:
    return pd.read_parquet(run.path("standings.parquet"))


def _optimum(problem: str) -> float | None:
    known = make_problem(problem)
    return known.optimum if isinstance(known, Solvable) else None

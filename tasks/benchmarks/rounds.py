"""Campaigns of several rounds by several proposers on the same problems; each computed once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from prefect import task

from designlib.benchmarks.methods import METHODS, AdaLead
from designlib.benchmarks.problems import Solvable
from designlib.benchmarks.rounds import (
    Campaign,
    GuidedSearch,
    MeasuredSearch,
    Proposer,
    RoundTraining,
    run_rounds,
)
from designlib.config import SamplingConfig, SelectionConfig
from tasks.benchmarks.comparison_problems import make_problem
from tasks.installation.device import use_device
from tasks.installation.files import parquet_bytes
from tasks.installation.log import run_logger
from tasks.installation.machine import code_version, machine_line
from tasks.installation.settings import Settings
from tasks.stages.stages import StageResult, run_stage

_BRIEF = RoundTraining(steps=300, further_steps=50)
_PREDICTORS = {
    "enhancer": _BRIEF._replace(emphasis=1.0),
    # With emphasis on the best, they rank the changes that help a good design worse.
    "ehrlich-64": _BRIEF,
    "tfbind8": RoundTraining(emphasis=1.0),
}
"""The problems, each with the predictors of all proposers that have some."""

ROUND_PROBLEMS = tuple(_PREDICTORS)

_TUNING_SEEDS = (1000,)
"""Seeds on which settings are chosen; those that are compared count from 0."""


def proposers_for(problem: str) -> tuple[tuple[Proposer, ...], ...]:
    """Return the proposers that are compared, this project's first, each in several settings."""
    predictors = _PREDICTORS[problem]
    sampling = SamplingConfig(
        chains=64, elite_share=0.75, steps_per_rung=2, final_steps=10, pool_rungs=1000
    )
    # Two 8-mers that differ in two letters differ in much; of long sequences they are copies.
    selection = SelectionConfig(min_distance=2 if problem == "tfbind8" else 4)
    apart = Campaign(predictors, sampling, selection)
    sharp = replace(apart, sampling=sampling.model_copy(update={"sharpness": 20.0}))
    first, second = (sharp, apart) if problem == "enhancer" else (apart, sharp)
    optimistic = selection.model_copy(update={"acquisition": "upper_bound", "std_weight": 0.3})
    searches = (AdaLead(), AdaLead(kappa=0.2), AdaLead(mutations=3.0))
    return (
        (first, replace(first, selection=optimistic), second),
        tuple(GuidedSearch(method, predictors, budget=20, found=300) for method in searches),
        tuple(MeasuredSearch(method) for method in METHODS["genetic algorithm"]),
        tuple(MeasuredSearch(method) for method in METHODS["random mutation of the best"]),
    )


_CODE = (
    "designlib.benchmarks.rounds",
    "designlib.benchmarks.problems",
    "tasks.benchmarks.comparison_problems",
)
"""The code that decides a run: not which settings are tried and how they are compared."""


@task(name="tune-proposer", task_run_name="tune on {problem}")
def tune_proposer(problem: str, tried: Sequence[Proposer], rounds: int, batch: int) -> Proposer:
    """Return the settings of a proposer that do best on a seed which the comparison does not use.

    Best is the highest mean of the best 100 after the last round, then the highest value; ties go
    to the earlier one.
    """

    def merit(proposer: Proposer) -> tuple[float, float]:
        runs = [_run(problem, proposer, rounds, batch, seed) for seed in _TUNING_SEEDS]
        last = pd.DataFrame([_standings(run).iloc[-1] for run in runs])
        return float(last["top_mean"].mean()), float(last["best"].mean())

    return max(tried, key=merit) if len(tried) > 1 else tried[0]


@task(name="run-campaign", task_run_name="{proposer.name} on {problem}, seed {seed}")
def run_campaign(
    problem: str, proposer: Proposer, rounds: int, batch: int, seed: int
) -> StageResult:
    """Return the stage with where one simulated campaign stood after each round."""
    return _run(problem, proposer, rounds, batch, seed)


def _run(problem: str, proposer: Proposer, rounds: int, batch: int, seed: int) -> StageResult:
    use_device("cpu")

    def make() -> dict[str, bytes]:
        truth, began = make_problem(problem), time.process_time()
        rows = [
            {**standing._asdict(), "cpu_seconds": time.process_time() - began}
            for standing in run_rounds(truth, proposer, rounds, batch, seed)
        ]
        table = pd.DataFrame(rows).assign(
            problem=problem,
            loop=proposer.name,
            settings=repr(proposer),
            seed=seed,
            commit=code_version(),
            machine=machine_line(),
        )
        return {"standings.parquet": parquet_bytes(table)}

    inputs = {
        "problem": problem,
        "proposer": repr(proposer),
        "rounds": rounds,
        "batch": batch,
        "seed": seed,
    }
    stage = run_stage(Settings(), "benchmark-rounds", inputs, make, *_CODE)
    last = _standings(stage).iloc[-1]
    run_logger().info(
        "%s, %s, seed %d: best %.4g, best 100 %.4g after %d measurements, %.0f s",
        *(problem, proposer, seed, last["best"], last["top_mean"], last["measured"]),
        last["cpu_seconds"],
    )
    return stage


def standings(runs: Sequence[StageResult], *, tuned: bool) -> pd.DataFrame:
    """Return where campaigns stood after each round of all runs.

    ``tuned`` says whether the settings of the proposers were chosen on another seed.
    """
    table = pd.concat([_standings(run) for run in runs], ignore_index=True)
    optimum = {problem: _optimum(problem) for problem in table["problem"].unique()}
    return table.assign(tuned=tuned, optimum=table["problem"].map(optimum))


def _standings(run: StageResult) -> pd.DataFrame:
    return pd.read_parquet(run.path("standings.parquet"))


def _optimum(problem: str) -> float | None:
    truth = make_problem(problem)
    return truth.optimum if isinstance(truth, Solvable) else None

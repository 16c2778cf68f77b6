"""Simulated campaigns of several loops on the same problems; each cell computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import task

from designlib.methods import AdaLead, GeneticAlgorithm, RandomMutation
from designlib.problems.loops import GuidedSearch, Loop, MeasuredSearch, TrajectoryLoop, run_loop
from designlib.reporting.loops import loop_figure, loop_page, summarise_loops
from tasks.comparison_problems import make_problem
from tasks.device import use_device
from tasks.files import write_atomically
from tasks.log import run_logger
from tasks.machine import describe_machine
from tasks.settings import Settings
from tasks.stages import StageResult, commit, run_stage
from tasks.tables import parquet_bytes
from tasks.tracking import experiment_id, log_bytes, log_table, run_for

__all__ = ["LOOP_PROBLEMS", "loops_for", "publish_loops", "run_loop_cell"]

LOOP_PROBLEMS: dict[str, TrajectoryLoop] = {
    # Among 65,536 designs most of what few chains visit is soon measured.
    "tfbind8": TrajectoryLoop(chains=256),
    "enhancer": TrajectoryLoop(),
    "ehrlich-64": TrajectoryLoop(),
}
"""The problems, each with the loop of this project that suits it."""

_OTHERS: tuple[Loop, ...] = (
    GuidedSearch(AdaLead()),
    MeasuredSearch(GeneticAlgorithm()),
    MeasuredSearch(RandomMutation()),
)


def loops_for(problem: str) -> tuple[Loop, ...]:
    """Return the loops that are compared on a problem, that of this project first."""
    return (LOOP_PROBLEMS[problem], *_OTHERS)


_EXPERIMENT = "benchmarks"


@task(name="run-loop-cell", task_run_name="{loop.name} on {problem}, seed {seed}")
def run_loop_cell(problem: str, loop: Loop, rounds: int, batch: int, seed: int) -> StageResult:
    """Return the stage with where a loop stood after each round of one simulated campaign."""
    use_device("cpu")

    def make() -> dict[str, bytes]:
        told = [
            standing._asdict()
            for standing in run_loop(make_problem(problem), loop, rounds, batch, seed)
        ]
        about = {"problem": problem, "loop": loop.name, "settings": repr(loop), "seed": seed}
        return {"standings.parquet": parquet_bytes(pd.DataFrame(told).assign(**about))}

    inputs = {
        "problem": problem, "loop": repr(loop), "rounds": rounds, "batch": batch, "seed": seed,
    }  # fmt: skip
    stage = run_stage(Settings(), "loop-cell", inputs, make)
    last = pd.read_parquet(stage.path("standings.parquet")).iloc[-1]
    run_logger().info(
        "%s, %s, seed %d: best %.4g, best 100 %.4g after %d measurements",
        problem, loop.name, seed, last["best"], last["top_mean"], last["measured"],
    )  # fmt: skip
    return stage


@task(name="publish-loops")
def publish_loops(cells: Sequence[StageResult], about: Mapping[str, Any]) -> Path:
    """Write the page, its figures and the cells; log them to MLflow; return the page."""
    settings = Settings()
    table = pd.concat(
        [pd.read_parquet(cell.path("standings.parquet")) for cell in cells],
        ignore_index=True,
    )
    summary = summarise_loops(table)
    pictures = [
        loop_figure(str(problem), group)
        for problem, group in summary.groupby("problem", sort=False)
    ]
    page = loop_page(summary, pictures, {**about, "commit": commit(), **describe_machine()})
    files = {"rounds.parquet": parquet_bytes(table), "ROUNDS.md": page.encode()}
    files |= {f"{picture.name}.png": picture.png for picture in pictures}
    folder = settings.home / "benchmarks"
    for name, content in files.items():
        write_atomically(folder / name, content)
    key = hashlib.sha256(files["rounds.parquet"]).hexdigest()[:16]
    with run_for(experiment_id(settings, _EXPERIMENT), key, "rounds") as run_id:
        for name, content in files.items():
            log_bytes(run_id, name, content)
        log_table(run_id, summary, "rounds.json")
    run_logger().info("page: %s", folder / "ROUNDS.md")
    return folder / "ROUNDS.md"

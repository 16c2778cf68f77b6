"""Benchmark runs: one problem, one method, one budget, one seed; each computed once."""

from __future__ import annotations

import functools
import json
import time
from typing import Any

import torch
from prefect import task
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from designlib.benchmarks.methods import SHOWN, Method, Setting, best_measured, from_elites, judge
from designlib.benchmarks.problems import (
    BooleanProblem,
    Placing,
    Problem,
    Solvable,
    alignment_with_truth,
    rebuild_trajectory,
    train_trajectory,
)
from designlib.constraints import feasible_starts
from designlib.predictors import log_spaced_steps
from designlib.randomness import torch_generator
from designlib.sampling.ladders import by_log_step
from designlib.types import Designs
from tasks.benchmarks.comparison_problems import make_problem, starts_from_elites
from tasks.installation.device import use_device
from tasks.installation.files import json_bytes
from tasks.installation.machine import code_version, machine_line
from tasks.installation.settings import Settings
from tasks.stages.stages import StageResult, run_stage

__all__ = ["CODE", "learned_by", "run_once", "train_on"]

CODE = (__name__, "designlib.benchmarks.methods", "designlib.benchmarks.problems")
"""The code that decides a run: methods and problems are handed over, not imported here."""

_REFERENCE = 512
_SHOWN_CHECKPOINTS = 8
_ELITES = 128


@task(name="train-for-comparison", task_run_name="train for {problem}, seed {seed}")
def train_on(problem: str, seed: int) -> None:
    """Train the predictor of a problem, which all methods share, unless it is there."""
    _trained(problem, seed)


@task(name="learning-order", task_run_name="what was learned when of {problem}, seed {seed}")
def learned_by(problem: str, seed: int) -> list[dict[str, Any]]:
    """Return how far checkpoints have the truth of a Boolean problem, by degree; else no rows."""
    known = make_problem(problem)
    if not isinstance(known, BooleanProblem):
        return []

    def make() -> dict[str, bytes]:
        _, setting, _ = _prepared(problem, seed)
        steps = log_spaced_steps(known.training.steps, known.training.checkpoints)
        chosen = by_log_step(steps, _SHOWN_CHECKPOINTS)
        found = alignment_with_truth(known, [setting.checkpoints[at] for at in chosen], seed)
        rows = [
            {
                "problem": problem, "seed": seed, "step": steps[at], "degree": degree,
                "cosine": float(found.cosine[row, degree]),
                "learned": float(found.learned[row, degree]), "commit": code_version(),
            }
            for row, at in enumerate(chosen)
            for degree in range(1, found.cosine.shape[1])
        ]  # fmt: skip
        return {"rows.json": json_bytes(rows)}

    inputs = {"problem": problem, "seed": seed}
    stage = run_stage(Settings(), "comparison-learning", inputs, make, *CODE)
    return json.loads(stage.path("rows.json").read_bytes())


def run_once(problem: str, method: Method, budget: int, designs: int, seed: int) -> dict[str, Any]:
    """Return the row of one run, from its stage where it was computed before."""
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
    stage = run_stage(Settings(), "comparison-cell", inputs, make, *CODE)
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
        "wall_seconds": wall, "cpu_seconds": cpu, "commit": code_version(),
        "machine": machine_line(),
        **verdict._asdict(),
    }  # fmt: skip


@functools.lru_cache(maxsize=8)
def _prepared(name: str, seed: int) -> tuple[Problem, Setting, Designs]:
    """Return a problem with its predictor trained along a trajectory; the same for all methods."""
    problem = make_problem(name)
    tensors = load_tensors(_trained(name, seed).path("trajectory.safetensors").read_bytes())
    checkpoints = rebuild_trajectory(problem, seed, tensors)

    def start(n: int, generator: torch.Generator) -> Designs:
        if problem.constraint is None:
            return problem.space.random(n, generator)
        return feasible_starts(problem.space, problem.constraint, n, generator)

    reference = start(_REFERENCE, torch_generator(seed, "reference"))
    training = problem.training
    steps = log_spaced_steps(training.steps, training.checkpoints)
    setting = Setting(
        problem.space, problem.constraint, checkpoints, reference, start, steps=steps,
        measured=functools.partial(problem.training_data, seed),
    )  # fmt: skip
    if starts_from_elites(name):
        setting = from_elites(setting, tensors["elites"])
    return problem, setting, tensors["shown"]


def _trained(name: str, seed: int) -> StageResult:
    """Return the stage of a problem's checkpoints and of what is asked of its training data."""
    use_device("cpu")

    def make() -> dict[str, bytes]:
        problem = make_problem(name)
        tensors = {
            f"{index}.{key}": value.contiguous()
            for index, network in enumerate(train_trajectory(problem, seed))
            for key, value in network.state_dict().items()
        }
        designs, values = problem.training_data(seed)
        elites = best_measured(designs, values, problem.constraint, _ELITES)
        return {
            "trajectory.safetensors": save_tensors(
                {**tensors, "shown": designs[:SHOWN].clone(), "elites": elites.clone()}
            )
        }

    # The same predictor for all places that chains start from.
    inputs = {"problem": make_problem(name).name, "seed": seed}
    return run_stage(Settings(), "comparison-predictor", inputs, make, *CODE)

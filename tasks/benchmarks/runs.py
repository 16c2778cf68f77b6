"""Benchmark runs: one problem, one method, one budget, one seed; each computed once."""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import torch
from prefect import task
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from designlib.benchmarks.methods import (
    SHOWN,
    Method,
    Outcome,
    Setting,
    best_measured,
    from_elites,
    proposal_metrics,
)
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

CODE = (__name__, "designlib.benchmarks.methods", "designlib.benchmarks.problems")
"""The code that decides a run: methods and problems are handed over, not imported here."""

Row: TypeAlias = dict[str, Any]
"""A row of one of the `designlib.benchmarks.pages.TABLES`."""

_REFERENCE = 512
_SHOWN_CHECKPOINTS = 8
_ELITES = 128


@task(name="train-for-comparison", task_run_name="train for {problem}, seed {seed}")
def train_on(problem: str, seed: int) -> None:
    """Train the predictor of a problem, which all methods share, unless it is there."""
    _trained(problem, seed)


@task(name="learning-order", task_run_name="what was learned when of {problem}, seed {seed}")
def learned_by(problem: str, seed: int) -> list[Row]:
    """Return how far checkpoints have the truth of a Boolean problem, by degree; else no rows."""
    truth = make_problem(problem)
    if not isinstance(truth, BooleanProblem):
        return []

    def make() -> dict[str, bytes]:
        _, setting, _ = _prepared(problem, seed)
        steps = log_spaced_steps(truth.training.steps, truth.training.checkpoints)
        chosen = by_log_step(steps, _SHOWN_CHECKPOINTS)
        share = alignment_with_truth(truth, [setting.checkpoints[at] for at in chosen], seed)
        about = {"problem": problem, "seed": seed, "commit": code_version()}
        rows = [
            {
                **about,
                "step": steps[at],
                "degree": degree,
                "cosine": float(share.cosine[row, degree]),
                "learned": float(share.learned[row, degree]),
            }
            for row, at in enumerate(chosen)
            for degree in range(1, share.cosine.shape[1])
        ]
        return {"rows.json": json_bytes(rows)}

    inputs = {"problem": problem, "seed": seed}
    stage = run_stage(Settings(), "comparison-learning", inputs, make, *CODE)
    return json.loads(stage.path("rows.json").read_bytes())


def run_once(problem: str, method: Method, budget: int, designs: int, seed: int) -> Row:
    """Return the row of one run, from its stage where it was computed before."""
    use_device("cpu")
    inputs = {"problem": problem, "method": repr(method)}
    inputs |= {"budget": budget, "designs": designs, "seed": seed}

    def make() -> dict[str, bytes]:
        row = _measured(problem, method, budget, designs, seed)
        # JSON has no NaN, which a figure is that has no meaning for this problem.
        nan = [
            name for name, value in row.items() if isinstance(value, float) and math.isnan(value)
        ]
        return {"row.json": json_bytes({**row, **dict.fromkeys(nan)})}

    stage = run_stage(Settings(), "comparison-run", inputs, make, *CODE)
    row = json.loads(stage.path("row.json").read_bytes())
    return {name: math.nan if value is None else value for name, value in row.items()}


def _measured(name: str, method: Method, budget: int, designs: int, seed: int) -> Row:
    problem, setting, training = _prepared(name, seed)
    outcome, cost = timed(lambda: method.run(setting, designs, budget, seed))
    success = problem.success if isinstance(problem, Solvable) else None
    places = problem.percentiles if isinstance(problem, Placing) else None
    metrics = proposal_metrics(outcome, setting, training, problem.oracle, success, places)
    about = {"problem": name, "method": method.name, "settings": repr(method)}
    about |= {"budget": budget, "designs": designs, "seed": seed}
    return {**about, **cost, **metrics._asdict()}


def timed(run: Callable[[], Outcome]) -> tuple[Outcome, Row]:
    """Return the outcome of a method with what it cost, and by which code and machine."""
    wall, cpu = time.perf_counter(), time.process_time()
    outcome = run()
    return outcome, {
        "evaluations": outcome.evaluations,
        "wall_seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "commit": code_version(),
        "machine": machine_line(),
    }


@functools.lru_cache(maxsize=8)
def _prepared(name: str, seed: int) -> tuple[Problem, Setting, Designs]:
    """Return a problem with its predictor trained along a trajectory; the same for all methods."""
    problem = make_problem(name)
    tensors = load_tensors(_trained(name, seed).path("trajectory.safetensors").read_bytes())

    def start(n: int, generator: torch.Generator) -> Designs:
        if problem.constraint is None:
            return problem.space.random(n, generator)
        return feasible_starts(problem.space, problem.constraint, n, generator)

    setting = Setting(
        problem.space,
        problem.constraint,
        rebuild_trajectory(problem, seed, tensors),
        start(_REFERENCE, torch_generator(seed, "reference")),
        start,
        steps=log_spaced_steps(problem.training.steps, problem.training.checkpoints),
        measured=functools.partial(problem.training_data, seed),
    )
    if starts_from_elites(name):
        setting = from_elites(setting, tensors["elites"])
    return problem, setting, tensors["shown"]


def _trained(name: str, seed: int) -> StageResult:
    """Return the stage of a problem's checkpoints, and of training data that runs need."""
    use_device("cpu")

    def make() -> dict[str, bytes]:
        problem = make_problem(name)
        designs, values = problem.training_data(seed)
        elites = best_measured(designs, values, problem.constraint, _ELITES)
        others = {"shown": designs[:SHOWN].clone(), "elites": elites.clone()}
        return {"trajectory.safetensors": tensor_bytes(train_trajectory(problem, seed), others)}

    # The same predictor for all places that chains start from.
    inputs = {"problem": make_problem(name).name, "seed": seed}
    return run_stage(Settings(), "comparison-predictor", inputs, make, *CODE)


def tensor_bytes(networks: Iterable[nn.Module], others: Mapping[str, Tensor]) -> bytes:
    """Return the parameters of checkpoints as a safetensors file, p of the seventh as ``7.p``."""
    tensors = {
        f"{index}.{key}": value.contiguous()
        for index, network in enumerate(networks)
        for key, value in network.state_dict().items()
    }
    return save_tensors({**tensors, **others})

"""Cells of the comparison: one problem, one method, one budget, one seed; each computed once."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch
from prefect import task
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from designlib.constraints import feasible_starts
from designlib.ladders import by_log_step
from designlib.methods import Method, Setting
from designlib.methods.judging import SHOWN, judge
from designlib.methods.starts import best_measured, from_elites
from designlib.predictors.schedule import log_spaced_steps
from designlib.problems.base import Placing, Problem, Solvable, rebuild_trajectory, train_trajectory
from designlib.problems.boolean import BooleanProblem
from designlib.problems.learning import alignment_with_truth
from designlib.randomness import torch_generator
from designlib.reporting.comparison import VARIANT
from designlib.types import Designs
from tasks.comparison_problems import make_problem, starts_from_elites
from tasks.device import use_device
from tasks.log import run_logger
from tasks.machine import code_version, machine_line
from tasks.settings import Settings
from tasks.stages import StageResult, run_stage
from tasks.tables import json_bytes, parquet_bytes

__all__ = [
    "CODE",
    "Plan",
    "compare_on",
    "compare_variant",
    "gather_cells",
    "learned_by",
    "run_cell",
    "train_on",
    "tune_method",
]

CODE = (
    *(
        f"designlib/{part}"
        for part in (
            "configs", "constraints", "diagnostics", "drivers", "kernels", "ladders", "methods",
            "predictors", "problems", "selection", "spaces", "acquisition.py", "alphabets.py",
            "chemistry.py", "devices.py", "elements.py", "errors.py", "formulas.py",
            "objectives.py", "evidence.py", "oracles.py", "randomness.py", "scoring.py",
            "splits.py", "targets.py", "trajectory.py", "types.py", "variables.py",
        )
    ),
    "tasks/comparison.py",
    "tasks/comparison_problems.py",
)  # fmt: skip
"""What a cell depends on; a change elsewhere leaves hours of finished cells as they are."""

_REFERENCE = 512
_SHOWN_CHECKPOINTS = 8
_ELITES = 128
TUNING_SEEDS = (1000, 1001)


class Plan(NamedTuple):
    """Which cells a method has on each problem.

    Attributes
    ----------
    budgets
        Predictor evaluations for each design.
    seeds
        Number of seeds, counted from 0.
    designs
        Proposals of a cell.
    tune_at
        Budget at which all settings are tried on two other seeds; None for the defaults.
    """

    budgets: tuple[int, ...]
    seeds: int
    designs: int
    tune_at: int | None

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds whose predictors are needed."""
        return (*range(self.seeds), *(TUNING_SEEDS if self.tune_at is not None else ()))


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
    stage = run_stage(Settings(), "comparison-learning", inputs, make, CODE)
    return json.loads(stage.path("rows.json").read_bytes())


@task(name="compare-checkpoints", task_run_name="{name} on {problem}")
def compare_variant(problem: str, name: str, method: Method, plan: Plan) -> list[dict[str, Any]]:
    """Return the rows of a variant of a method, under a name of its own, at given settings."""
    return [
        {
            **run_cell(problem, method, budget, plan.designs, seed),
            "method": f"{VARIANT}{name}",
            "tuned": False,
            "tuned_at": 0,
        }
        for budget in plan.budgets
        for seed in range(plan.seeds)
    ]


@task(name="compare", task_run_name="{method.name} on {problem}")
def compare_on(problem: str, method: Method, plan: Plan) -> list[dict[str, Any]]:
    """Return the rows of all cells of a method on a problem, its settings tuned where asked for."""
    chosen = tune_method(problem, method, plan)
    rows = []
    for budget in plan.budgets:
        tuned_at = 0 if plan.tune_at is None else max(budget, plan.tune_at)
        for seed in range(plan.seeds):
            row = run_cell(problem, chosen[budget], budget, plan.designs, seed)
            rows.append({**row, "tuned": tuned_at > 0, "tuned_at": tuned_at})
        run_logger().info(
            "%s, %s, %d evaluations a design: medians %s, found %s", problem, method.name, budget,
            *([f"{row[k]:.3g}" for row in rows[-plan.seeds :]] for k in ("median", "success")),
        )  # fmt: skip
    return rows


def tune_method(problem: str, method: Method, plan: Plan) -> dict[int, Method]:
    """Return the settings of a method for each budget, chosen on seeds not used to compare.

    All settings are tried at ``plan.tune_at`` evaluations, and the best there serve every budget
    up to it. For each larger budget in turn the better half of those left, two at least, are tried
    at it, and the best serve it: what is best for a short search often is not for a long one.

    Best is the highest mean of the share found, where the problem says what counts, then of the
    median true value. Where several have the highest, as where all find everything, they are
    ranked by half the budget; ties there go to the earlier choice.
    """
    if plan.tune_at is None:
        return dict.fromkeys(plan.budgets, method)

    def merit(choice: Method, budget: int) -> tuple[float, float]:
        rows = [run_cell(problem, choice, budget, plan.designs, seed) for seed in TUNING_SEEDS]
        return _mean(rows, "success"), _mean(rows, "median")

    def ranked(choices: Sequence[Method], budget: int) -> list[Method]:
        merits = {choice: merit(choice, budget) for choice in choices}
        order = sorted(choices, key=merits.__getitem__, reverse=True)
        equal = [choice for choice in order if merits[choice] == merits[order[0]]]
        if len(equal) > 1:
            order[: len(equal)] = sorted(
                equal, key=lambda choice: merit(choice, budget // 2), reverse=True
            )
        return order

    left = ranked(type(method).choices(), plan.tune_at)
    chosen = {budget: left[0] for budget in plan.budgets if budget <= plan.tune_at}
    for budget in sorted(budget for budget in plan.budgets if budget > plan.tune_at):
        left = ranked(left[: max(2, (len(left) + 1) // 2)], budget)
        chosen[budget] = left[0]
    run_logger().info("%s on %s: %s", method.name, problem, chosen)
    return chosen


def run_cell(problem: str, method: Method, budget: int, designs: int, seed: int) -> dict[str, Any]:
    """Return the row of one cell, from its stage where it was computed before."""
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
    stage = run_stage(Settings(), "comparison-cell", inputs, make, CODE)
    row = json.loads(stage.path("row.json").read_bytes())
    return {name: float("nan") if value is None else value for name, value in row.items()}


@task(name="gather-cells")
def gather_cells(
    rows: Sequence[dict[str, Any]], learned: Sequence[dict[str, Any]] = ()
) -> StageResult:
    """Return the stage with all rows in one Parquet file, and what was learned when in another."""
    table = pd.DataFrame(rows).sort_values(["problem", "method", "budget", "seed"])
    contents = {"cells.parquet": parquet_bytes(table.reset_index(drop=True))}
    if learned:
        contents["learning.parquet"] = parquet_bytes(pd.DataFrame(learned))
    # Not the rows themselves: where a figure has no meaning it is NaN.
    inputs = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return run_stage(Settings(), "comparison", inputs, lambda: contents)


def _mean(rows: Sequence[dict[str, Any]], figure: str) -> float:
    value = sum(row[figure] for row in rows) / len(rows)
    return float("-inf") if pd.isna(value) else value


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
    return run_stage(Settings(), "comparison-predictor", inputs, make, CODE)

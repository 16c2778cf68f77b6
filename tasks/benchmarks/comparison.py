"""How methods are compared: their settings, tuned in the same way, and their benchmark runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
from prefect import task

from designlib.benchmarks.methods import METHODS, BudgetError, Method
from designlib.benchmarks.pages import ABLATION
from tasks.benchmarks.runs import Row, run_once
from tasks.installation.log import run_logger

TUNING_SEEDS = (1000, 1001)
"""Seeds that settings are chosen on and that no comparison has."""


class Plan(NamedTuple):
    """Which runs a method has on each problem.

    Attributes
    ----------
    budgets
        Predictor evaluations for each design.
    seeds
        Number of seeds, counted from 0.
    designs
        Proposals of a run.
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


@task(name="compare-checkpoints", task_run_name="{name} on {problem}")
def compare_ablation(problem: str, name: str, method: Method, plan: Plan) -> list[Row]:
    """Return the rows of an ablation, under a name of its own."""
    return [
        {
            **run_once(problem, method, budget, plan.designs, seed),
            "method": f"{ABLATION}{name}",
            "tuned": False,
            "tuned_at": 0,
        }
        for budget in plan.budgets
        for seed in range(plan.seeds)
    ]


@task(name="compare", task_run_name="{method.name} on {problem}")
def compare_on(problem: str, method: Method, plan: Plan) -> list[Row]:
    """Return the rows of all runs of a method on a problem, its settings tuned if the plan says so.

    A budget that is too small for the settings has no rows, and the log says so. Raises BudgetError
    where all are.
    """
    chosen = tune_method(problem, method, plan)
    rows = []
    for budget in plan.budgets:
        tuned_at = 0 if plan.tune_at is None else max(budget, plan.tune_at)
        try:
            for seed in range(plan.seeds):
                row = run_once(problem, chosen[budget], budget, plan.designs, seed)
                rows.append({**row, "tuned": tuned_at > 0, "tuned_at": tuned_at})
        except BudgetError as error:
            if not rows and budget == max(plan.budgets):
                raise
            run_logger().warning("%s: left out, %s", problem, error)
            continue
        medians, shares = (
            [f"{row[figure]:.3g}" for row in rows[-plan.seeds :]]
            for figure in ("median", "success")
        )
        message = "%s, %s, %d evaluations a design: medians %s, found %s"
        run_logger().info(message, problem, method.name, budget, medians, shares)
    return rows


def tune_method(problem: str, method: Method, plan: Plan) -> dict[int, Method]:
    """Return the settings of a method for each budget, chosen on seeds not used to compare.

    All settings are tried at ``plan.tune_at`` evaluations, and the best there serve every budget
    up to it. For each larger budget in turn the better half of those left, two at least, are tried
    at it, and the best serve it: what is best for a short search often is not for a long one.

    Best is the highest mean of the median true value, then of the share found, where the problem
    says what counts. Where several have the highest, as where all find everything, they are ranked
    by half the budget, then by how far apart their proposals are; then the earlier choice counts.
    """
    if plan.tune_at is None:
        return dict.fromkeys(plan.budgets, method)

    def means(choice: Method, budget: int, *figures: str) -> tuple[float, ...]:
        try:
            rows = [run_once(problem, choice, budget, plan.designs, seed) for seed in TUNING_SEEDS]
        except BudgetError:
            return (-math.inf,) * len(figures)
        return tuple(_mean(rows, figure) for figure in figures)

    def merit(choice: Method, budget: int) -> tuple[float, ...]:
        return means(choice, budget, "median", "success")

    def ranked(choices: Sequence[Method], budget: int) -> list[Method]:
        merits = {choice: merit(choice, budget) for choice in choices}
        order = sorted(choices, key=merits.__getitem__, reverse=True)
        equal = [choice for choice in order if merits[choice] == merits[order[0]]]
        if len(equal) > 1:
            order[: len(equal)] = sorted(
                equal,
                key=lambda choice: (
                    *merit(choice, budget // 2),
                    *means(choice, budget, "diversity"),
                ),
                reverse=True,
            )
        return order

    left = ranked(METHODS[method.name], plan.tune_at)
    chosen = {budget: left[0] for budget in plan.budgets if budget <= plan.tune_at}
    for budget in sorted(budget for budget in plan.budgets if budget > plan.tune_at):
        left = ranked(left[: max(2, (len(left) + 1) // 2)], budget)
        chosen[budget] = left[0]
    run_logger().info("%s on %s: %s", method.name, problem, chosen)
    return chosen


def _mean(rows: Sequence[Row], figure: str) -> float:
    value = sum(row[figure] for row in rows) / len(rows)
    return float("-inf") if pd.isna(value) else value

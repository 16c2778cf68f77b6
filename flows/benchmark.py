"""Measure this project: what steps and servers cost, and how methods compare at equal cost."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture

from designlib import methods
from designlib.methods.variants import checkpoint_variants
from designlib.types import InputError
from tasks.command import run_command
from tasks.comparison import Plan, compare_on, compare_variant, gather_cells, learned_by, train_on
from tasks.comparison_problems import PROBLEMS, chosen_methods, chosen_problems, suits
from tasks.comparison_report import publish_comparison, write_benchmarks
from tasks.image_comparison import (
    IMAGE_METHODS,
    IMAGE_SETS,
    gather_images,
    sample_images,
    train_energy_on,
)
from tasks.loop_comparison import LOOP_PROBLEMS, loops_for, publish_loops, run_loop_cell
from tasks.orchestration_cost import measure_orchestration
from tasks.runners import in_processes
from tasks.selection_cost import measure_selection
from tasks.step_cost import measure_step_cost

__all__ = [
    "compare_checkpoints",
    "compare_images",
    "compare_loops",
    "compare_methods",
    "main",
    "orchestration",
    "selection",
    "step_cost",
]

METHODS = methods.ALL
BUDGETS = (30, 60, 120, 300, 600)
QUICK_BUDGETS = (60, 180)
TUNED_AT = 120
APPENDIX_G = ("needle-5", "needle-8")
DESIGNS = 128
IMAGES = 128
IMAGE_STEPS = {"digits": (100, 1000), "mnist": (1000, 10_000)}


@flow(name="benchmark")
def step_cost() -> Path:
    """Measure the cost of a step for small predictors and store the ratios."""
    return measure_step_cost()


@flow(name="benchmark-orchestration")
def orchestration() -> Path:
    """Measure what servers and workers add to the time of a small campaign."""
    return measure_orchestration()


@flow(name="benchmark-selection")
def selection() -> Path:
    """Measure time and memory of filtering up to ten million designs and choosing a batch."""
    return measure_selection()


@flow(name="benchmark-methods")
def compare_methods(
    problems: tuple[str, ...],
    names: tuple[str, ...] = (),
    budgets: tuple[int, ...] = BUDGETS,
    seeds: int = 5,
    tune: bool = True,
) -> Path:
    """Compare methods on problems at equal cost and publish one page; empty names are all.

    A method whose package is not installed is left out unless it is named.

    Raises InputError for no seed, a budget below one evaluation, or a method that is named and not
    installed.
    """
    if seeds < 1 or min(budgets) < 1:
        raise InputError("at least one seed and budgets of at least one evaluation are needed")
    plan = Plan(budgets, seeds, DESIGNS, TUNED_AT if tune else None)
    chosen = chosen_methods(names)
    cells, learned = [], []
    for problem in problems:
        trained: list[PrefectFuture[Any]] = [
            train_on.submit(problem, seed) for seed in plan.all_seeds
        ]
        cells += [
            compare_on.submit(problem, method, plan, return_state=False, wait_for=trained)
            for method in chosen
            if suits(problem, method)
        ]
        learned += [
            learned_by.submit(problem, seed, return_state=False, wait_for=trained)
            for seed in range(seeds)
        ]
    return publish_comparison(gather_cells(_rows(cells), _rows(learned)))


@flow(name="benchmark-images")
def compare_images(name: str, steps: tuple[int, ...], seeds: int) -> Path:
    """Sample images from an energy model by several methods, and publish the page.

    Raises InputError for no seed or no step.
    """
    if seeds < 1 or min(steps) < 1:
        raise InputError("at least one seed and one step are needed")
    trained = [train_energy_on.submit(name, seed) for seed in range(seeds)]
    cells = [
        sample_images.submit(
            name, method, number, seeds, IMAGES, return_state=False, wait_for=trained
        )
        for number in steps
        for method in IMAGE_METHODS
    ]
    return publish_comparison(gather_images(_rows(cells)))


@flow(name="benchmark-checkpoints")
def compare_checkpoints(problems: tuple[str, ...], budgets: tuple[int, ...], seeds: int) -> Path:
    """Compare numbers, choices and scales of checkpoints of the walk, and publish the page."""
    plan = Plan(budgets, seeds, DESIGNS, tune_at=None)
    cells = []
    for problem in problems:
        trained: list[PrefectFuture[Any]] = [
            train_on.submit(problem, seed) for seed in plan.all_seeds
        ]
        cells += [
            compare_variant.submit(
                problem, name, method, plan, return_state=False, wait_for=trained
            )
            for name, method in checkpoint_variants().items()
        ]
    return publish_comparison(gather_cells(_rows(cells)))


def _rows(tasks: Sequence[PrefectFuture[list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    return [row for task in tasks for row in task.result()]


_MEASUREMENTS = {"orchestration": orchestration, "selection": selection}


@flow(name="benchmark-rounds")
def compare_loops(
    problems: tuple[str, ...] = tuple(LOOP_PROBLEMS),
    rounds: int = 10,
    batch: int = 100,
    seeds: int = 5,
) -> Path:
    """Compare whole simulated campaigns that measure as many designs, and publish one page."""
    if seeds < 1:
        raise InputError("at least one seed is needed")
    cells = [
        run_loop_cell(problem, loop, rounds, batch, seed)
        for problem in problems
        for seed in range(seeds)
        for loop in loops_for(problem)
    ]
    about = {"rounds": rounds, "designs a round": batch, "seeds": seeds}
    return publish_loops(cells, about)


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.benchmark", description=__doc__)
    parser.add_argument(
        "what",
        metavar="TASK",
        help="step-cost, orchestration, selection, rounds (whole campaigns), checkpoints (Appendix "
        "G), page (BENCHMARKS.md out of all finished comparisons), all, quick, samples of an "
        f"energy model ({', '.join(IMAGE_SETS)}), or a problem: " + ", ".join(PROBLEMS),
    )
    parser.add_argument(
        "--methods", nargs="+", default=(), choices=[kind.name for kind in METHODS], metavar="NAME",
        help="by default all: " + ", ".join(kind.name for kind in METHODS),
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each cell (5)")
    parser.add_argument(
        "--budget", type=int, nargs="+", default=BUDGETS, metavar="EVALUATIONS",
        help="predictor evaluations for each design",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="default settings, 2 seeds, two budgets"
    )
    parser.add_argument("--untuned", action="store_true", help="default settings")
    parser.add_argument("--processes", type=int, default=2, help="tasks at the same time (2)")
    asked = parser.parse_args(arguments)
    if asked.what == "step-cost":
        path = run_command(step_cost)
        print(_table(path), f"\nstored in {path}")  # noqa: T201 - the command's answer
        return 0
    if asked.what in {*_MEASUREMENTS, "rounds"}:
        loops = {"rounds": lambda: compare_loops(seeds=asked.seeds)}
        path = run_command({**_MEASUREMENTS, **loops}[asked.what])
        print(path.read_text(), f"\nstored in {path}")  # noqa: T201 - the command's answer
        return 0
    if asked.what in {"page", "checkpoints", *IMAGE_SETS}:
        page = _page(asked.what, asked.seeds, asked.processes)
        print(f"page: {page}")  # noqa: T201 - the command's answer
        return 0
    try:
        problems = chosen_problems(asked.what)
        budgets, seeds = tuple(asked.budget), asked.seeds
        quick = asked.quick or asked.what == "quick"
        if quick:
            budgets, seeds = QUICK_BUDGETS, 2
        tune = not (quick or asked.untuned)
        page = run_command(
            lambda: compare_methods.with_options(task_runner=in_processes(asked.processes))(
                problems, tuple(asked.methods), budgets, seeds, tune
            )
        )
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    print(f"page: {page}\ncells: {page.parent / 'cells.parquet'}")  # noqa: T201 - the answer
    return 0


def _page(what: str, seeds: int, processes: int) -> Path:
    """Run what needs no choice of methods, and return the page that it is published on."""
    if what == "page":
        return write_benchmarks()
    runner = in_processes(processes)
    if what == "checkpoints":
        checkpoints = compare_checkpoints.with_options(task_runner=runner)
        return run_command(lambda: checkpoints(APPENDIX_G, (60, 120, 300), seeds))
    images = compare_images.with_options(task_runner=runner)
    return run_command(lambda: images(what, IMAGE_STEPS[what], seeds))


def _table(path: Path) -> str:
    content = json.loads(path.read_bytes())
    lines = ["CPU time of one step / one forward and backward pass (median, lowest to highest)"]
    lines += [
        f"  {row['predictor']} {row['chains']:5d} chains, {row['step']:12}  "
        f"{row['ratio']:.2f}  ({row['lowest']:.2f} to {row['highest']:.2f})"
        for row in content["rows"]
    ]
    both = content["two_processes"]
    lines.append(
        f"two processes over one: {both['steps']:.2f} in steps, {both['gradients']:.2f} in bare "
        "gradients"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

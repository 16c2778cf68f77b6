"""Measure this project: what steps and servers cost, and how methods compare at equal cost."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture

from designlib.errors import InputError
from tasks.installation.faults import exit_code

BUDGETS, TUNED_AT, QUICK_BUDGETS = (30, 60, 120, 300, 600), 120, (60, 180)
DESIGNS, IMAGES = 128, 128
IMAGE_STEPS = {"digits": (100, 1000), "mnist": (1000, 10_000)}
ABLATED, ABLATION_BUDGETS = ("needle-5", "needle-8"), (60, 120, 300)
EXAMPLES = ("six6", "oer", "blends", "superconductor")
_CONFIGS = Path(__file__).parent / "configs"

# PyTorch comes with the tasks: loaded for a run, not for a server that lists the flows.


@flow(name="benchmark")
def step_cost() -> Path:
    """Measure the cost of a step for small predictors and store the ratios."""
    from tasks.benchmarks.step_cost import measure_step_cost

    return measure_step_cost()


@flow(name="benchmark-orchestration")
def orchestration() -> Path:
    """Measure what servers and workers add to the time of a small campaign."""
    from tasks.benchmarks.orchestration_cost import measure_orchestration

    return measure_orchestration()


@flow(name="benchmark-selection")
def selection() -> Path:
    """Measure time and memory of filtering up to ten million designs and choosing a batch."""
    from tasks.benchmarks.selection_cost import measure_selection

    return measure_selection()


@flow(name="benchmark-recorder")
def recorder() -> Path:
    """Measure what recording a training into MLflow adds to it."""
    from tasks.benchmarks.recording_cost import measure_recording

    return measure_recording()


_MEASUREMENTS = {
    "step-cost": step_cost,
    "orchestration": orchestration,
    "selection": selection,
    "recorder": recorder,
}


@flow(name="benchmark-methods")
def compare_methods(
    problems: tuple[str, ...],
    names: tuple[str, ...] = (),
    budgets: tuple[int, ...] = BUDGETS,
    seeds: int = 5,
    tune: bool = True,
) -> Path:
    """Compare methods on problems at equal cost and publish the pages; empty names are all.

    The pages are there after the first problem, and grow with every other one. Methods whose
    package is not installed are left out unless named.

    Raises InputError for no seed, a budget below one evaluation, a named method that is not
    installed, or methods none of which works on any of the problems.
    """
    from tasks.benchmarks.comparison import Plan, compare_on
    from tasks.benchmarks.comparison_problems import chosen_methods, suits, within_reach
    from tasks.benchmarks.runs import learned_by, train_on

    if seeds < 1 or min(budgets) < 1:
        raise InputError("at least one seed and budgets of at least one evaluation are needed")
    plan = Plan(budgets, seeds, DESIGNS, TUNED_AT if tune else None)
    chosen = chosen_methods(names)
    submitted = []
    for problem in within_reach(problems):
        suited = [method for method in chosen if suits(problem, method)]
        if not suited:
            continue
        trained = [train_on.submit(problem, seed) for seed in plan.all_seeds]
        runs = [
            compare_on.submit(problem, method, plan, return_state=False, wait_for=trained)
            for method in suited
        ]
        learned = [
            learned_by.submit(problem, seed, return_state=False, wait_for=trained)
            for seed in range(seeds)
        ]
        submitted.append((problem, runs, learned))
    if not submitted:
        raise InputError(f"{', '.join(names)}: no such method works on {', '.join(problems)}")
    pages = [_publish(problem, runs=runs, learning=lr) for problem, runs, lr in submitted]
    return pages[-1]


@flow(name="benchmark-images")
def compare_images(name: str, steps: tuple[int, ...], seeds: int) -> Path:
    """Sample images from an energy model by several methods, and publish the pages.

    Raises InputError for no seed or no step.
    """
    from tasks.benchmarks.image_comparison import IMAGE_METHODS, sample_images, train_energy_on

    if seeds < 1 or min(steps) < 1:
        raise InputError("at least one seed and one step are needed")
    trained = [train_energy_on.submit(name, seed) for seed in range(seeds)]
    images = [
        sample_images.submit(
            name, method, number, seeds, IMAGES, return_state=False, wait_for=trained
        )
        for number in steps
        for method in IMAGE_METHODS
    ]
    return _publish(name, images=images)


@flow(name="benchmark-checkpoints")
def compare_checkpoints(problems: tuple[str, ...], budgets: tuple[int, ...], seeds: int) -> Path:
    """Compare numbers, choices and scales of checkpoints, and publish the pages."""
    from designlib.benchmarks.methods import checkpoint_ablations
    from tasks.benchmarks.comparison import Plan, compare_ablation
    from tasks.benchmarks.runs import train_on

    plan = Plan(budgets, seeds, DESIGNS, tune_at=None)
    runs = []
    for problem in problems:
        trained = [train_on.submit(problem, seed) for seed in plan.all_seeds]
        runs += [
            compare_ablation.submit(
                problem, name, method, plan, return_state=False, wait_for=trained
            )
            for name, method in checkpoint_ablations().items()
        ]
    return _publish("checkpoints", runs=runs)


@flow(name="benchmark-rounds")
def compare_rounds(
    problems: tuple[str, ...] = (),
    rounds: int = 10,
    batch: int = 100,
    seeds: int = 5,
    tune: bool = True,
) -> Path:
    """Compare whole simulated campaigns of as many measurements, and publish the pages.

    No problems are all. Settings of every proposer are chosen on another seed first, or else are
    the first of those tried.
    """
    from tasks.benchmarks.publishing import publish
    from tasks.benchmarks.rounds import (
        ROUND_PROBLEMS,
        proposers_for,
        run_campaign,
        standings,
        tune_proposer,
    )

    if seeds < 1:
        raise InputError("at least one seed is needed")
    runs = []
    for problem in problems or ROUND_PROBLEMS:
        tuned = [
            tune_proposer(problem, tried, rounds, batch) if tune else tried[0]
            for tried in proposers_for(problem)
        ]
        runs += [
            run_campaign(problem, proposer, rounds, batch, seed)
            for seed in range(seeds)
            for proposer in tuned
        ]
    return publish({"rounds": standings(runs, tuned=tune)}, "rounds")


@flow(name="benchmark-campaigns")
def run_example_campaigns(names: tuple[str, ...] = EXAMPLES, seeds: int = 5) -> Path:
    """Run example campaigns with several seeds and publish what their candidates are worth."""
    import pandas as pd

    from flows.campaign import design_campaign
    from tasks.benchmarks.example_campaigns import score_campaign
    from tasks.benchmarks.publishing import publish
    from tasks.inputs.campaign_config import CampaignConfig, load_config
    from tasks.inputs.tables import ingest

    rows = []
    for name in names:
        example = CampaignConfig() if name == "six6" else load_config(_CONFIGS / f"{name}.yaml")
        for seed in range(seeds):
            config = example.model_copy(update={"name": f"{name}-seed-{seed}", "seed": seed})
            start = ingest(config.data, config.objectives)
            rows.append(score_campaign(name, seed, start, design_campaign(config)))
    return publish({"campaigns": pd.DataFrame(rows)}, "campaigns")


def _publish(name: str, **tables: Sequence[PrefectFuture[Any]]) -> Path:
    """Wait for the rows of each table, and publish those that have some."""
    import pandas as pd

    from tasks.benchmarks.publishing import publish

    rows = {
        table: pd.DataFrame([row for task in tasks for row in task.result()])
        for table, tasks in tables.items()
    }
    return publish({table: each for table, each in rows.items() if len(each)}, name)


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark from the command line; return the exit code."""
    options = _parse(arguments)
    return exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> str:
    from tasks.servers.command import run_command

    if options.what in _MEASUREMENTS:
        path = run_command(_MEASUREMENTS[options.what])
        text = _step_table(path) if options.what == "step-cost" else path.read_text()
        return f"{text}\nstored in {path}"
    run = _comparison(options)
    # Pages are written here, without a server.
    return f"page: {run() if options.what == 'page' else run_command(run)}"


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    from designlib.benchmarks.methods import METHODS
    from tasks.benchmarks.comparison_problems import PROBLEMS

    parser = argparse.ArgumentParser(prog="python -m flows.benchmark", description=__doc__)
    add = parser.add_argument
    what = (
        f"{', '.join(_MEASUREMENTS)}, campaigns (the example configurations), rounds (simulated "
        "campaigns), checkpoints (ablations, Appendix G), page (all pages from the finished "
        f"runs), all, quick, samples of an energy model ({', '.join(IMAGE_STEPS)}), or a problem: "
        f"{', '.join(PROBLEMS)}"
    )
    names, budget = f"by default all: {', '.join(METHODS)}", "predictor evaluations for each design"
    add("what", metavar="TASK", help=what)
    add("--methods", nargs="+", default=(), choices=[*METHODS], metavar="NAME", help=names)
    add("--seeds", type=int, default=5, help="seeds of each run (5)")
    add("--budget", type=int, nargs="+", default=BUDGETS, metavar="EVALUATIONS", help=budget)
    add("--quick", action="store_true", help="default settings, 2 seeds, two budgets")
    add("--untuned", action="store_true", help="default settings")
    add("--processes", type=int, default=2, help="tasks at the same time (2)")
    return parser.parse_args(arguments)


def _comparison(options: argparse.Namespace) -> Callable[[], Path]:
    """Return what a task of the command line runs, up to the page.

    Raises InputError for a task that does not exist.
    """
    from tasks.benchmarks.comparison_problems import chosen_problems
    from tasks.benchmarks.publishing import write_benchmarks
    from tasks.servers.runners import in_processes

    what, seeds, runner = options.what, options.seeds, in_processes(options.processes)
    if what == "page":
        return write_benchmarks
    if what == "rounds":
        return partial(compare_rounds, seeds=seeds, tune=not options.untuned)
    if what == "campaigns":
        return partial(run_example_campaigns, seeds=seeds)
    if what == "checkpoints":
        checkpoints = compare_checkpoints.with_options(task_runner=runner)
        return partial(checkpoints, ABLATED, ABLATION_BUDGETS, seeds)
    if what in IMAGE_STEPS:
        images = compare_images.with_options(task_runner=runner)
        return partial(images, what, IMAGE_STEPS[what], seeds)
    quick = options.quick or what == "quick"
    budgets, seeds = (QUICK_BUDGETS, 2) if quick else (tuple(options.budget), seeds)
    methods = compare_methods.with_options(task_runner=runner)
    tune = not (quick or options.untuned)
    return partial(methods, chosen_problems(what), tuple(options.methods), budgets, seeds, tune)


def _step_table(path: Path) -> str:
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

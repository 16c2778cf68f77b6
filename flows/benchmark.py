"""Measure this project: what steps and servers cost, and how methods compare at equal cost."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from prefect import flow

from designlib.errors import InputError

__all__ = ["main", "orchestration", "recorder", "selection", "step_cost"]

QUICK_BUDGETS = (60, 180)


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


_MEASUREMENTS = {"orchestration": orchestration, "selection": selection, "recorder": recorder}


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark from the command line; return the exit code."""
    from designlib.benchmarks.methods import ALL as METHODS
    from flows.comparison import BUDGETS, compare_loops, compare_methods, run_ready_campaigns
    from tasks.benchmarks.comparison_problems import PROBLEMS, chosen_problems
    from tasks.benchmarks.image_comparison import IMAGE_SETS
    from tasks.servers.command import run_command
    from tasks.servers.runners import in_processes

    parser = argparse.ArgumentParser(prog="python -m flows.benchmark", description=__doc__)
    parser.add_argument(
        "what",
        metavar="TASK",
        help="step-cost, orchestration, selection, recorder, campaigns (the ready configurations), "
        "rounds (loops of measurement), checkpoints (Appendix G), page (BENCHMARKS.md out of all "
        f"finished ones), all, quick, samples of an energy model ({', '.join(IMAGE_SETS)}), or a "
        "problem: " + ", ".join(PROBLEMS),
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
    if asked.what in {*_MEASUREMENTS, "rounds", "campaigns"}:
        loops = {
            "rounds": lambda: compare_loops(seeds=asked.seeds, tune=not asked.untuned),
            "campaigns": lambda: run_ready_campaigns(seeds=asked.seeds),
        }
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
    from flows.comparison import APPENDIX_G, IMAGE_STEPS, compare_checkpoints, compare_images
    from tasks.benchmarks.comparison_report import write_benchmarks
    from tasks.servers.command import run_command
    from tasks.servers.runners import in_processes

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

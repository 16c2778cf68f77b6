"""Comparisons at equal cost: methods, checkpoints, loops of measurement, ready campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture

from designlib.benchmarks.methods import checkpoint_variants
from designlib.errors import InputError
from flows.campaign import design_campaign
from tasks.benchmarks.cells import learned_by, train_on
from tasks.benchmarks.comparison import Plan, compare_on, compare_variant, gather_cells
from tasks.benchmarks.comparison_problems import chosen_methods, suits, within_reach
from tasks.benchmarks.comparison_report import publish_comparison
from tasks.benchmarks.image_comparison import (
    IMAGE_METHODS,
    gather_images,
    sample_images,
    train_energy_on,
)
from tasks.benchmarks.loop_comparison import (
    LOOP_PROBLEMS,
    loops_for,
    publish_loops,
    run_loop_cell,
    tune_loop,
)
from tasks.benchmarks.ready_campaigns import judge_campaign, publish_campaigns
from tasks.inputs.campaign_config import CampaignConfig, load_config
from tasks.inputs.tables import ingest

__all__ = [
    "APPENDIX_G",
    "BUDGETS",
    "IMAGE_STEPS",
    "compare_checkpoints",
    "compare_images",
    "compare_loops",
    "compare_methods",
    "run_ready_campaigns",
]

BUDGETS = (30, 60, 120, 300, 600)
TUNED_AT = 120
READY = ("six6", "oer", "blends", "superconductor")
CONFIGS = Path(__file__).parent / "configs"
APPENDIX_G = ("needle-5", "needle-8")
DESIGNS = 128
IMAGES = 128
IMAGE_STEPS = {"digits": (100, 1000), "mnist": (1000, 10_000)}


@flow(name="benchmark-methods")
def compare_methods(
    problems: tuple[str, ...],
    names: tuple[str, ...] = (),
    budgets: tuple[int, ...] = BUDGETS,
    seeds: int = 5,
    tune: bool = True,
) -> Path:
    """Compare methods on problems at equal cost and publish one page; empty names are all.

    The page is there when the first problem is done, and grows with every other one. A method
    whose package is not installed is left out unless it is named.

    Raises InputError for no seed, a budget below one evaluation, a method that is named and not
    installed, or methods none of which works on any of the problems.
    """
    if seeds < 1 or min(budgets) < 1:
        raise InputError("at least one seed and budgets of at least one evaluation are needed")
    plan = Plan(budgets, seeds, DESIGNS, TUNED_AT if tune else None)
    chosen = chosen_methods(names)
    asked = []
    for problem in within_reach(problems):
        suited = [method for method in chosen if suits(problem, method)]
        if not suited:
            continue
        trained: list[PrefectFuture[Any]] = [
            train_on.submit(problem, seed) for seed in plan.all_seeds
        ]
        cells = [
            compare_on.submit(problem, method, plan, return_state=False, wait_for=trained)
            for method in suited
        ]
        learned = [
            learned_by.submit(problem, seed, return_state=False, wait_for=trained)
            for seed in range(seeds)
        ]
        asked.append((problem, cells, learned))
    if not asked:
        raise InputError(f"{', '.join(names)}: no such method works on {', '.join(problems)}")
    pages = [
        publish_comparison(gather_cells(_rows(cells), _rows(learned)), problem)
        for problem, cells, learned in asked
    ]
    return pages[-1]


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


@flow(name="benchmark-rounds")
def compare_loops(
    problems: tuple[str, ...] = LOOP_PROBLEMS,
    rounds: int = 10,
    batch: int = 100,
    seeds: int = 5,
    tune: bool = True,
) -> Path:
    """Compare whole simulated campaigns that measure as many designs, and publish one page.

    Settings of every loop are chosen on another seed first, or else are the first of those tried.
    """
    if seeds < 1:
        raise InputError("at least one seed is needed")
    cells = []
    for problem in problems:
        tuned = [
            tune_loop(problem, tried, rounds, batch) if tune else tried[0]
            for tried in loops_for(problem)
        ]
        cells += [
            run_loop_cell(problem, loop, rounds, batch, seed)
            for seed in range(seeds)
            for loop in tuned
        ]
    return publish_loops(cells, tuned=tune)


@flow(name="benchmark-campaigns")
def run_ready_campaigns(names: tuple[str, ...] = READY, seeds: int = 5) -> Path:
    """Run ready configurations with several seeds and publish what their candidates are worth."""
    rows = []
    for name in names:
        ready = CampaignConfig() if name == "six6" else load_config(CONFIGS / f"{name}.yaml")
        for seed in range(seeds):
            config = ready.model_copy(update={"name": f"{name}-seed-{seed}", "seed": seed})
            start = ingest(config.data, config.objectives)
            rows.append(judge_campaign(name, seed, start, design_campaign(config)))
    return publish_campaigns(rows)

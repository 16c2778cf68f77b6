"""Cells of the comparison are computed once, and publishing makes page, cells and figures."""

import math

import pandas as pd
import pytest

from designlib.methods import FixedChain, TrajectoryWalk
from designlib.problems.boolean import Needle
from designlib.types import InputError
from tasks import comparison, comparison_problems
from tasks.comparison import gather_cells, run_cell, tune_method
from tasks.comparison_problems import chosen_problems, make_problem
from tasks.comparison_report import publish_comparison
from tasks.machine import describe_machine


@pytest.fixture
def small(monkeypatch):
    """A needle among few variables with a short training."""
    training = Needle(3).training.model_copy(update={"steps": 60, "checkpoints": 6})
    problem = Needle(3, spurious=4, rows=512, training=training)
    monkeypatch.setattr(comparison, "make_problem", lambda name: problem)
    comparison._prepared.cache_clear()
    yield "small-needle"
    comparison._prepared.cache_clear()


def test_a_cell_is_computed_once_and_published(small, home, monkeypatch):
    rows = [
        run_cell.fn(small, method, budget, 32, seed)
        for method in (TrajectoryWalk(), FixedChain())
        for budget in (30, 60)
        for seed in (0, 1)
    ]
    assert all(0 <= row["success"] <= 1 for row in rows)
    assert all(0 < row["evaluations"] <= row["budget"] * 32 for row in rows)

    def fails(*arguments):
        raise AssertionError("a finished cell was computed again")

    monkeypatch.setattr(comparison, "_measured", fails)
    again = run_cell.fn(small, TrajectoryWalk(), 30, 32, 0)
    # NaN, for want of a reference, stays NaN.
    pd.testing.assert_series_equal(pd.Series(again), pd.Series(rows[0]))
    assert math.isnan(again["percentile"])
    page = publish_comparison.fn(gather_cells.fn(rows), {"seeds": 2})
    assert page.read_text().startswith("# Benchmarks")
    assert "commit" in page.read_text()
    assert len(pd.read_parquet(page.parent / "cells.parquet")) == 8
    assert (page.parent / "budget-small-needle.png").exists()


def test_tuning_takes_the_best_choice(small, home, monkeypatch):
    chosen = FixedChain.choices()[3]
    monkeypatch.setattr(
        comparison,
        "_cell",
        lambda problem, method, budget, designs, seed: {
            "success": 1.0 if method == chosen else 0.5, "median": 0.0,
        },
    )  # fmt: skip
    assert tune_method.fn(small, FixedChain(), 60, 32) == chosen


def test_problems_by_name():
    assert chosen_problems("needle-5") == ("needle-5",)
    assert set(chosen_problems("quick")) < set(chosen_problems("all"))
    with pytest.raises(
        InputError, match="no task 'nedle'; accepted are step-cost, orchestration, quick, all"
    ):
        chosen_problems("nedle")
    with pytest.raises(InputError, match="no problem 'x'"):
        make_problem("x")
    assert make_problem("needle-3").name
    assert comparison_problems.suits("needle-3", FixedChain())


def test_the_machine_is_described():
    about = describe_machine()
    assert set(about) == {"processor", "cores", "system", "python", "torch"}
    assert about["processor"]

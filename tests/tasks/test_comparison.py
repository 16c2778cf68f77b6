"""Cells of the comparison are computed once, and publishing makes page, cells and figures."""

import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from designlib.methods import BoTorch, FixedChain, RandomDesigns, TrajectoryWalk
from designlib.problems.ackley import Ackley
from designlib.problems.boolean import Needle
from designlib.randomness import torch_generator
from designlib.types import InputError
from tasks import comparison, comparison_problems, comparison_report
from tasks.comparison import (
    CODE,
    Plan,
    compare_on,
    compare_variant,
    gather_cells,
    learned_by,
    run_cell,
    train_on,
    tune_method,
)
from tasks.comparison_problems import (
    chosen_methods,
    chosen_problems,
    make_problem,
    within_reach,
)
from tasks.comparison_report import PUBLISHED, publish_comparison, write_benchmarks
from tasks.download import DataFileError
from tasks.machine import code_version, describe_machine
from tasks.settings import REPOSITORY


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
        {**run_cell(small, method, budget, 32, seed), "tuned": False}
        for method in (TrajectoryWalk(), FixedChain())
        for budget in (30, 60)
        for seed in (0, 1)
    ]
    assert all(0 <= row["success"] <= 1 for row in rows)
    assert all(0 < row["evaluations"] <= row["budget"] * 32 for row in rows)

    def fails(*arguments):
        raise AssertionError("a finished cell was computed again")

    monkeypatch.setattr(comparison, "_measured", fails)
    again = run_cell(small, TrajectoryWalk(), 30, 32, 0)
    # NaN, for want of a reference, stays NaN.
    pd.testing.assert_series_equal(pd.Series(again), pd.Series(rows[0]).drop("tuned"))
    assert math.isnan(again["percentile"])
    page = publish_comparison.fn(gather_cells.fn(rows))
    assert page.read_text().startswith("# Benchmarks")
    assert code_version() in page.read_text()
    assert len(pd.read_parquet(page.parent / "cells.parquet")) == 8
    assert (page.parent / "budget-small-needle.png").exists()


@pytest.fixture
def merits(small, monkeypatch):
    """What each choice of a method is worth at each budget, and a list of the cells computed."""
    worth, computed = {}, []

    def cell(problem, method, budget, designs, seed):
        computed.append((method, budget))
        return {"success": worth.get((method, budget), 0.1), "median": 0.0}

    monkeypatch.setattr(comparison, "run_cell", cell)
    return worth, computed


def test_tuning_takes_the_best_choice_for_every_budget_up_to_its_own(small, merits):
    worth, computed = merits
    chosen = FixedChain.choices()[3]
    worth[chosen, 60] = 0.5
    plan = Plan((30, 60), 2, 32, tune_at=60)
    assert tune_method(small, FixedChain(), plan) == {30: chosen, 60: chosen}
    assert {budget for _, budget in computed} == {60}


def test_settings_that_are_equal_are_told_apart_at_half_the_budget(small, merits):
    worth, _ = merits
    slow, quick = FixedChain.choices()[1], FixedChain.choices()[3]
    worth |= {(slow, 60): 1.0, (quick, 60): 1.0, (quick, 30): 0.5}
    plan = Plan((60,), 2, 32, tune_at=60)
    assert tune_method(small, FixedChain(), plan) == {60: quick}


def test_larger_budgets_are_served_by_what_is_best_there_of_the_better_half(small, merits):
    worth, computed = merits
    choices = FixedChain.choices()
    early, late, last, never = choices[4], choices[2], choices[3], choices[0]
    worth |= {(early, 60): 0.9, (late, 60): 0.8, (last, 60): 0.7}
    worth |= {(late, 150): 0.9, (last, 150): 0.8, (last, 300): 0.9}
    # The best of all at 300 evaluations is not among the better half at 60.
    worth |= {(never, 300): 1.0}
    plan = Plan((300, 30, 60, 150), 2, 32, tune_at=60)
    assert tune_method(small, FixedChain(), plan) == {30: early, 60: early, 150: late, 300: last}
    assert {method for method, budget in computed if budget == 150} == {early, late, last}
    assert {method for method, budget in computed if budget == 300} == {late, last}


def test_a_method_with_one_choice_is_tuned_to_it(small, merits):
    plan = Plan((30, 150), 2, 32, tune_at=60)
    assert tune_method(small, RandomDesigns(), plan) == {30: RandomDesigns(), 150: RandomDesigns()}


def test_a_plan_gives_every_cell_of_a_method(small, home):
    plan = Plan((30, 60), 2, 32, tune_at=None)
    assert plan.all_seeds == (0, 1)
    rows = compare_on.fn(small, FixedChain(), plan)
    assert [(row["budget"], row["seed"]) for row in rows] == [(30, 0), (30, 1), (60, 0), (60, 1)]
    assert not any(row["tuned"] or row["tuned_at"] for row in rows)


def test_rows_say_where_their_settings_were_tried(small, home):
    rows = compare_on.fn(small, FixedChain(), Plan((30, 90), 1, 32, tune_at=60))
    assert [(row["tuned"], row["tuned_at"]) for row in rows] == [(True, 60), (True, 90)]


def test_all_methods_share_one_training(small, home, monkeypatch):
    train_on.fn(small, 0)

    def fails(*arguments):
        raise AssertionError("a predictor was trained again")

    monkeypatch.setattr(comparison, "train_trajectory", fails)
    run_cell(small, FixedChain(), 30, 32, 0)


def test_elites_are_the_starts_of_problems_that_say_so(small, home, monkeypatch):
    monkeypatch.setattr(comparison, "starts_from_elites", lambda name: True)
    problem, setting, _ = comparison._prepared(small, 0)
    starts = setting.start(16, torch_generator(0))
    values = problem.training_data(0)[1]
    assert problem.oracle(starts).min() >= values.sort(descending=True).values[128]
    assert comparison_problems.starts_from_elites("ehrlich-64-elites")


def test_a_cell_depends_on_all_the_code_that_it_imports():
    """A module that is not in the list would change and leave the cells as they are."""
    loaded = (
        "import importlib, pkgutil, sys, designlib.methods.starts, designlib.methods.judging\n"
        "import designlib.problems as problems\n"
        "for module in pkgutil.iter_modules(problems.__path__):\n"
        "    importlib.import_module(f'designlib.problems.{module.name}')\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('designlib.')))"
    )
    told = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    files = {Path(file).relative_to(REPOSITORY).as_posix() for file in told.stdout.split()}
    assert {
        f for f in files if not any(f == part or f.startswith(f"{part}/") for part in CODE)
    } == set()


def test_the_page_in_the_repository_is_made_from_its_cells():
    folder = REPOSITORY / PUBLISHED
    files = comparison_report._page_files(comparison_report._merged(folder, {}), PUBLISHED)
    assert files.pop("BENCHMARKS.md") == (REPOSITORY / "BENCHMARKS.md").read_bytes()
    assert {path.name for path in folder.glob("*.png")} == set(files)


def test_a_variant_has_a_name_of_its_own(small, home):
    rows = compare_variant.fn(
        small, "5 checkpoints", TrajectoryWalk(most_rungs=5), Plan((30,), 2, 32, None)
    )
    assert {row["method"] for row in rows} == {"walk: 5 checkpoints"}


def test_the_learning_of_boolean_problems_only(small, home, monkeypatch):
    rows = learned_by.fn(small, 0)
    assert {row["degree"] for row in rows} == {1, 2, 3}
    assert rows[0]["step"] == 0
    assert rows[-1]["step"] == 60
    assert rows[-3]["learned"] > rows[0]["learned"]
    monkeypatch.setattr(comparison, "make_problem", lambda name: Ackley())
    assert learned_by.fn("ackley", 0) == []


def test_runs_add_to_the_page_in_the_repository(small, home, tmp_path):
    with pytest.raises(InputError, match="no finished comparisons"):
        write_benchmarks(tmp_path)
    for method in (TrajectoryWalk(), FixedChain()):
        publish_comparison.fn(
            gather_cells.fn(compare_on.fn(small, method, Plan((30,), 2, 32, None)))
        )
    page = write_benchmarks(tmp_path)
    assert page == tmp_path / "BENCHMARKS.md"
    assert "gradient chain" in page.read_text()
    assert "trajectory annealing" in page.read_text()
    before = page.read_bytes()
    assert write_benchmarks(tmp_path).read_bytes() == before


def test_problems_by_name():
    assert chosen_problems("needle-5") == ("needle-5",)
    assert set(chosen_problems("quick")) < set(chosen_problems("all"))
    with pytest.raises(InputError, match="no task 'nedle'; accepted are step-cost, "):
        chosen_problems("nedle")
    with pytest.raises(InputError, match="no problem 'x'"):
        make_problem("x")
    assert make_problem("needle-3").name
    assert comparison_problems.suits("needle-3", FixedChain())
    assert not comparison_problems.suits("needle-3", BoTorch())
    assert comparison_problems.suits("ackley-10", BoTorch())


def test_a_method_without_its_package_is_left_out_unless_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "botorch", None)
    assert "BoTorch" not in {method.name for method in chosen_methods(())}
    assert [method.name for method in chosen_methods(("AIS",))] == ["AIS"]
    with pytest.raises(InputError, match="BoTorch needs the package botorch"):
        chosen_methods(("AIS", "BoTorch"))


def test_the_machine_is_described():
    about = describe_machine()
    assert set(about) == {"processor", "cores", "system", "python", "torch"}
    assert about["processor"]


def test_problems_whose_data_are_out_of_reach_are_left_out_and_told_of(monkeypatch, caplog):
    def nowhere():
        raise DataFileError("supercon.csv cannot be reached")

    monkeypatch.setitem(comparison_problems.PROBLEMS, "superconductor", nowhere)
    make_problem.cache_clear()
    with caplog.at_level("WARNING"):
        assert within_reach(["needle-3", "superconductor"]) == ["needle-3"]
    assert "superconductor is left out: supercon.csv cannot be reached" in caplog.text
    with pytest.raises(DataFileError, match=r"supercon\.csv"):
        within_reach(["superconductor"])

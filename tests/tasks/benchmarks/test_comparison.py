"""Settings are chosen alike for all methods; publishing makes page, cells and figures."""

import math
import sys

import pandas as pd
import pytest

from designlib.benchmarks.methods import METHODS, BoTorch, BudgetError, Sampler
from designlib.types import InputError
from tasks.benchmarks import comparison, comparison_problems, runs
from tasks.benchmarks.comparison import Plan, compare_ablation, compare_on, tune_method
from tasks.benchmarks.comparison_problems import (
    chosen_methods,
    chosen_problems,
    make_problem,
    within_reach,
)
from tasks.benchmarks.publishing import (
    PUBLISHED,
    pages_of,
    publish,
    stored_tables,
    write_benchmarks,
)
from tasks.benchmarks.runs import run_once
from tasks.inputs.download import DataFileError
from tasks.installation.machine import code_version, describe_machine
from tasks.installation.settings import REPOSITORY

CHAINS, ANNEALING = METHODS["gradient chain"], METHODS["trajectory annealing"]
CHAIN, EXCHANGE = CHAINS[0], METHODS["trajectory exchange"][0]


def test_a_run_is_computed_once_and_published(small_needle, home, monkeypatch):
    rows = [
        {**run_once(small_needle, method, budget, 32, seed), "tuned": False}
        for method in (ANNEALING[0], CHAIN)
        for budget in (30, 60)
        for seed in (0, 1)
    ]
    assert all(0 <= row["success"] <= 1 for row in rows)
    assert all(0 < row["evaluations"] <= row["budget"] * 32 for row in rows)

    def fails(*arguments):
        raise AssertionError("a finished run was computed again")

    monkeypatch.setattr(runs, "_measured", fails)
    again = run_once(small_needle, ANNEALING[0], 30, 32, 0)
    # NaN, for want of a reference, stays NaN.
    pd.testing.assert_series_equal(pd.Series(again), pd.Series(rows[0]).drop("tuned"))
    assert math.isnan(again["percentile"])
    page = publish.fn({"runs": pd.DataFrame(rows)}, "small")
    assert page.read_text().startswith("# Benchmarks")
    assert code_version() in page.read_text()
    assert len(pd.read_parquet(page.parent / "runs.parquet")) == 8
    assert (page.parent / "budget-small-needle.png").exists()


@pytest.fixture
def merits(small_needle, monkeypatch):
    """What each choice achieves at each budget, and a list of the cells computed.

    Its median and the share found, and where the test asks how far apart proposals are.
    """
    worth, computed = {}, []

    def cell(problem, method, budget, designs, seed):
        computed.append((method, budget))
        median, found, *apart = worth.get((method, budget), (0.1, 0.0))
        return {"median": median, "success": found, "diversity": apart[0] if apart else 1.0}

    monkeypatch.setattr(comparison, "run_once", cell)
    return worth, computed


def test_tuning_takes_the_best_choice_for_every_budget_up_to_its_own(small_needle, merits):
    worth, computed = merits
    chosen = CHAINS[3]
    worth[chosen, 60] = (0.5, 0.0)
    plan = Plan((30, 60), 2, 32, tune_at=60)
    assert tune_method(small_needle, CHAIN, plan) == {30: chosen, 60: chosen}
    assert {budget for _, budget in computed} == {60}


def test_a_small_share_found_does_not_outweigh_the_median(small_needle, merits):
    worth, _ = merits
    lucky, good, better = CHAINS[1:4]
    worth |= {(lucky, 60): (0.2, 0.1), (good, 60): (0.5, 0.0), (better, 60): (0.5, 0.1)}
    plan = Plan((60,), 2, 32, tune_at=60)
    assert tune_method(small_needle, CHAIN, plan) == {60: better}


def test_settings_that_are_equal_are_told_apart_at_half_the_budget(small_needle, merits):
    worth, _ = merits
    slow, quick = CHAINS[1], CHAINS[3]
    worth |= {(slow, 60): (1.0, 1.0), (quick, 60): (1.0, 1.0), (quick, 30): (0.5, 0.0)}
    plan = Plan((60,), 2, 32, tune_at=60)
    assert tune_method(small_needle, CHAIN, plan) == {60: quick}


def test_settings_that_are_equal_there_too_are_told_apart_by_diversity(small_needle, merits):
    worth, _ = merits
    near, apart, bad = CHAINS[1:4]
    worth |= {(near, 60): (1.0, 1.0, 5.0), (apart, 60): (1.0, 1.0, 9.0), (bad, 60): (0.5, 1.0, 99)}
    plan = Plan((60,), 2, 32, tune_at=60)
    assert tune_method(small_needle, CHAIN, plan) == {60: apart}


def test_larger_budgets_are_served_by_what_is_best_there_of_the_better_half(small_needle, merits):
    worth, computed = merits
    choices = CHAINS
    early, late, last, never = choices[4], choices[2], choices[3], choices[0]
    at_60 = {early: 0.9, late: 0.8, last: 0.7}
    at_150 = {late: 0.9, last: 0.8}
    # The best of all at 300 evaluations is not among the better half at 60.
    at_300 = {last: 0.9, never: 1.0}
    for budget, medians in ((60, at_60), (150, at_150), (300, at_300)):
        worth |= {(choice, budget): (median, 0.0) for choice, median in medians.items()}
    plan = Plan((300, 30, 60, 150), 2, 32, tune_at=60)
    assert tune_method(small_needle, CHAIN, plan) == {
        30: early,
        60: early,
        150: late,
        300: last,
    }
    assert {method for method, budget in computed if budget == 150} == {early, late, last}
    assert {method for method, budget in computed if budget == 300} == {late, last}


def test_a_method_with_one_choice_is_tuned_to_it(small_needle, merits):
    plan = Plan((30, 150), 2, 32, tune_at=60)
    assert tune_method(small_needle, METHODS["random"][0], plan) == {
        30: METHODS["random"][0],
        150: METHODS["random"][0],
    }


def test_a_plan_gives_every_run_of_a_method(small_needle, home):
    plan = Plan((30, 60), 2, 32, tune_at=None)
    assert plan.all_seeds == (0, 1)
    rows = compare_on.fn(small_needle, CHAIN, plan)
    assert [(row["budget"], row["seed"]) for row in rows] == [(30, 0), (30, 1), (60, 0), (60, 1)]
    assert not any(row["tuned"] or row["tuned_at"] for row in rows)


def test_a_budget_that_is_too_small_for_the_settings_is_left_out(small_needle, home, caplog):
    with caplog.at_level("WARNING"):
        rows = compare_on.fn(small_needle, EXCHANGE, Plan((30, 36), 1, 32, tune_at=None))
    assert [row["budget"] for row in rows] == [36]
    assert "trajectory exchange needs at least 36 evaluations a design, not 30" in caplog.text
    with pytest.raises(BudgetError, match="at least 36"):
        compare_on.fn(small_needle, EXCHANGE, Plan((30,), 1, 32, tune_at=None))


def test_settings_that_do_not_fit_the_budget_are_not_chosen(small_needle, home):
    chosen = tune_method(small_needle, EXCHANGE, Plan((30,), 1, 32, tune_at=30))[30]
    assert isinstance(chosen, Sampler)
    assert chosen.rungs == 3


def test_rows_say_where_their_settings_were_tried(small_needle, home):
    rows = compare_on.fn(small_needle, CHAIN, Plan((30, 90), 1, 32, tune_at=60))
    assert [(row["tuned"], row["tuned_at"]) for row in rows] == [(True, 60), (True, 90)]


def test_pages_in_the_repository_are_made_from_its_runs():
    folder = REPOSITORY / PUBLISHED
    pages = pages_of(stored_tables(folder, {}), PUBLISHED)
    texts = dict(pages.texts)
    front = texts.pop("BENCHMARKS")
    assert front == (REPOSITORY / "BENCHMARKS.md").read_text()
    assert len(front.splitlines()) <= 250
    assert {path.stem: path.read_text() for path in folder.glob("*.md")} == texts
    assert {path.stem for path in folder.glob("*.png")} == set(pages.drawings)


def test_an_ablation_has_a_name_of_its_own(small_needle, home):
    rows = compare_ablation.fn(
        small_needle,
        "5 checkpoints",
        Sampler("few", "trajectory", rungs=5),
        Plan((30,), 2, 32, None),
    )
    assert {row["method"] for row in rows} == {"walk: 5 checkpoints"}


def test_runs_add_to_the_page_in_the_repository(small_needle, home, tmp_path):
    with pytest.raises(InputError, match="no finished benchmark runs"):
        write_benchmarks(tmp_path)
    for method in (ANNEALING[0], CHAIN):
        rows = compare_on.fn(small_needle, method, Plan((30,), 2, 32, None))
        publish.fn({"runs": pd.DataFrame(rows)}, "small")
    page = write_benchmarks(tmp_path)
    assert page == tmp_path / "BENCHMARKS.md"
    details = (tmp_path / PUBLISHED / "small-needle.md").read_text()
    assert "gradient chain" in details
    assert "trajectory annealing" in details
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
    assert comparison_problems.suits("needle-3", CHAIN)
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

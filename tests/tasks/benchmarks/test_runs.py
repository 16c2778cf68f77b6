"""Benchmark runs share one training and depend on all the code that they import."""

from designlib.benchmarks.methods import METHODS
from designlib.benchmarks.problems.ackley import Ackley
from designlib.randomness import torch_generator
from tasks.benchmarks import comparison_problems, runs
from tasks.benchmarks.runs import CODE, learned_by, run_once, train_on
from tasks.installation.settings import REPOSITORY
from tasks.stages.code import Code


def test_all_methods_share_one_training(small_needle, home, monkeypatch):
    train_on.fn(small_needle, 0)

    def fails(*arguments):
        raise AssertionError("a predictor was trained again")

    monkeypatch.setattr(runs, "train_trajectory", fails)
    run_once(small_needle, METHODS["gradient chain"][0], 30, 32, 0)


def test_elites_are_the_starts_of_problems_that_say_so(small_needle, home, monkeypatch):
    monkeypatch.setattr(runs, "starts_from_elites", lambda name: True)
    problem, setting, _ = runs._prepared(small_needle, 0)
    starts = setting.start(16, torch_generator(0))
    values = problem.training_data(0)[1]
    assert problem.oracle(starts).min() >= values.sort(descending=True).values[128]
    assert comparison_problems.starts_from_elites("ehrlich-64-elites")


def test_a_run_depends_on_methods_problems_and_sampling_but_on_no_page():
    deciding = Code(REPOSITORY).deciding(*CODE)
    for module in (
        "designlib.benchmarks.methods.samplers",
        "designlib.benchmarks.problems.ehrlich",
        "designlib.sampling.kernels.gibbs_with_gradients",
        "tasks.benchmarks.runs",
    ):
        assert module in deciding
    assert not [module for module in deciding if ".pages" in module]


def test_the_learning_of_boolean_problems_only(small_needle, home, monkeypatch):
    rows = learned_by.fn(small_needle, 0)
    assert {row["degree"] for row in rows} == {1, 2, 3}
    assert rows[0]["step"] == 0
    assert rows[-1]["step"] == 60
    assert rows[-3]["learned"] > rows[0]["learned"]
    monkeypatch.setattr(runs, "make_problem", lambda name: Ackley())
    assert learned_by.fn("ackley", 0) == []

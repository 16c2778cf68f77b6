"""Cells of the comparison share one training and depend on all the code that they import."""

import subprocess
import sys
from pathlib import Path

from designlib.benchmarks.methods import FixedChain
from designlib.benchmarks.problems.ackley import Ackley
from designlib.randomness import torch_generator
from tasks.benchmarks import cells, comparison_problems
from tasks.benchmarks.cells import CODE, learned_by, run_cell, train_on
from tasks.installation.settings import REPOSITORY


def test_all_methods_share_one_training(small_needle, home, monkeypatch):
    train_on.fn(small_needle, 0)

    def fails(*arguments):
        raise AssertionError("a predictor was trained again")

    monkeypatch.setattr(cells, "train_trajectory", fails)
    run_cell(small_needle, FixedChain(), 30, 32, 0)


def test_elites_are_the_starts_of_problems_that_say_so(small_needle, home, monkeypatch):
    monkeypatch.setattr(cells, "starts_from_elites", lambda name: True)
    problem, setting, _ = cells._prepared(small_needle, 0)
    starts = setting.start(16, torch_generator(0))
    values = problem.training_data(0)[1]
    assert problem.oracle(starts).min() >= values.sort(descending=True).values[128]
    assert comparison_problems.starts_from_elites("ehrlich-64-elites")


def test_a_cell_depends_on_all_the_code_that_it_imports():
    """A module that is not in the list would change and leave the cells as they are."""
    loaded = (
        "import importlib, pkgutil, sys\n"
        "import designlib.benchmarks.methods.starts, designlib.benchmarks.methods.judging\n"
        "import designlib.benchmarks.problems as problems\n"
        "for module in pkgutil.iter_modules(problems.__path__):\n"
        "    importlib.import_module(f'designlib.benchmarks.problems.{module.name}')\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('designlib.')))"
    )
    told = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    files = {Path(file).relative_to(REPOSITORY).as_posix() for file in told.stdout.split()}
    assert {
        f for f in files if not any(f == part or f.startswith(f"{part}/") for part in CODE)
    } == set()


def test_the_learning_of_boolean_problems_only(small_needle, home, monkeypatch):
    rows = learned_by.fn(small_needle, 0)
    assert {row["degree"] for row in rows} == {1, 2, 3}
    assert rows[0]["step"] == 0
    assert rows[-1]["step"] == 60
    assert rows[-3]["learned"] > rows[0]["learned"]
    monkeypatch.setattr(cells, "make_problem", lambda name: Ackley())
    assert learned_by.fn("ackley", 0) == []

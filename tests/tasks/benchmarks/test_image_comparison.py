"""Sampled digits: runs are computed once, end at the model's own density, and make a page."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

from designlib.benchmarks.methods import Sampler
from designlib.benchmarks.problems.energy_model import EnergyConfig
from designlib.benchmarks.problems.mnist import Digits, Mnist, unpacked_images
from tasks.benchmarks import image_comparison
from tasks.benchmarks.image_comparison import (
    IMAGE_METHODS,
    IMAGE_SETS,
    at_its_own_temperature,
    run_images,
    sample_images,
)
from tasks.benchmarks.publishing import publish, write_benchmarks


@pytest.fixture
def small(monkeypatch):
    """A model of real digits with a short training."""
    whole = IMAGE_SETS["digits"]()
    few = Digits(whole.train.images[:200], whole.train.labels[:200])
    energy = EnergyConfig(hidden=16, steps=60, batch_size=32, checkpoints=5, learning_rate=1e-2)
    problem = Mnist(few, whole.test, energy, 60, "small")
    monkeypatch.setattr(image_comparison, "_problem", lambda name: problem)
    return problem


def test_the_small_set_is_the_real_one_in_two_parts():
    problem = IMAGE_SETS["digits"]()
    grey, labels = load_digits(return_X_y=True)
    assert len(problem.train.labels) + len(problem.test.labels) == len(labels)
    both = torch.cat([problem.train.images, problem.test.images])
    assert int(both.sum()) == np.count_nonzero(grey > 7)
    assert (problem.side, problem.name) == (8, "digits")


def test_a_run_is_computed_once(small, home, monkeypatch):
    method = Sampler("temperature annealing", "temperature", softening=3.0)
    row = run_images("small", method, 30, 24, 0)
    assert row["evaluations"] <= 24 * 3 * 31
    assert row["floor"] < row["fid"]
    shown = unpacked_images(row["shown"], 8)
    assert shown.shape == (24, 64)

    def fails(*arguments):
        raise AssertionError("a finished run was computed again")

    monkeypatch.setattr(image_comparison, "_setting", fails)
    assert run_images("small", method, 30, 24, 0) == row


def test_settings_are_those_that_come_nearest_on_another_seed(small, home):
    rows = sample_images.fn("small", "temperature annealing", 60, 1, 24)
    tried = {
        choice: run_images("small", choice, 60, 24, 1000)["fid"]
        for choice in IMAGE_METHODS["temperature annealing"]
    }
    best = min(tried, key=tried.__getitem__)
    assert [(row["seed"], row["settings"]) for row in rows] == [
        (0, f"softening {vars(best)['softening']:g}")
    ]


@pytest.mark.parametrize(
    "choice", [choices[-1] for choices in IMAGE_METHODS.values()], ids=lambda one: one.name
)
def test_every_method_ends_at_the_density_of_the_model(small, home, choice):
    _, setting = image_comparison._setting("small", 0)
    method = at_its_own_temperature(choice, setting)
    beta = setting.target(vars(method)["sharpness"]).beta
    assert beta == pytest.approx(1.0)
    assert len(setting.checkpoints) == 5
    outcome = method.run(setting, 8, 60, 0)
    torch.testing.assert_close(outcome.value, setting.score(outcome.designs))


def test_more_steps_come_closer_and_the_page_shows_it(small, home, tmp_path):
    rows = [
        row
        for method in IMAGE_METHODS
        for steps in (5, 200)
        for row in sample_images.fn("small", method, steps, 2, 48)
    ]
    mean = pd.DataFrame(rows).groupby(["method", "steps"])["fid"].mean()
    for method in IMAGE_METHODS:
        assert mean[method, 200] < mean[method, 5]
    page = publish.fn({"images": pd.DataFrame(rows)}, "small")
    assert (page.parent / "samples-small.png").exists()
    assert "| trajectory annealing, raw |" in page.read_text()
    assert "200 steps" in write_benchmarks(tmp_path).read_text()
    assert len(pd.read_parquet(tmp_path / "docs" / "benchmarks" / "images.parquet")) == len(rows)

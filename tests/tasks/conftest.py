"""What tests of several modules here need."""

import pytest

from designlib.benchmarks.problems import needle
from tasks.benchmarks import runs


@pytest.fixture
def small_needle(monkeypatch):
    """The only problem there is, by its name: a needle among few variables, trained shortly."""
    training = needle(3).training.model_copy(update={"steps": 60, "checkpoints": 6})
    problem = needle(3, spurious=4, rows=512, training=training)
    monkeypatch.setattr(runs, "make_problem", lambda name: problem)
    runs._prepared.cache_clear()
    yield "small-needle"
    runs._prepared.cache_clear()

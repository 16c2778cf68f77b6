"""What tests of several modules here need."""

import pytest

from designlib.benchmarks.problems.boolean import Needle
from tasks.benchmarks import cells


@pytest.fixture
def small_needle(monkeypatch):
    """The only problem there is, by its name: a needle among few variables, trained shortly."""
    training = Needle(3).training.model_copy(update={"steps": 60, "checkpoints": 6})
    problem = Needle(3, spurious=4, rows=512, training=training)
    monkeypatch.setattr(cells, "make_problem", lambda name: problem)
    cells._prepared.cache_clear()
    yield "small-needle"
    cells._prepared.cache_clear()

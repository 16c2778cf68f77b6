"""What learning curves cost a training."""

from __future__ import annotations

import pytest

from tasks.benchmarks.orchestration_cost import _learning_share


@pytest.mark.parametrize(("alphabet", "length"), [("dna", 8), ("protein", 4)])
def test_learning_curves_cost_at_most_a_twentieth_of_a_training(alphabet: str, length: int) -> None:
    row = _learning_share(alphabet, length)
    assert 0 < float(row["share"]) <= 0.05, row

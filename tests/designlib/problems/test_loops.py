"""Simulated campaigns: what every loop keeps to, and that a repetition gives the same."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
import torch

from designlib.methods import AdaLead, GeneticAlgorithm, RandomMutation
from designlib.problems.ensembles import EnsembleConfig
from designlib.problems.loops import (
    GuidedSearch,
    Known,
    Loop,
    MeasuredSearch,
    TrajectoryLoop,
    run_loop,
)
from designlib.problems.tfbind8 import TfBind8
from designlib.types import InputError
from tasks.settings import REPOSITORY

BRIEF = EnsembleConfig(members=2, steps=6, further_steps=3, checkpoints=3)
LOOPS: list[Loop] = [
    TrajectoryLoop(predictors=BRIEF, chains=64, steps_per_rung=1, final_steps=1),
    GuidedSearch(AdaLead(), predictors=BRIEF, budget=4, found=60),
    MeasuredSearch(GeneticAlgorithm()),
    MeasuredSearch(RandomMutation()),
]


@pytest.fixture(scope="module")
def problem() -> TfBind8:
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    return TfBind8.from_table(table.set_index("design")["e_score"], share=0.01)


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
def test_a_loop_measures_new_designs_only_and_repeats_itself(
    problem: TfBind8, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[torch.Tensor] = []
    real = TfBind8.oracle

    def oracle(self: TfBind8, designs: torch.Tensor) -> torch.Tensor:
        asked.append(designs)
        return real(self, designs)

    monkeypatch.setattr(TfBind8, "oracle", oracle)
    first = list(run_loop(problem, loop, 2, 10, 0))
    measured = torch.cat(asked)
    assert len(measured.unique(dim=0)) == len(measured)
    assert [standing.measured for standing in first] == [0, 10, 20]
    assert first[0].best < problem.values.median()
    for before, after in pairwise(first):
        assert after.best >= before.best
        assert after.top_mean >= before.top_mean
        assert after.diversity > 0
    again = list(run_loop(problem, loop, 2, 10, 0))
    assert again[1:] == first[1:]


def test_the_best_known_come_first() -> None:
    known = Known(torch.tensor([[0], [1], [2]]), torch.tensor([1.0, 3.0, 2.0]), torch.zeros(3) > 0)
    assert known.best(2).tolist() == [[1], [2]]


def test_numbers_that_mean_nothing_are_refused(problem: TfBind8) -> None:
    with pytest.raises(InputError, match="rounds"):
        next(run_loop(problem, LOOPS[-1], 0, 10, 0))

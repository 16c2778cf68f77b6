"""Simulated campaigns: what every loop keeps to, and that a repetition gives the same."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
import torch

from designlib.benchmarks.loops.ensembles import Ensemble, EnsembleConfig
from designlib.benchmarks.loops.known import Known
from designlib.benchmarks.loops.loops import Loop, run_loop
from designlib.benchmarks.loops.proposing import GuidedSearch, MeasuredSearch, TrajectoryLoop
from designlib.benchmarks.methods import AdaLead, GeneticAlgorithm, RandomMutation
from designlib.benchmarks.problems.tfbind8 import TfBind8
from designlib.types import InputError
from tasks.installation.settings import REPOSITORY

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


def test_a_batch_is_filled_where_one_search_finds_too_little_that_is_new(problem: TfBind8) -> None:
    # Eight chains on three rungs, and sixteen designs of a search, are fewer than forty.
    few = [
        TrajectoryLoop(BRIEF, chains=8, crossover=0, final_steps=1, shortlist_batches=1.0),
        GuidedSearch(AdaLead(), BRIEF, budget=4, found=16),
    ]
    for loop in few:
        *_, last = run_loop(problem, loop, 1, 40, 0)
        assert last.measured == 40


def test_the_best_known_come_first_and_what_is_known_is_not_new() -> None:
    known = Known(torch.tensor([[0], [1], [2]]), torch.tensor([1.0, 3.0, 2.0]), torch.zeros(3) > 0)
    assert known.best(2).tolist() == [[1], [2]]
    assert known.new(torch.tensor([[4], [2], [3], [4]])).tolist() == [[4], [3]]


def test_an_ensemble_goes_on_from_what_it_had_learned(problem: TfBind8) -> None:
    designs, values = problem.training_data(0)
    known = Known(designs, values, torch.zeros(len(values), dtype=torch.bool))
    ensemble = Ensemble(problem, EnsembleConfig(steps=40, further_steps=1, checkpoints=4), 0)
    ensemble.learn(known)
    first = ensemble.checkpoints()
    ensemble.learn(known)
    second = ensemble.checkpoints()
    assert (len(first), len(second)) == (4, 3)
    relaxed = problem.space.relax(designs)
    # The first and the last of what it had, and one more after its single step.
    for before, after in ((0, 0), (-1, 1)):
        assert torch.equal(first[before](relaxed), second[after](relaxed))
    assert not torch.equal(second[1](relaxed), second[2](relaxed))


def test_chains_that_do_not_divide_into_groups_are_refused(problem: TfBind8) -> None:
    # Not sampled without crossover instead, which nobody would notice.
    loop = TrajectoryLoop(BRIEF, chains=64, crossover=32)
    with pytest.raises(InputError, match="48 chains"):
        list(run_loop(problem, loop, 1, 10, 0))


def test_numbers_that_mean_nothing_are_refused(problem: TfBind8) -> None:
    with pytest.raises(InputError, match="rounds"):
        next(run_loop(problem, LOOPS[-1], 0, 10, 0))

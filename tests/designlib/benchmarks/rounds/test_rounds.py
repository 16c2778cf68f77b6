"""Simulated campaigns: what every loop keeps to, and that a repetition gives the same."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
import torch

from designlib.benchmarks.methods import AdaLead, GeneticAlgorithm, RandomMutation
from designlib.benchmarks.problems import Ackley
from designlib.benchmarks.problems.tfbind8 import TfBind8
from designlib.benchmarks.rounds import (
    Campaign,
    GuidedSearch,
    MeasuredSearch,
    Proposer,
    RoundTraining,
    run_rounds,
)
from designlib.benchmarks.rounds.campaign import Measurements
from designlib.config import SamplingConfig
from designlib.types import InputError
from tasks.installation.settings import REPOSITORY

BRIEF = RoundTraining(members=2, steps=6, further_steps=3, checkpoints=3)
SHORT = SamplingConfig(chains=64, steps_per_rung=1, final_steps=1, pool_rungs=10)
PROPOSERS: list[Proposer] = [
    Campaign(BRIEF, SHORT),
    GuidedSearch(AdaLead(), predictors=BRIEF, budget=4, found=60),
    MeasuredSearch(GeneticAlgorithm()),
    MeasuredSearch(RandomMutation()),
]


@pytest.fixture(scope="module")
def problem() -> TfBind8:
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    return TfBind8.from_table(table.set_index("design")["e_score"], share=0.01)


@pytest.mark.parametrize("proposer", PROPOSERS, ids=lambda proposer: proposer.name)
def test_a_campaign_measures_new_designs_only_and_repeats_itself(
    problem: TfBind8, proposer: Proposer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[torch.Tensor] = []
    real = TfBind8.oracle

    def oracle(self: TfBind8, designs: torch.Tensor) -> torch.Tensor:
        asked.append(designs)
        return real(self, designs)

    monkeypatch.setattr(TfBind8, "oracle", oracle)
    first = list(run_rounds(problem, proposer, 2, 10, 0))
    measured = torch.cat(asked)
    assert len(measured.unique(dim=0)) == len(measured)
    assert [standing.measured for standing in first] == [0, 10, 20]
    assert first[0].best < problem.values.median()
    for before, after in pairwise(first):
        assert after.best >= before.best
        assert after.top_mean >= before.top_mean
        assert after.diversity > 0
    again = list(run_rounds(problem, proposer, 2, 10, 0))
    assert again[1:] == first[1:]


def test_a_batch_is_filled_where_one_search_finds_too_little_that_is_new(problem: TfBind8) -> None:
    # Eight chains on three rungs, and sixteen designs of a search, are fewer than forty.
    few = [
        Campaign(BRIEF, SHORT.model_copy(update={"chains": 8})),
        GuidedSearch(AdaLead(), BRIEF, budget=4, found=16),
    ]
    for proposer in few:
        *_, last = run_rounds(problem, proposer, 1, 40, 0)
        assert last.measured == 40


def test_the_best_measured_come_first_and_what_is_measured_is_not_new() -> None:
    known = Measurements(
        torch.tensor([[0], [1], [2]]), torch.tensor([1.0, 3.0, 2.0]), torch.zeros(3) > 0
    )
    assert known.best(2).tolist() == [[1], [2]]
    assert known.new(torch.tensor([[4], [2], [3], [4]])).tolist() == [[4], [3]]


def test_members_go_on_from_what_they_had_learned(problem: TfBind8) -> None:
    designs, values = problem.training_data(0)
    known = Measurements(designs, values, torch.zeros(len(values), dtype=torch.bool))
    training = RoundTraining(steps=40, further_steps=1, checkpoints=4)
    first = training.train(problem, known, [], 1, 0)
    second = training.train(problem, known, first, 2, 0)
    assert (len(first[0].states), len(second[0].states)) == (4, 3)
    relaxed = problem.space.relax(designs)
    # The first and the last of what it had, and one more after its single step.
    for before, after in ((0, 0), (-1, 1)):
        assert torch.equal(first[1].network(before)(relaxed), second[1].network(after)(relaxed))
    one, other = (second[1].network(index)(relaxed) for index in (1, 2))
    assert not torch.equal(one, other)


def test_numbers_that_mean_nothing_are_refused(problem: TfBind8) -> None:
    with pytest.raises(InputError, match="rounds"):
        next(run_rounds(problem, PROPOSERS[-1], 0, 10, 0))
    with pytest.raises(InputError, match="for sequences"):
        next(run_rounds(Ackley(), PROPOSERS[-1], 1, 10, 0))

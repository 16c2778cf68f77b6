"""Runs of simulated campaigns: each once, settings by their outcome, and their pages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from designlib.benchmarks.methods import GeneticAlgorithm, RandomMutation
from designlib.benchmarks.problems.tfbind8 import TfBind8
from designlib.benchmarks.rounds import MeasuredSearch, Proposer
from tasks.benchmarks import rounds
from tasks.benchmarks.publishing import PUBLISHED, publish, write_benchmarks
from tasks.benchmarks.rounds import (
    ROUND_PROBLEMS,
    proposers_for,
    run_campaign,
    standings,
    tune_proposer,
)
from tasks.installation.settings import REPOSITORY, Settings

GENETIC, MUTATION = MeasuredSearch(GeneticAlgorithm()), MeasuredSearch(RandomMutation())


@pytest.fixture
def small(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """TF Bind 8 from its worst hundredth, which takes no time without predictors."""
    del home
    table = pd.read_parquet(REPOSITORY / "data" / "tfbind8_six6.parquet")
    problem = TfBind8.from_table(table.set_index("design")["e_score"], share=0.01)
    monkeypatch.setattr(rounds, "make_problem", lambda name: problem)
    return "small"


def test_a_loop_run_is_computed_once(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_campaign.fn(small, GENETIC, 2, 10, 0)
    rows = pd.read_parquet(first.path("standings.parquet"))
    assert rows["measured"].tolist() == [0, 10, 20]
    assert set(rows["settings"]) == {repr(GENETIC)}
    assert rows["cpu_seconds"].is_monotonic_increasing

    def fails(*arguments: object) -> None:
        raise AssertionError("a finished run was computed again")

    monkeypatch.setattr(rounds, "run_rounds", fails)
    assert run_campaign.fn(small, GENETIC, 2, 10, 0).key == first.key


def test_tuning_takes_the_settings_that_end_best(small: str) -> None:
    tried: tuple[Proposer, ...] = tuple(
        MeasuredSearch(RandomMutation(mutations)) for mutations in (4.0, 1.0, 2.0)
    )
    ends: dict[Proposer, float] = {
        loop: pd.read_parquet(
            run_campaign.fn(small, loop, 3, 20, 1000).path("standings.parquet")
        ).iloc[-1]["top_mean"]
        for loop in tried
    }
    assert len(set(ends.values())) == 3
    assert ends[tune_proposer.fn(small, tried, 3, 20)] == max(ends.values())


@pytest.mark.parametrize("problem", ROUND_PROBLEMS)
def test_settings_that_are_tried_differ_in_nothing_but_settings(problem: str) -> None:
    kinds = proposers_for(problem)
    for tried in kinds:
        assert len({loop.name for loop in tried}) == 1
        assert len(set(map(repr, tried))) == len(tried) > 1
    assert len({loop.predictors for tried in kinds for loop in tried} - {None}) == 1


def test_loop_runs_become_a_section_of_the_page_in_the_repository(
    small: str, tmp_path: Path
) -> None:
    runs = [
        run_campaign.fn(small, loop, 2, 10, seed)
        for loop in (GENETIC, MUTATION)
        for seed in range(2)
    ]
    page = publish.fn({"rounds": standings(runs, tuned=False)}, "rounds")
    assert page == Settings().home / "benchmarks" / "BENCHMARKS.md"
    assert "| genetic algorithm | 2 | 20 |" in page.read_text()
    assert (page.parent / "rounds-small.png").exists()

    repository = tmp_path / "repository"
    (repository / PUBLISHED).mkdir(parents=True)
    stored = pd.read_parquet(REPOSITORY / PUBLISHED / "runs.parquet")
    # The name that the file had in release 0.1.
    stored[stored["problem"] == "needle-5"].to_parquet(repository / PUBLISHED / "cells.parquet")
    written = write_benchmarks(repository)
    assert "## Good designs for few measurements" in written.read_text()
    assert "[needle-5](docs/benchmarks/needle-5.md)" in written.read_text()
    assert (repository / PUBLISHED / "rounds-small.png").exists()
    before = written.read_bytes()
    shutil.rmtree(page.parent)
    assert write_benchmarks(repository).read_bytes() == before

"""TF Bind 8: the table answers, and the better half stays hidden."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from designlib.benchmarks.problems.base import Solvable
from designlib.benchmarks.problems.tfbind8 import TfBind8
from designlib.types import InputError
from tests.designlib.benchmarks.problems.published import published


@pytest.fixture(scope="module")
def table() -> pd.Series:
    frame = pd.read_parquet(published("tfbind8_six6.parquet"))
    return frame.set_index("design")["e_score"]


@pytest.fixture(scope="module")
def problem(table: pd.Series) -> TfBind8:
    # In another order, which must not matter.
    return TfBind8.from_table(table.sample(frac=1, random_state=0))


def test_it_is_a_problem(problem: TfBind8) -> None:
    assert isinstance(problem, Solvable)


def test_the_oracle_looks_each_design_up(problem: TfBind8, table: pd.Series) -> None:
    rows = np.random.default_rng(0).integers(len(table), size=300)
    designs = problem.space.encode(table.index[rows].tolist())
    assert problem.oracle(designs).tolist() == table.to_numpy()[rows].tolist()
    assert problem.oracle(problem.space.encode(["AAAAAAAA"])).item() == table["AAAAAAAA"]


def test_only_the_worse_half_is_shown(problem: TfBind8, table: pd.Series) -> None:
    designs, values = problem.training_data(0)
    assert abs(len(designs) - 32_768) < 200
    shown = set(problem.space.decode(designs))
    assert len(shown) == len(designs)
    hidden = table[~table.index.isin(shown)]
    assert values.max() < hidden.min()
    assert torch.equal(problem.oracle(designs), values)
    other = problem.space.decode(problem.space.reverse_complement(designs))
    assert set(other) == shown
    assert torch.equal(problem.training_data(1)[0], designs)


def test_success_is_to_beat_all_that_was_shown(problem: TfBind8) -> None:
    designs, _ = problem.training_data(0)
    assert not problem.success(designs).any()
    every = problem.space.random(20_000, torch.Generator().manual_seed(0))
    assert 0.48 < float(problem.success(every).double().mean()) < 0.52


def test_the_best_is_the_best(problem: TfBind8, table: pd.Series) -> None:
    best = problem.space.encode([str(table.idxmax())])
    assert problem.oracle(best).item() == problem.optimum == table.max()
    assert problem.percentiles(best)[0] > 99.99


def test_an_incomplete_table_is_refused(table: pd.Series) -> None:
    with pytest.raises(InputError, match="65,535 are given"):
        TfBind8.from_table(table.drop("ACGTACGT"))
    with pytest.raises(InputError, match="share"):
        TfBind8.from_table(table, share=0.0)

"""Superconductors: which rows count, what stays hidden, the forest as oracle, the ranked pool."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from designlib.benchmarks.problems.base import Problem, train_trajectory
from designlib.benchmarks.problems.superconductor import Superconductor, read_compositions
from designlib.predictors import ndcg
from designlib.types import InputError
from tests.designlib.benchmarks.problems.published import published


def made_up(rows: int = 400) -> tuple[list[str], np.ndarray]:
    """Compositions of four elements whose temperature grows with the share of copper."""
    amounts = np.random.default_rng(1).integers(1, 50, (rows, 4))
    formulas = [f"O{o}Cu{c}La{a}Sr{s}" for o, c, a, s in amounts]
    return formulas, 100.0 * amounts[:, 1] / amounts.sum(1)


@pytest.fixture(scope="module")
def problem() -> Superconductor:
    table, _ = read_compositions(*made_up())
    return Superconductor(table, trees=30, components=3)


def test_rows_that_do_not_count() -> None:
    formulas = ["Mg1B2", "D2O", "Nb", "Mg2B4", "Fe", "MgB2"]
    table, refused = read_compositions(formulas, np.array([39.0, 5.0, 9.2, 41.0, 0.0, 40.0]))
    assert table.columns.tolist() == ["B", "Mg", "Nb", "tc"]
    assert table.to_numpy() == pytest.approx(
        np.array([[2 / 3, 1 / 3, 0, 40], [0, 0, 1, 9.2]]), abs=1e-6
    )
    assert list(refused) == [2, 5]
    assert "no element D" in refused[2]
    assert "no critical temperature" in refused[5]


def test_tables_that_are_refused() -> None:
    for wrong in (-1.0, math.nan):
        with pytest.raises(InputError, match=r"row 2 \(Nb\): a critical temperature"):
            read_compositions(["Fe", "Nb"], np.array([1.0, wrong]))
    with pytest.raises(InputError, match="no row"):
        read_compositions(["Fe", "D"], np.array([0.0, 4.0]))


def test_it_is_a_problem(problem: Superconductor) -> None:
    assert isinstance(problem, Problem)
    assert problem.space.components == ("O", "Cu", "Sr", "La")
    problem.space.check(problem.compositions)


def test_the_predictor_sees_the_worse_share_and_nothing_of_the_pool(
    problem: Superconductor,
) -> None:
    designs, values = problem.training_data(0)
    assert not bool((problem.visible & problem.in_pool).any())
    assert int(problem.in_pool.sum()) == round(0.1 * len(problem.table))
    assert torch.equal(problem.compositions[problem.visible], designs)
    hidden = problem.temperatures[~problem.visible & ~problem.in_pool]
    assert values.max() < hidden.min()
    worse = (problem.temperatures <= values.max()).double().mean()
    assert abs(float(worse) - 0.8) < 0.01
    # A composition is a row once, so that none is both learned and ranked.
    assert len(problem.compositions.unique(dim=0)) == len(problem.compositions)
    assert torch.equal(replace(problem).in_pool, problem.in_pool)


def test_without_a_pool_the_protocol_is_that_of_design_bench(problem: Superconductor) -> None:
    plain = replace(problem, pool_share=0.0)
    assert abs(int(plain.visible.sum()) - 0.8 * len(plain.table)) < 3


def test_the_oracle_knows_everything_and_never_goes_beyond(problem: Superconductor) -> None:
    free = replace(problem, components=4)
    guess = free.oracle(free.compositions)
    assert float(torch.corrcoef(torch.stack([guess, free.temperatures]))[0, 1]) > 0.97
    random = free.space.random(500, torch.Generator().manual_seed(0))
    assert float(free.oracle(random).max()) <= free.optimum
    assert torch.equal(replace(free).oracle(random), free.oracle(random))
    assert bool(free.success(free.compositions[free.temperatures.argmax()][None]))


def test_too_many_elements_are_infeasible(problem: Superconductor) -> None:
    designs = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0]]).double()
    assert problem.constraint.satisfied(designs).tolist() == [False, True]
    values = problem.oracle(designs).tolist()
    assert values[0] == -math.inf
    assert math.isfinite(values[1])
    with pytest.raises(InputError, match="sum to"):
        problem.oracle(designs / 2)
    with pytest.raises(InputError, match="at most 5"):
        replace(problem, components=5)


def test_a_predictor_learns_the_task(problem: Superconductor) -> None:
    quick = replace(problem, training=problem.training.model_copy(update={"steps": 150}))
    networks = train_trajectory(quick, 0, checkpoints=4)
    pool = quick.space.relax(quick.compositions[quick.in_pool])
    known = quick.temperatures[quick.in_pool].numpy()
    early, late = (
        ndcg(known, net(pool).double().numpy(), len(known)) for net in (networks[0], networks[-1])
    )
    assert late > 0.9
    assert late > early
    assert float(networks[0](pool).std()) < float(networks[-1](pool).std())


def test_the_published_table() -> None:
    frame = pd.read_csv(published("superconductor/Supercon_data_Stanev2018.csv"))
    table, refused = read_compositions(frame["name"].tolist(), frame["Tc"].to_numpy(np.float64))
    problem = Superconductor(table)
    assert (len(table), problem.space.columns, len(refused)) == (12_027, 83, 3999)
    # The records at normal pressure: HgBa2Ca2Cu3O8+x reaches some 135 K, under pressure more.
    assert problem.optimum == 143
    assert float(problem.temperatures[problem.visible].max()) < 50
    assert bool(problem.constraint.satisfied(problem.compositions).all())

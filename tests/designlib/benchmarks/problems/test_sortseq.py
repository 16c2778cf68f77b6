"""Sort-seq: mean bins, parts that never meet, an oracle that knows what the predictor does not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from designlib.benchmarks.problems.base import Problem, train_trajectory
from designlib.benchmarks.problems.sortseq import SortSeq, mean_bins
from designlib.config.training import NetworkConfig, TrainingConfig
from designlib.notation.alphabets import DNA
from designlib.spaces import SequenceSpace
from designlib.types import InputError
from tests.designlib.benchmarks.problems.published import published

WILD_TYPE = "AATTAATGTGAGTTAGCTCACTCATTAGGCACCCCAGGCTTTACACTTTATGCTTCCGGCTCGTATGTTGTGTGG"
SMALL = TrainingConfig(
    network=NetworkConfig(architecture="mlp", width=32),
    members=2,
    steps=80,
    batch_size=64,
    weight_decay=1.0,
    emphasis=0.0,
    checkpoints=4,
)


@pytest.fixture(scope="module")
def problem() -> SortSeq:
    """1,200 variants of the wild type whose bin is how few of its first 20 letters changed."""
    rng = np.random.default_rng(0)
    space = SequenceSpace(DNA, 75)
    wild_type = space.encode([WILD_TYPE]).numpy()
    changed = rng.random((1200, 75)) < 0.12
    designs = np.where(changed, (wild_type + rng.integers(1, 4, changed.shape)) % 4, wild_type)
    bins = (9 - changed[:, :20].sum(1)).clip(0).astype(float)
    return SortSeq(
        torch.from_numpy(designs),
        torch.from_numpy(bins),
        oracle_training=SMALL,
        training=SMALL,
    )


def test_the_mean_bin_weighs_bins_with_reads() -> None:
    counts = np.zeros((3, 10))
    counts[0, 4] = 7
    counts[1, [0, 9]] = [1, 2]
    counts[2] = 1
    assert mean_bins(counts).tolist() == pytest.approx([4, 6, 4.5])
    with pytest.raises(InputError, match="design 2 has no reads"):
        mean_bins(counts * [[1], [0], [1]])
    with pytest.raises(InputError, match="negative"):
        mean_bins(-counts)


def test_it_is_a_problem(problem: SortSeq) -> None:
    assert isinstance(problem, Problem)
    assert problem.wild_type == WILD_TYPE


def test_parts_are_fixed_and_apart(problem: SortSeq) -> None:
    part = problem.part
    assert [int((part == number).sum()) for number in range(3)] == [540, 600, 60]
    assert torch.equal(part, replace(problem).part)
    assert not bool((problem.visible & (part != 0)).any())


def test_the_predictor_sees_what_is_worse_by_the_truth(problem: SortSeq) -> None:
    designs, values = problem.training_data(0)
    assert torch.equal(values, problem.bins[problem.visible])
    assert torch.equal(designs, problem.designs[problem.visible])
    hidden = problem.oracle(problem.designs[(problem.part == 0) & ~problem.visible])
    assert problem.oracle(designs).max() < hidden.min()
    assert len(values) == 0.8 * 540


def test_reads_in_the_darkest_bin_do_not_turn_the_ranking_round(problem: SortSeq) -> None:
    """Every fourth read is in bin 0 whatever the sequence, as those of cells that died."""
    lost = torch.rand(len(problem.bins), generator=torch.Generator().manual_seed(0)) < 0.25
    noisy = replace(problem, bins=problem.bins.where(~lost, 0.0), share=0.5)
    scores = train_trajectory(noisy, 0, checkpoints=4)[-1](noisy.space.relax(noisy.designs))
    # The worse half by such bins gives -0.39.
    assert float(torch.corrcoef(torch.stack([scores.double(), problem.bins]))[0, 1]) > 0.2


def test_the_oracle_depends_on_its_own_part_only(problem: SortSeq) -> None:
    """Values of the predictor's and the test part may be anything: the oracle is the same."""
    other = problem.bins.where(problem.part == 1, 0.0)
    changed = replace(problem, bins=other)
    designs = problem.designs[:50]
    assert torch.equal(changed.oracle(designs), problem.oracle(designs))
    shuffled = problem.bins.where(problem.part != 1, problem.bins.flip(0))
    assert not torch.equal(replace(problem, bins=shuffled).oracle(designs), problem.oracle(designs))


def test_the_oracle_is_the_mean_of_its_members_in_bins(problem: SortSeq) -> None:
    designs = problem.designs[:40]
    one_hot = problem.space.relax(designs)
    mine = problem.bins[problem.part == 1]
    members = [member(one_hot).double() for member in problem.oracle_members]
    expected = mine.mean() + mine.std() * sum(members) / 2
    assert torch.allclose(problem.oracle(designs), expected)
    tested = problem.part == 2
    told = torch.from_numpy(problem.measured_values)[tested]
    assert float(torch.corrcoef(torch.stack([told, problem.bins[tested]]))[0, 1]) > 0.5


def test_success_is_the_best_percent(problem: SortSeq) -> None:
    found = problem.success(problem.designs)
    assert 10 <= int(found.sum()) <= 14
    places = problem.percentiles(problem.designs)
    assert places[found.numpy()].min() > 98.9
    assert places[~found.numpy()].max() < 99.1


def test_in_the_ball(problem: SortSeq) -> None:
    ball = replace(problem, radius=7)
    assert ball.constraint is not None
    inside = ball.constraint.satisfied(ball.designs)
    assert torch.equal(inside, (ball.designs != ball.space.encode([WILD_TYPE])).sum(1) <= 7)
    values = ball.oracle(ball.designs)
    assert bool((values[~inside] == -math.inf).all())
    # In one batch with the others: a network rounds by the size of its batch.
    assert torch.equal(values[inside], problem.oracle(problem.designs)[inside])
    assert (ball.name, problem.name) == ("sortseq_ball7", "sortseq")


def test_a_predictor_learns_the_task(problem: SortSeq) -> None:
    networks = train_trajectory(problem, 0, checkpoints=4)
    test = problem.part == 2
    scores = networks[-1](problem.space.relax(problem.designs[test])).double()
    assert float(torch.corrcoef(torch.stack([scores, problem.bins[test]]))[0, 1]) > 0.3


def test_a_table_that_cannot_be_used_is_refused(problem: SortSeq) -> None:
    table = pd.DataFrame({f"ct_{number}": [1, 0] for number in range(10)})
    with pytest.raises(InputError, match="no column x"):
        SortSeq.from_table(table)
    table["x"] = [WILD_TYPE, WILD_TYPE]
    with pytest.raises(InputError, match="twice"):
        SortSeq.from_table(table)
    table["x"] = [WILD_TYPE, WILD_TYPE[::-1]]
    with pytest.raises(InputError, match="design 2 has no reads"):
        SortSeq.from_table(table)
    with pytest.raises(InputError, match="share"):
        replace(problem, share=1.5)


def test_the_measured_promoters() -> None:
    table = pd.read_csv(published("mpra/mavenn_sortseq_data.csv.gz"))
    quick = SortSeq.oracle_training.model_copy(update={"members": 1, "steps": 200})
    problem = replace(SortSeq.from_table(table, radius=7), oracle_training=quick)
    assert (len(problem.designs), problem.wild_type) == (50_518, WILD_TYPE)
    assert [int((problem.part == number).sum()) for number in range(3)] == [22_733, 25_259, 2526]
    counts = table.filter(like="ct_").to_numpy()
    row = 1234
    reads = np.repeat(np.arange(10), counts[row].astype(int))
    assert problem.bins[row].item() == reads.mean()
    bins = problem.bins[problem.visible]
    truth = torch.from_numpy(problem.measured_values)[problem.visible]
    assert float(torch.corrcoef(torch.stack([bins, truth]))[0, 1]) > 0.3

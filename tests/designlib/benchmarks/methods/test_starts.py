"""Elites are the best feasible measured designs, and chains start from each equally often."""

import pytest
import torch

from designlib.benchmarks.methods import Setting, best_measured, from_elites
from designlib.config.constraints import ConstraintConfig
from designlib.constraints import build
from designlib.randomness import torch_generator
from designlib.types import InputError
from tests.designlib.conftest import SPACE


def test_the_best_feasible_designs_come_first():
    designs = SPACE.encode(["AAAAAA", "ACGTAC", "CCGTAC", "AACGTA"])
    values = torch.tensor([4.0, 1.0, 3.0, 2.0])
    constraint = build(ConstraintConfig(max_homopolymer=2), SPACE)
    assert SPACE.decode(best_measured(designs, values, constraint, 2)) == ["CCGTAC", "AACGTA"]
    assert SPACE.decode(best_measured(designs, values, None, 1)) == ["AAAAAA"]


def test_chains_start_from_elites_and_enter_where_these_stand_out(members):
    checkpoints = [members[0].network(index) for index in range(len(members[0].states))]
    reference = SPACE.random(256, torch_generator(0, "reference"))
    setting = Setting(SPACE, None, checkpoints, reference, SPACE.random)
    elites = reference[setting.reference_scores.argsort(descending=True)[:4]]
    started = from_elites(setting, elites)
    starts = started.start(8, torch_generator(1))
    assert (starts[:, None] == elites).all(2).sum(0).tolist() == [2, 2, 2, 2]
    assert 0 <= started.entry_rung < len(checkpoints)
    worst = reference[setting.reference_scores.argsort()[:4]]
    # Designs that stand out nowhere enter at the end.
    assert from_elites(setting, worst).entry_rung == len(checkpoints) - 1
    with pytest.raises(InputError, match="no feasible measured design"):
        from_elites(setting, elites[:0])

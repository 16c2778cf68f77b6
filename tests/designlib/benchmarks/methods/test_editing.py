"""Ledidi: its promises, and what it does without its package."""

import sys
from dataclasses import replace

import pytest
import torch

from designlib.benchmarks.methods import Ledidi, Setting
from designlib.config.constraints import ConstraintConfig
from designlib.constraints import build, feasible_starts
from designlib.notation.alphabets import DNA
from designlib.randomness import torch_generator
from designlib.spaces import BoxSpace, SequenceSpace
from designlib.types import InputError

pytestmark = pytest.mark.filterwarnings("ignore")  # of packages that are not ours
SPACE = SequenceSpace(DNA, 12)
CONSTRAINT = build(ConstraintConfig(forbidden_motifs=("GGG",)), SPACE)
DESIGNS = 20


def count_of_g(one_hot):
    return one_hot[:, :, 2].sum(1)


@pytest.fixture
def setting():
    def start(n, generator):
        return feasible_starts(SPACE, CONSTRAINT, n, generator)

    return Setting(SPACE, None, [count_of_g], start(256, torch_generator(0)), start)


@pytest.fixture
def ledidi():
    pytest.importorskip("ledidi", reason="the extra ledidi is not installed")


def test_edits_raise_the_score_within_the_budget(setting, ledidi):
    outcome = Ledidi().run(setting, DESIGNS, 90, seed=1)
    assert outcome.designs.shape == (DESIGNS, 12)
    torch.testing.assert_close(outcome.value, setting.score(outcome.designs))
    assert 0.9 * 90 * DESIGNS <= outcome.evaluations <= 90 * DESIGNS
    assert float(outcome.value.min()) > float(setting.score(setting.reference).quantile(0.95))
    assert torch.equal(Ledidi().run(setting, DESIGNS, 90, seed=1).designs, outcome.designs)
    one, other = (Ledidi().run(setting, DESIGNS, 9, seed).designs for seed in (1, 2))
    assert not torch.equal(one, other)


def test_a_design_that_breaks_the_constraint_is_its_template(setting, ledidi):
    limited = replace(setting, constraint=CONSTRAINT)
    free, kept = (Ledidi().run(s, DESIGNS, 90, seed=1).designs for s in (setting, limited))
    broken = ~CONSTRAINT.satisfied(free)
    assert broken.any()
    assert torch.equal(kept[~broken], free[~broken])
    templates = setting.start(2, torch_generator(1, "starts"))
    assert torch.equal(kept[broken], templates[torch.arange(DESIGNS) // 16][broken])


def test_dear_edits_are_few(setting, ledidi):
    templates = setting.start(2, torch_generator(1, "starts"))[torch.arange(DESIGNS) // 16]
    cheap, dear = (
        Ledidi(edit_cost=cost).run(setting, DESIGNS, 90, seed=1).designs for cost in (0.01, 20.0)
    )
    assert int((dear != templates).sum()) < int((cheap != templates).sum())


def test_what_cannot_be_run_is_refused(setting, ledidi, monkeypatch):
    box = BoxSpace.cube(2, 0.0, 1.0)
    with pytest.raises(InputError, match="works on SequenceSpace, not on"):
        Ledidi().run(replace(setting, space=box), 8, 30, 0)
    with pytest.raises(InputError, match="at least 6 evaluations"):
        Ledidi().run(setting, 8, 5, 0)


def test_without_the_package_the_extra_is_named(setting, monkeypatch):
    monkeypatch.setitem(sys.modules, "ledidi", None)
    with pytest.raises(InputError, match=r"not installed; pip install 'trajectory-design\[ledidi"):
        Ledidi().run(setting, 8, 30, 0)

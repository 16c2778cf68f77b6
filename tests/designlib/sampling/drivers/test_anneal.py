from dataclasses import replace

import pytest
import torch

from designlib.constraints import HammingBall
from designlib.predictors.networks import evaluate
from designlib.randomness import torch_generator
from designlib.sampling.drivers.anneal import anneal
from designlib.sampling.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.sampling.ladders import build_ladder, plan_trajectory, temperature_ladder
from designlib.types import InputError
from tests.designlib.conftest import SPACE

KERNEL = GibbsWithGradients()


@pytest.fixture(scope="module")
def ladder(members):
    reference = SPACE.random(256, torch_generator(0, "reference"))
    plan = plan_trajectory(members, reference, sharpness=5.0, steps_per_rung=4, final_steps=8)
    return build_ladder(members, plan, None)


@pytest.fixture(scope="module")
def starts():
    return SPACE.random(64, torch_generator(0, "starts"))


def test_the_walk_climbs_and_snapshots_belong_to_their_rung(ladder, starts):
    snapshots = list(anneal(ladder, KERNEL, starts, 0, range(64)))
    assert [snapshot.rung for snapshot in snapshots] == list(range(len(ladder)))
    for rung, snapshot in zip(ladder, snapshots, strict=True):
        fresh = evaluate(rung.target.predict, SPACE.relax(snapshot.designs))
        torch.testing.assert_close(snapshot.value, fresh)
        assert 0 <= float(snapshot.acceptance.min()) <= float(snapshot.acceptance.max()) <= 1
    final = ladder[-1].target.predict
    before = evaluate(final, SPACE.relax(starts)).median()
    assert snapshots[-1].value.median() > before + 1.0


def test_the_same_seed_gives_the_same_walk(ladder, starts):
    def end(seed):
        return list(anneal(ladder, KERNEL, starts, seed, range(64)))[-1].designs

    assert torch.equal(end(3), end(3))
    assert not torch.equal(end(3), end(4))


def test_a_chain_walks_alone_as_it_walks_in_a_batch(ladder, starts):
    ends = list(anneal(ladder, KERNEL, starts, 0, range(64)))[-1].designs
    for chain in (0, 17, 63):
        alone = list(anneal(ladder, KERNEL, starts[chain : chain + 1], 0, [chain]))[-1].designs
        assert torch.equal(alone[0], ends[chain])


def test_a_late_entry_skips_the_early_rungs(ladder, starts):
    snapshots = list(anneal(ladder, KERNEL, starts, 0, range(64), entry_rung=5))
    assert [snapshot.rung for snapshot in snapshots] == list(range(5, len(ladder)))


def test_wrong_entries_and_chain_numbers_are_refused(ladder, starts):
    with pytest.raises(InputError, match="outside a ladder of"):
        list(anneal(ladder, KERNEL, starts, 0, range(64), entry_rung=len(ladder)))
    with pytest.raises(InputError, match="64 initial designs but 3 chain numbers"):
        list(anneal(ladder, KERNEL, starts, 0, range(3)))


def same(one, other):
    assert (one.rung, one.step, one.passes) == (other.rung, other.step, other.passes)
    assert torch.equal(one.designs, other.designs)
    assert torch.equal(one.value, other.value)
    assert torch.equal(one.acceptance, other.acceptance)


def test_snapshots_are_thinned_and_count_what_they_cost(ladder, starts):
    rungs = [rung._replace(steps=70) for rung in ladder[:2]]
    snapshots = list(anneal(rungs, KERNEL, starts[:8], 5, range(8), thin=30))
    steps = [(s.rung, s.step) for s in snapshots]
    assert steps == [(0, 30), (0, 60), (0, 70), (1, 30), (1, 60), (1, 70)]
    assert [s.passes for s in snapshots] == [31, 61, 71, 102, 132, 142]


def test_thinning_changes_nothing_else(ladder, starts):
    plain = list(anneal(ladder[:3], KERNEL, starts, 5, range(64)))
    thinned = [s for s in anneal(ladder[:3], KERNEL, starts, 5, range(64), thin=1) if s.step == 4]
    for one, other in zip(plain, thinned, strict=True):
        same(one, other)


def test_a_change_of_beta_alone_costs_no_evaluation(ladder, starts):
    target = ladder[-1].target
    rungs = temperature_ladder(target, target.beta / 10, 4, steps=5)
    *_, end = anneal(rungs, KERNEL, starts, 5, range(64))
    assert end.passes == 1 + 20


def test_a_rung_with_a_new_constraint_refuses_who_breaks_it(ladder, starts):
    ball = HammingBall(SPACE, "AAAAAA", 1)
    strict = ladder[1]._replace(target=replace(ladder[1].target, constraint=ball))
    with pytest.raises(InputError, match=r"chain 0 is infeasible: .* changes from the reference"):
        list(anneal([ladder[0], strict], KERNEL, starts, 0, range(64)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"warm_up": -1}, "warm_up >= 0"), ({"thin": 0}, "thin >= 1")],
)
def test_numbers_out_of_range_are_refused(ladder, starts, changes, message):
    with pytest.raises(InputError, match=message):
        list(anneal(ladder, KERNEL, starts, 0, range(64), **changes))


def test_no_chains_and_no_rungs_are_refused(ladder, starts):
    with pytest.raises(InputError, match="no chains"):
        list(anneal(ladder, KERNEL, starts[:0], 0, []))
    with pytest.raises(InputError, match="no rung"):
        list(anneal([], KERNEL, starts, 0, range(64)))
    with pytest.raises(InputError, match="same number"):
        list(anneal(ladder, KERNEL, starts[:2], 0, [4, 4]))

import pytest
import torch

from designlib.drivers.anneal import anneal
from designlib.kernels.gibbs_with_gradients import GibbsWithGradients
from designlib.ladders import build_ladder, plan_trajectory
from designlib.predictors.networks import evaluate
from designlib.randomness import torch_generator
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

import pandas as pd
import pytest
import torch

from designlib.config.constraints import ConstraintConfig, GCConfig
from designlib.config.sampling import SamplingConfig
from designlib.constraints.config import build
from designlib.sampling.ladders import build_ladder, plan_trajectory
from designlib.sampling.run import (
    choose_sampler,
    choose_starts,
    cut_blocks,
    ladder_bands,
    reference_designs,
    sample_block,
    share_out,
)
from tests.designlib.conftest import SPACE

CONFIG = SamplingConfig(chains=300, elite_share=0.4, steps_per_rung=2, final_steps=2)
CONSTRAINT = build(ConstraintConfig(gc=GCConfig(low=0.3, high=0.7)), SPACE)
SAMPLER = choose_sampler(CONFIG, SPACE)
ELITES = SPACE.encode(["AAACCC", "AACACC", "CAGATA"])


@pytest.fixture(scope="module")
def walk(members):
    reference = reference_designs(SPACE, CONSTRAINT, 0)
    plan = plan_trajectory(members, reference, sharpness=4.0, steps_per_rung=2, final_steps=2)
    ladder = build_ladder(members, plan, CONSTRAINT)
    starts = choose_starts(SPACE, CONSTRAINT, CONFIG, ELITES, 0)
    return ladder, plan, starts


def snapshots(walk, blocks, seed=0):
    ladder, plan, starts = walk
    return pd.concat(
        [
            frame
            for block in blocks
            for frame in sample_block(ladder, plan, starts.designs, block, 3, seed, SAMPLER, SPACE)
        ],
        ignore_index=True,
    )


def test_random_starts_come_first_and_elites_are_used_again(walk):
    starts = walk[2]
    assert starts.elite.tolist() == [False] * 180 + [True] * 120
    assert bool(CONSTRAINT.satisfied(starts.designs).all())
    assert torch.equal(starts.designs[180:183], ELITES)
    assert torch.equal(starts.designs[183:186], ELITES)


def test_without_elites_every_start_is_random():
    starts = choose_starts(SPACE, None, CONFIG, ELITES[:0], 0)
    assert not bool(starts.elite.any())
    assert len(starts.designs) == 300


def test_all_chains_may_start_at_elites():
    starts = choose_starts(
        SPACE, CONSTRAINT, CONFIG.model_copy(update={"elite_share": 1.0}), ELITES, 0
    )
    assert bool(starts.elite.all())
    assert torch.equal(starts.designs[:3], ELITES)


def test_blocks_cover_all_chains_and_never_mix_starts():
    elite = [False] * 180 + [True] * 120
    blocks = cut_blocks(elite)
    assert [chain for block in blocks for chain in block.chains] == list(range(300))
    assert [(block.size, block.elite) for block in blocks] == [
        (128, False), (52, False), (120, True),
    ]  # fmt: skip


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 100])
def test_shards_share_out_whole_blocks(shards):
    blocks = cut_blocks([False] * 1000)
    parts = share_out(blocks, shards)
    assert sorted(block for part in parts for block in part) == blocks
    assert len(parts) == min(shards, len(blocks))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_block_walks_the_same_with_and_without_the_others(walk):
    blocks = cut_blocks(walk[2].elite.tolist())
    whole = snapshots(walk, blocks)
    pd.testing.assert_frame_equal(
        snapshots(walk, blocks[1:2]),
        whole[whole["chain"].isin(blocks[1].chains)].reset_index(drop=True),
    )


def test_snapshots_are_feasible_and_say_where_they_come_from(walk):
    frame = snapshots(walk, cut_blocks(walk[2].elite.tolist()))
    assert bool(CONSTRAINT.satisfied(SPACE.encode(frame["design"].tolist())).all())
    assert frame.groupby("start")["rung"].min().to_dict() == {"elite": 3, "random": 0}
    elite = frame[frame["start"] == "elite"]
    assert set(elite["start_design"]) == {"AAACCC", "AACACC", "CAGATA"}


def test_ladder_bands_have_a_row_per_rung_and_start(walk):
    frame = snapshots(walk, cut_blocks(walk[2].elite.tolist()))
    bands = ladder_bands(frame.assign(predicted_mean=frame["score"]))
    assert len(bands) == frame.groupby(["rung", "start"]).ngroups
    assert (bands["low"] <= bands["median"]).all()
    assert (bands["median"] <= bands["high"]).all()

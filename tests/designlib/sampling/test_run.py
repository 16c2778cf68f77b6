import pandas as pd
import pytest

from designlib.config.constraints import ConstraintConfig, GCConfig
from designlib.config.sampling import SamplingConfig
from designlib.constraints.config import build
from designlib.sampling.ladders import mean_score
from designlib.sampling.plan import build_ladders, plan_sampling
from designlib.sampling.run import cut_blocks, ladder_bands, sample_block, share_out
from tests.designlib.conftest import SPACE

CONFIG = SamplingConfig(chains=300, elite_share=0.4, steps_per_rung=2, final_steps=2, sharpness=4.0)
CONSTRAINT = build(ConstraintConfig(gc=GCConfig(low=0.3, high=0.7)), SPACE)
ELITES = SPACE.encode(["AAACCC", "AACACC", "CAGATA"])


@pytest.fixture(scope="module")
def run(members):
    plan, starts = plan_sampling(members, [mean_score], SPACE, CONSTRAINT, ELITES, CONFIG, 0)
    plan = plan.model_copy(update={"elite_entry_rung": 3})
    return plan, build_ladders(plan, members, [mean_score], CONSTRAINT), starts


def snapshots(run, blocks, seed=0):
    plan, ladders, starts = run
    return pd.concat(
        [
            frame
            for block in blocks
            for frame in sample_block(plan, ladders, starts.designs, block, seed, SPACE)
        ],
        ignore_index=True,
    )


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


def test_a_block_gives_the_same_samples_with_and_without_the_others(run):
    blocks = cut_blocks(run[2].elite.tolist())
    whole = snapshots(run, blocks)
    pd.testing.assert_frame_equal(
        snapshots(run, blocks[1:2]),
        whole[whole["chain"].isin(blocks[1].chains)].reset_index(drop=True),
    )


def test_snapshots_are_feasible_and_say_where_they_come_from(run):
    frame = snapshots(run, cut_blocks(run[2].elite.tolist()))
    assert bool(CONSTRAINT.satisfied(SPACE.encode(frame["design"].tolist())).all())
    assert frame.groupby("start")["rung"].min().to_dict() == {"elite": 3, "random": 0}
    elite = frame[frame["start"] == "elite"]
    assert set(elite["start_design"]) == {"AAACCC", "AACACC", "CAGATA"}


def test_ladder_bands_have_a_row_per_rung_and_start(run):
    frame = snapshots(run, cut_blocks(run[2].elite.tolist()))
    bands = ladder_bands(frame.assign(predicted_mean=frame["score"]))
    assert len(bands) == frame.groupby(["rung", "start"]).ngroups
    assert (bands["low"] <= bands["median"]).all()
    assert (bands["median"] <= bands["high"]).all()

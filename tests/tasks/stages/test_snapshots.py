import numpy as np
import pandas as pd
import pytest

from tasks.stages.snapshots import join_shards, read_few_chains, read_pool, sampling_figures


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    rows = [
        (chain, rung, "elite" if chain >= 20 else "random", f"D{rng.integers(30):02}")
        for chain in range(40)
        for rung in range(2 if chain >= 20 else 0, 6)
    ]
    table = pd.DataFrame(rows, columns=["chain", "rung", "start", "design"])
    return table.assign(
        training_step=10 * table["rung"].to_numpy(),
        beta=1.0,
        start_design="S" + table["chain"].astype(str),
        score=rng.normal(size=len(table)),
        acceptance=rng.uniform(size=len(table)),
    )


@pytest.fixture
def path(frame, tmp_path):
    frame.to_parquet(tmp_path / "snapshots.parquet", index=False)
    return tmp_path / "snapshots.parquet"


def test_the_pool_has_each_late_design_once_as_found_last(frame, path):
    pool = pd.concat(read_pool(path, 2))
    late = frame[frame["rung"] >= 4]
    assert pool["design"].tolist() == sorted(set(late["design"]))
    for row in pool.to_dict(orient="records"):
        same = late[late["design"] == row["design"]]
        assert row["rung"] == same["rung"].max()
        assert row["chain"] == same.loc[same["rung"] == row["rung"], "chain"].min()
        assert row["training_step"] == 10 * row["rung"]
    starts = frame.drop_duplicates("chain").set_index("chain")["start_design"]
    elite = pool["start"] == "elite"
    assert pool.loc[~elite, "parent_design"].isna().all()
    assert (pool["parent_design"] == pool["chain"].map(starts))[elite].all()
    assert elite.any()


def test_a_few_chains_of_each_start_from_end_to_end(frame, path):
    few = read_few_chains(path, 3)
    expected = frame[frame["chain"].isin([0, 1, 2, 20, 21, 22])].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, expected)


def test_shards_are_joined_in_the_order_of_their_chains(frame, tmp_path):
    paths = [tmp_path / name for name in ("later.parquet", "earlier.parquet")]
    frame[frame["chain"] % 2 == 1].to_parquet(paths[0], index=False)
    frame[frame["chain"] % 2 == 0].to_parquet(paths[1], index=False)
    joined = pd.concat(join_shards(paths), ignore_index=True)
    pd.testing.assert_frame_equal(joined, frame)


def test_figures_of_each_rung(frame, path):
    figures = sampling_figures(path)
    assert figures["rung"].tolist() == list(range(6))
    assert figures["chains"].tolist() == [20, 20, 40, 40, 40, 40]
    last = frame[frame["rung"] == 5]
    assert figures["mean_acceptance"].iloc[5] == pytest.approx(last["acceptance"].mean())
    assert figures["median_score"].iloc[5] == pytest.approx(last["score"].median())
    assert figures["best_score"].iloc[5] == last["score"].max()
    assert figures["distinct_share"].iloc[5] == last["design"].nunique() / 40

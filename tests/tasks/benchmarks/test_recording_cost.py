import json
from pathlib import Path

import pytest

from tasks.benchmarks.recording_cost import measure_recording


def test_the_cost_of_recording_is_measured(home: Path) -> None:
    content = json.loads(measure_recording.fn(40, 2).read_bytes())
    assert content["steps"] == 40
    for row in content["rows"]:
        ratio = row["recorded_seconds"] / row["plain_seconds"]
        assert row["ratio"] == pytest.approx(ratio, abs=0.02)
        assert row["share"] == pytest.approx(
            row["alone_seconds"] / row["plain_seconds"] / 2, rel=0.1
        )
        assert 0 < row["share_of_loop"] < 1
        # 24 checkpoints of 40 steps: writing them is what costs, not the loop.
        assert row["share"] > row["share_of_loop"]
    assert content["median_ratio"] == pytest.approx(
        sum(row["ratio"] for row in content["rows"]) / 2, abs=1e-6
    )

"""A campaign of several rounds that is killed and started again loses and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.services.test_kill import Moment, _wait_for

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

TINY: dict[str, Any] = {
    "name": "loop",
    "rounds": 2,
    "training": {"members": 1, "steps": 10, "checkpoints": 2, "network": {"width": 16}},
    "sampling": {"chains": 64, "steps_per_rung": 2, "final_steps": 1},
    "selection": {"batch_size": 6, "min_distance": 1, "heldout_quantile": 0},
    "execution": {"device": "cpu", "shards": 1},
}

MOMENTS = [
    Moment("campaigns/loop/record/000001-*"),  # proposed, not yet published
    Moment("stages/recall/*/measured.parquet"),  # measured, the second round has just begun
]
"""Two, as each costs ten seconds. Any moment will do: stages, the record and the pages are each
written whole or not at all."""


def test_kills_between_and_within_rounds_lose_and_double_nothing(
    installation: Callable[..., Any], prefect_server: str
) -> None:
    killed = installation("killed", prefect_server)
    for moment in MOMENTS:
        with killed.start(TINY) as command:
            _wait_for(killed.home, moment, command)
            command.kill()
            command.communicate()
    killed.run(TINY)

    # A round that came out otherwise the second time would have another key, and so another
    # folder, another run and another entry.
    folder = killed.home / "campaigns" / "loop"
    rounds = sorted(folder.glob("round-*"))
    assert [path.name[:8] for path in rounds] == ["round-01", "round-02"]
    entries = sorted((folder / "record").glob("*.parquet"))
    assert [path.name[:15] for path in entries] == [
        "000001-proposed", "000002-measured", "000003-proposed", "000004-measured",
    ]  # fmt: skip
    state = pd.read_parquet(folder / "all_rounds.parquet")
    assert state["candidate_id"].is_unique
    assert (state["status"] == "measured").all()
    for published, entry in zip(rounds, entries[::2], strict=True):
        batch = pd.read_parquet(published / "candidates.parquet")
        pd.testing.assert_frame_equal(batch, pd.read_parquet(entry))
        assert (published / "summary.json").exists()
    assert list(killed.home.rglob("*.tmp")) == []
    runs = sorted((run.info.run_name, run.info.status) for run in killed.runs())
    assert runs == [
        *[("ensemble", "FINISHED")] * 2,
        *[("generation", "FINISHED")] * 2,
        *[("predictor 1", "FINISHED")] * 2,
        ("round 01", "FINISHED"),
        ("round 02", "FINISHED"),
        *[("scorer 1", "FINISHED")] * 2,
    ]

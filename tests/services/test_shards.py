"""However the chains are shared out, the same candidates come of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


def test_one_two_and_five_shards_in_threads_or_on_dask_give_the_same_bytes(
    installation: Callable[..., Any], undisturbed: Any, small: dict[str, Any]
) -> None:
    two = undisturbed
    snapshots = {2: _snapshots(two.home)}
    for shards, runner in ((1, "threads"), (5, "dask")):
        home = installation(f"shards-{shards}")
        execution = {"device": "cpu", "shards": shards, "runner": runner}
        home.run({**small, "execution": execution})
        (published,) = home.home.glob("campaigns/small/*/candidates.parquet")
        assert published.read_bytes() == two.candidates
        assert len(list(home.home.glob("stages/sample-shard/*/manifest.json"))) == shards
        snapshots[shards] = _snapshots(home.home)
    # Not the selection alone: every chain has walked the same way.
    assert snapshots[1] & snapshots[2] == snapshots[1]
    assert snapshots[5] == snapshots[1]
    assert all(len(pd.read_parquet(path)) for path in home.home.glob("stages/samples/*/*.parquet"))


def _snapshots(home: Any) -> set[bytes]:
    return {path.read_bytes() for path in home.glob("stages/samples/*/snapshots.parquet")}

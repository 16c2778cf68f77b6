"""However the chains are shared out, the same candidates come of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


def test_five_shards_on_dask_give_the_bytes_of_two_in_threads(
    installation: Callable[..., Any], undisturbed: Any, small: dict[str, Any]
) -> None:
    """One shard gives them too: see ``test_kill``."""
    own = installation("dask")
    own.run({**small, "execution": {"device": "cpu", "shards": 5, "runner": "dask"}})
    (published,) = own.home.glob("campaigns/small/*/candidates.parquet")
    assert published.read_bytes() == undisturbed.candidates
    assert len(list(own.home.glob("stages/sample-shard/*/manifest.json"))) == 5
    # Not the selection alone: every chain has visited the same designs.
    assert _snapshots(own.home) <= _snapshots(undisturbed.home)


def _snapshots(home: Path) -> set[bytes]:
    found = {path.read_bytes() for path in home.glob("stages/samples/*/snapshots.parquet")}
    assert found
    return found

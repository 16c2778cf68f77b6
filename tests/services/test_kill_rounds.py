"""A campaign of several rounds that is killed and started again ends as an undisturbed one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    undisturbed = installation("undisturbed", prefect_server)
    undisturbed.run(TINY)
    killed = installation("killed", prefect_server)
    for moment in MOMENTS:
        with killed.start(TINY) as command:
            _wait_for(killed.home, moment, command)
            command.kill()
            command.communicate()
    killed.run(TINY)

    assert _files(killed.home) == _files(undisturbed.home)
    entries = [name for name in _files(killed.home) if "/record/" in name]
    assert [name.split("/")[-1][:15] for name in entries] == [
        "000001-proposed", "000002-measured", "000003-proposed", "000004-measured",
    ]  # fmt: skip
    assert list(killed.home.rglob("*.tmp")) == []
    names = sorted((run.info.run_name, run.info.status) for run in killed.runs())
    assert [name for name, _ in names] == sorted(run.info.run_name for run in undisturbed.runs())
    assert {status for _, status in names} == {"FINISHED"}
    assert [name for name, _ in names if name.startswith("round")] == ["round 01", "round 02"]


def _files(home: Path) -> dict[str, bytes]:
    """Return everything that people open, but for how long it took."""
    folder = home / "campaigns"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*.*"))
        if path.is_file() and path.name not in {"summary.json", ".lock"}
    }

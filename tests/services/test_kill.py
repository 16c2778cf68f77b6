"""A campaign that is killed, again and again, ends in what an undisturbed one gives."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

_CHECKPOINTS = "stages/train/*/checkpoint-*.safetensors"


class Moment(NamedTuple):
    """When to kill: as soon as so many files of that name exist."""

    files: str
    number: int = 1


MOMENTS = [
    Moment("prefect/prefect.db*"),  # the server is making its database
    Moment("stages/split/*/folds.parquet"),  # the round's run is being opened
    Moment(_CHECKPOINTS, 2),
    Moment(_CHECKPOINTS, 11),
    Moment("stages/train/*/manifest.json"),  # one member is trained, others are not
    Moment("stages/plan/*/plan.json"),
    Moment("stages/walk-shard/*/snapshots.parquet", 2),
    Moment("stages/score/*/scored.parquet"),
    Moment("campaigns/small/*/candidates.csv"),
    Moment("mlflow/artifacts/small/models/*/artifacts/*"),  # the predictor is being registered
]
"""Ten moments in the order of the work, so that each command gets further than the last."""

_OWN_SERVER = {0, 3}
"""Commands that start a server of their own; the others share one."""


def test_ten_kills_change_nothing(
    installation: Callable[..., Any], small: dict[str, Any], prefect_server: str,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    settings = {**small, "execution": {"device": "cpu", "shards": 4}}
    shared = installation("killed", prefect_server)
    own = type(shared)(shared.home)
    servers = []
    for number, moment in enumerate(MOMENTS):
        used = own if number in _OWN_SERVER else shared
        with used.start(settings) as command:
            _wait_for(shared.home, moment, command)
            command.kill()
            said = command.communicate()[1]
        if moment.files == _CHECKPOINTS and used is own:
            servers.append(_own_server(said))
        # Nothing is waited for: the next command may meet the server of the killed one.
    own.run(settings)

    (server,) = servers
    _wait_until_gone(server)
    (published,) = shared.home.glob("campaigns/small/*/candidates.parquet")
    undisturbed = request.getfixturevalue("undisturbed")
    for name in ("candidates.parquet", "candidates.csv", "rejected.parquet"):
        expected = (undisturbed.folder / name).read_bytes()
        assert (published.parent / name).read_bytes() == expected, name
    assert (published.parent / "summary.json").exists()
    _check_files(shared.home)
    runs = shared.runs()
    assert sorted((run.info.run_name, run.info.status) for run in runs) == [
        ("ensemble", "FINISHED"),
        ("generation", "FINISHED"),
        ("predictor 1", "FINISHED"),
        ("predictor 2", "FINISHED"),
        ("round 01", "FINISHED"),
        ("scorer 1", "FINISHED"),
    ]


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)], ids=["INT", "TERM"]
)
def test_a_command_that_is_interrupted_with_its_server_ends(
    installation: Callable[..., Any], small: dict[str, Any], sent: signal.Signals, code: int
) -> None:
    """Ctrl-C in a terminal and `timeout` reach every process of the command."""
    own = installation(f"interrupted-{sent.name}")
    # Training would go on for an hour.
    settings = {**small, "training": {**small["training"], "steps": 1_000_000}}
    with own.start(settings) as command:
        _wait_for(own.home, Moment(_CHECKPOINTS, 2), command)
        os.killpg(command.pid, sent)
        try:
            said = command.communicate(timeout=90)[1]
        finally:
            command.kill()
    assert command.returncode == code, said
    if sent == signal.SIGINT:
        assert said.splitlines()[-1] == "interrupted; the same command goes on from here"
        statuses = {run.info.run_name: run.info.status for run in own.runs()}
        assert statuses == {"round 01": "KILLED", "predictor 1": "KILLED", "predictor 2": "KILLED"}
    _wait_until_gone(_own_server(said))


def _wait_for(home: Path, moment: Moment, command: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(list(home.glob(moment.files))) < moment.number:
        assert command.poll() is None, f"ended before {moment}: {command.communicate()[1]}"
        assert time.monotonic() < deadline, f"{moment} never came"
        time.sleep(0.002)


def _own_server(said: str) -> int:
    """Return the port of the server that a command has spoken of."""
    (port,) = set(re.findall(r"http://127\.0\.0\.1:(\d+)/runs", said))
    return int(port)


def _wait_until_gone(port: int) -> None:
    deadline = time.monotonic() + 20
    while _answers(port):
        assert time.monotonic() < deadline, f"the server on {port} outlived its command by 20 s"
        time.sleep(0.1)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _check_files(home: Path) -> None:
    assert list(home.rglob("*.tmp")) == []
    assert list(home.rglob("latest.safetensors")) == []
    tables = list(home.rglob("*.parquet"))
    assert len(tables) > 10
    for path in tables:
        assert pq.read_table(path).num_rows > 0, path
    checkpoints = list(home.rglob("*.safetensors"))
    # Three trajectories as stages and in MLflow, and the registered predictor's two members.
    assert len(checkpoints) >= 3 * 8 * 2 + 2
    for path in checkpoints:
        with safe_open(path, framework="pt") as file:
            assert all(file.get_tensor(name).numel() for name in file.keys()), path  # noqa: SIM118 - not a dict
    for path in home.rglob("*.json"):
        assert path.read_bytes().rstrip().endswith((b"}", b"]")), path

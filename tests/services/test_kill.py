"""A command that is killed or interrupted, with the server that it has started.

That a campaign comes through a kill at any moment is tested in ``tests/flows/test_interruptions``.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

_CHECKPOINTS = "stages/train/*/checkpoint-*.safetensors"


def test_a_command_after_a_kill_gives_what_an_undisturbed_one_gives(
    installation: Callable[..., Any], small: dict[str, Any], undisturbed: Any
) -> None:
    """In one shard too, where the undisturbed one has two."""
    killed = installation("killed", alone=True)
    small = {**small, "execution": {"device": "cpu", "shards": 1}}
    with killed.start(small) as command:
        _wait_for_checkpoints(killed.home, command)
        command.kill()
        said = command.communicate()[1]
    # Nothing is waited for: the next command may meet the server of the killed one.
    killed.run(small)

    _wait_until_gone(_own_server(said))
    (published,) = killed.home.glob("campaigns/small/*/candidates.parquet")
    for name in ("candidates.parquet", "candidates.csv", "rejected.parquet"):
        expected = (undisturbed.folder / name).read_bytes()
        assert (published.parent / name).read_bytes() == expected, name
    assert (published.parent / "summary.json").exists()
    assert list(killed.home.rglob("*.tmp")) == []
    assert sorted((run.info.run_name, run.info.status) for run in killed.runs()) == [
        ("ensemble", "FINISHED"),
        ("generation", "FINISHED"),
        ("predictor 1", "FINISHED"),
        ("predictor 2", "FINISHED"),
        ("round 01", "FINISHED"),
        ("validation model 1", "FINISHED"),
    ]


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_command_that_is_interrupted_with_its_server_ends(
    installation: Callable[..., Any], small: dict[str, Any], sent: signal.Signals, code: int
) -> None:
    """Ctrl-C in a terminal and `timeout` reach every process of the command."""
    own = installation(f"interrupted-{sent.name}", alone=True)
    # Training would go on for an hour.
    settings = {**small, "training": {**small["training"], "steps": 1_000_000}}
    with own.start(settings) as command:
        _wait_for_checkpoints(own.home, command)
        os.killpg(command.pid, sent)
        try:
            said = command.communicate(timeout=200)[1]
        finally:
            command.kill()
    assert command.returncode == code, said
    assert said.splitlines()[-1] == "interrupted; the same command goes on from here"
    if sent == signal.SIGINT:
        statuses = {run.info.run_name: run.info.status for run in own.runs()}
        assert statuses == {"round 01": "KILLED", "predictor 1": "KILLED", "predictor 2": "KILLED"}
    _wait_until_gone(_own_server(said))


def _wait_for_checkpoints(home: Path, command: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while len(list(home.glob(_CHECKPOINTS))) < 2:
        assert command.poll() is None, f"ended before a checkpoint: {command.communicate()[1]}"
        assert time.monotonic() < deadline, "no checkpoint ever came"
        time.sleep(0.002)


def _own_server(said: str) -> int:
    """Return the port of the server that a command has spoken of."""
    (port,) = set(re.findall(r"http://127\.0\.0\.1:(\d+)/runs", said))
    return int(port)


def _wait_until_gone(port: int) -> None:
    deadline = time.monotonic() + 60
    while _answers(port):
        assert time.monotonic() < deadline, f"the server on {port} outlived its command by 60 s"
        time.sleep(0.1)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

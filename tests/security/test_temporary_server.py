"""The server of one command is of no use to anybody else on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tasks.installation.settings import REPOSITORY

_COMMAND = """
import json, sys
import flows
from tasks.servers.command import run_command
from prefect import flow

@flow
def inside():
    return 7

def run():
    import os
    print(os.environ["PREFECT_API_URL"], flush=True)
    sys.stdin.readline()
    return inside()

print(run_command(run))
"""


@pytest.mark.services
@pytest.mark.timeout(300)
def test_a_stranger_is_refused_while_the_command_uses_it(tmp_path: Path) -> None:
    ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    with subprocess.Popen(
        [sys.executable, "-c", _COMMAND],
        env={**kept, "DESIGN_HOME": str(tmp_path)},
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdin is not None
        assert command.stdout is not None
        address = command.stdout.readline().strip()
        for headers, status in (({}, 401), ({"Host": "elsewhere.example"}, 403)):
            for path in ("/flow_runs/filter", "/flows/", "/deployments/filter"):
                answer = httpx.post(f"{address}{path}", json={}, headers=headers, trust_env=False)
                assert answer.status_code == status, path
        command.stdin.write("\n")
        command.stdin.flush()
        assert command.stdout.readline().strip() == "7"
    assert command.returncode == 0

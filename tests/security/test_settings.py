"""What an operator's settings keep: passwords off command lines and screens, clusters to a list."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from designlib.types import InputError
from tasks.inputs.config import ExecutionConfig
from tasks.installation.settings import REPOSITORY
from tasks.servers import operate, runners
from tasks.servers.prefect_server import free_port
from tasks.servers.runners import runner_of

_PASSWORD = "staple-of-the-database"
_TELLS = """#!/bin/sh
echo "$DESIGN_DATABASE"
ps -A -o args
"""


class _Page:
    id = "deployment"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile, and in place of Python what prints its database and all command lines."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(_TELLS)
    (programs / "python").chmod(0o755)
    # Newer than what it was installed from.
    for name in ("requirements.lock", "pytorch.lock", "pyproject.toml", ".venv/.installed"):
        (tmp_path / name).touch()
    return tmp_path


def made(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # The tests themselves may be run by make, which tells its children so.
    alone = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(
        ["make", "server", *arguments],
        cwd=checkout,
        env={**alone, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("variable", ["DB", "DESIGN_DATABASE"])
def test_the_databases_password_is_on_no_command_line(checkout: Path, variable: str) -> None:
    address = f"postgresql://ada:{_PASSWORD}@127.0.0.1:5432/designs"
    first, *lines = made(checkout, **{variable: address}).stdout.splitlines()
    assert first == address
    assert any("make server" in line for line in lines)
    assert not any(_PASSWORD in line for line in lines)


def test_make_refuses_a_password_and_takes_an_address_without_one(checkout: Path) -> None:
    refused = made(checkout, f"DB=postgresql://ada:{_PASSWORD}@127.0.0.1:5432/designs")
    assert refused.returncode == 2
    assert "DESIGN_DATABASE" in refused.stderr
    assert _PASSWORD not in refused.stdout + refused.stderr
    for address in ("postgresql://ada@127.0.0.1:5432/designs", "postgresql://127.0.0.1:1/designs"):
        assert made(checkout, f"DB={address}").stdout.splitlines()[0] == address


def test_a_database_that_is_away_is_named_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    address = f"postgresql://ada:{_PASSWORD}@127.0.0.1:{free_port()}/designs"
    monkeypatch.setenv("DESIGN_DATABASE", address)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert operate.main(["server"]) == 1
    told = "".join(capfd.readouterr())
    assert "ada:***@127.0.0.1" in told
    holding = [p for p in home.rglob("*") if p.is_file() and _PASSWORD.encode() in p.read_bytes()]
    assert _PASSWORD not in told
    assert holding == []


def test_a_run_of_the_page_uses_the_operators_clusters_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = ExecutionConfig(runner="dask tcp://elsewhere:8786")
    runner_of(theirs)  # who runs the command names what they like
    monkeypatch.setattr(runners, "deployment", _Page)
    for listed in ("", "tcp://scheduler:8786", "tcp://elsewhere:87860,tcp://elsewhere"):
        monkeypatch.setenv("DESIGN_CLUSTERS", listed)
        with pytest.raises(InputError, match=r"has not allowed tcp://elsewhere:8786"):
            runner_of(theirs)
    monkeypatch.setenv("DESIGN_CLUSTERS", "tcp://scheduler:8786, tcp://elsewhere:8786")
    runner_of(theirs)
    runner_of(ExecutionConfig(runner="dask"))

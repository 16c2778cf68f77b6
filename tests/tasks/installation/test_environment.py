"""The environment of servers and clients: quiet and local, unless something else is said."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.installation.environment import prepare_environment, tracking_uri
from tasks.installation.settings import REPOSITORY, Settings

NAMES = [
    "PREFECT_HOME",
    "PREFECT_SERVER_ANALYTICS_ENABLED",
    "DO_NOT_TRACK",
    "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_TRACKING_URI",
    "OMP_NUM_THREADS",
]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in NAMES:
        # Set first, so that what the function sets is taken back after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home")


def test_defaults_are_local_and_quiet(settings: Settings) -> None:
    prepare_environment(settings)
    assert os.environ["PREFECT_HOME"] == str(settings.home / "prefect")
    assert os.environ["MLFLOW_TRACKING_URI"] == tracking_uri(settings)
    assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{settings.home}/mlflow/mlflow.db"
    assert os.environ["DO_NOT_TRACK"] == os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert not settings.home.exists()


def test_what_is_set_outside_wins(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    prepare_environment(settings)
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://tracking:5000"
    assert os.environ["OMP_NUM_THREADS"] == "8"


def test_a_user_whom_the_system_does_not_know_gets_a_home_and_a_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "getuid", lambda: 123_456_789)
    prepare_environment(settings)
    assert Path.home() == settings.home
    assert getpass.getuser() == "user-123456789"


def test_servers_of_this_machine_are_behind_no_proxy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.setenv("NO_PROXY", "")
    for _ in range(2):
        prepare_environment(settings)
        assert os.environ["no_proxy"] == "example.org,localhost,127.0.0.1"
        assert os.environ["NO_PROXY"] == "localhost,127.0.0.1"


def test_importing_the_flows_makes_nothing(tmp_path: Path) -> None:
    ours = ("DESIGN_", "PREFECT_", "MLFLOW_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    finished = subprocess.run(
        [sys.executable, "-c", "import flows.campaign"],
        env={**environment, "DESIGN_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == ""
    assert finished.stderr == ""
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / ".prefect").exists()

"""The operator's commands: one clear line where something is missing or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.servers.operate import main


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIGN_HOME", str(tmp_path / "home"))
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("command", ["deploy", "worker-cpu", "worker-gpu"])
def test_without_a_server_it_says_how_to_start_one(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: no server is running here: `make server` starts one")
    assert said.count("\n") == 1


def test_down_says_so_where_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down"]) == 0
    assert capsys.readouterr().out == "nothing was running\n"


def test_a_login_that_is_too_short_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESIGN_LOGIN", "ada:hunter2")
    assert main(["server"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: DESIGN_LOGIN: ")
    assert "name:password" in said
    assert "hunter2" not in said

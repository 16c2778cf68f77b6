"""The doctor finds what is wrong with a home, and says it in words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from prefect.settings import PREFECT_API_URL

from flows.doctor import main
from tasks.installation.settings import Settings
from tasks.servers import doctor, workers
from tasks.servers.prefect_server import Announcement
from tasks.stages.stages import run_stage


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server elsewhere, and no import of torch."""
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def expose_login(home: Path) -> None:
    write(home / "login", b"ada:a long password").chmod(0o644)


def damage_stage(home: Path) -> None:
    stage = run_stage(Settings(), "split", {"seed": 1}, lambda: {"folds.parquet": b"folds"})
    write(stage.folder / "folds.parquet", b"other")


def cut_manifest(home: Path) -> None:
    write(home / "stages" / "train" / "0123" / "manifest.json", b'{"files"')


def take_entry_away(home: Path) -> None:
    write(home / "campaigns" / "six6" / "record" / f"000002-proposed-{'0' * 16}.parquet", b"x")


def cut_database(home: Path) -> None:
    path = home / "mlflow" / "mlflow.db"
    path.write_bytes(b"no database" * 100)


def age_database(home: Path) -> None:
    with sqlite3.connect(home / "mlflow" / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'older'")


def kill_service(home: Path) -> None:
    write(home / "services" / "server.json", b'{"pid": 1}')


WRONG: dict[Callable[[Path], None], tuple[str, str]] = {
    expose_login: ("login", "others can read it: chmod 600 "),
    damage_stage: ("stages", "folds.parquet damaged; the next run makes the stage again"),
    cut_manifest: ("stages", "manifest.json ("),
    take_entry_away: ("records", "of the campaign's ledger is missing or was changed"),
    cut_database: ("databases", "mlflow/mlflow.db: file is not a database; put "),
    age_database: ("databases", "mlflow/mlflow.db: revision older, not "),
    kill_service: ("locks", "server.json is of a service that was killed: `make down`"),
}


@pytest.mark.parametrize("harm", WRONG, ids=lambda harm: harm.__name__)
def test_what_is_wrong_with_a_home_is_named(
    harm: Callable[[Path], None], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert problems() == {}
    harm(home)
    name, said = WRONG[harm]
    found = problems()
    assert list(found) == [name]
    assert said in found[name]


def problems() -> dict[str, str]:
    """Return what is wrong besides the installation itself, which other tests share."""
    found = doctor.examine(Settings())
    return {name: "; ".join(wrong) for name, _, wrong in found if wrong and name != "versions"}


def test_a_home_that_nobody_can_write_to_is_a_problem(home: Path) -> None:
    (home / "file").touch()
    found = {name: wrong for name, _, wrong in doctor.examine(Settings(home=home / "file"))}
    assert "Not a directory" in found["home"][0]


def test_a_lock_that_is_held_is_told(home: Path) -> None:
    with FileLock(home / "mlflow" / "look-and-write.lock"):
        found = {name: fact for name, fact, _ in doctor.examine(Settings())}
    assert "look-and-write.lock is held by a command that runs" in found["locks"]


def test_workers_are_asked_for_at_the_server_that_runs_here(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "http://127.0.0.1:9/api"

    def heard_of(pool: str, since: datetime) -> set[str]:
        assert PREFECT_API_URL.value() == address
        return {"host-cpu"} if pool == "cpu" else set()

    monkeypatch.setattr(doctor, "running_server", lambda _: Announcement(address, ""))
    monkeypatch.setattr(workers, "heard_of", heard_of)
    assert list(doctor._workers(Settings())) == [
        "host-cpu",
        "no worker of pool gpu polls: `make worker-gpu`",
    ]


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_that_refuses_the_login_or_does_not_answer_is_named_by_the_command(
    refusing: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_workers", lambda _settings: iter(["not asked"]))
    monkeypatch.setitem(doctor._CHECKS, "workers", doctor._workers)
    monkeypatch.setenv("PREFECT_API_URL", f"{refusing}/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert main([]) == 1
    printed, said = capsys.readouterr()
    assert said == ""
    assert f"{refusing}/api: the login is refused: set DESIGN_LOGIN" in printed
    assert "http://127.0.0.1:9: no answer (" in printed
    assert "\nok     home       " in printed

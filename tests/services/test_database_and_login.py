"""Servers as a group has them: on one PostgreSQL database, with a login, on an address of theirs.

Where PostgreSQL is not installed they use their files, and its tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tasks.installation.settings import Settings
from tasks.servers.prefect_server import free_port
from tasks.servers.services import stop
from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

_HOST = "127.0.0.2"  # loopback too, yet another address than the usual one
_LOGIN = ("ada", "correct-horse-battery")
_PASSWORD = "staple-of-the-database"


@pytest.fixture(scope="module")
def database() -> Iterator[str | None]:
    """A PostgreSQL cluster of our own with an empty database and a password, if installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        yield None
        return
    programs = found[-1].parent
    # PostgreSQL does not run as root.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user:
        shutil.chown(folder, "postgres")
    password, port = folder / "password", free_port()
    password.write_text(_PASSWORD)
    password.chmod(0o644)

    def run(program: str, *arguments: str) -> None:
        command = [*user, str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    run("initdb", "-U", "ada", "--auth", "scram-sha-256", "--pwfile", str(password))
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run("pg_ctl", "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://ada:{_PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def guarded(database: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Servers and workers with the login and, where there is one, the database."""
    settings = {"DESIGN_LOGIN": ":".join(_LOGIN), "DESIGN_HOST": _HOST}
    if database is not None:
        settings["DESIGN_DATABASE"] = database
    guarded = Site(tmp_path_factory.mktemp("guarded"), settings, _HOST)
    # Not of the range that other tests draw theirs from: they may take the same on 127.0.0.1.
    guarded.ports = {"PREFECT_UI_PORT": free_port(24_200), "MLFLOW_UI_PORT": free_port(25_000)}
    try:
        for what in ("server", "deploy", "worker-cpu", "worker-gpu"):
            guarded.operate(what)
        yield guarded
    finally:
        for name in ("worker-gpu", "worker-cpu", "server"):
            stop(Settings(home=guarded.home), name)


def test_both_servers_ask_for_the_login_on_their_address_alone(guarded: Site) -> None:
    prefect, mlflow = guarded.servers
    for address in (prefect, mlflow):
        assert address.startswith(f"http://{_HOST}:")
        with pytest.raises(httpx.ConnectError):
            httpx.get(address.replace(_HOST, "127.0.0.1"), trust_env=False)
    addresses = {
        "POST": f"{prefect}/deployments/filter",
        "GET": f"{mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0",
    }
    for method, address in addresses.items():
        for login, expected in (
            (None, 401),
            (("ada", "wrong"), 401),
            (("bob", _LOGIN[1]), 401),
            (_LOGIN, 200),
        ):
            answer = httpx.request(
                method, address, json={}, auth=login, trust_env=False, timeout=60
            )
            assert answer.status_code == expected, (address, login)


def test_a_campaign_on_postgresql(
    database: str | None,
    guarded: Site,
    small: dict[str, Any],
    undisturbed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Commands and workers bring the login; what it makes is what a command on files makes."""
    if database is None:
        pytest.skip("PostgreSQL is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", _LOGIN[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", _LOGIN[1])
    run = guarded.submit(small)
    guarded.wait_for_state(run, "COMPLETED", seconds=600)
    folder = guarded.published("small")
    for name in ("candidates.parquet", "candidates.csv"):
        assert (folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()
    guarded.assert_quiet()
    assert _numbers(database) == {"prefect.flow_run": 3, "public.runs": 6}
    assert not (guarded.home / "mlflow" / "mlflow.db").exists()
    assert not (guarded.home / "prefect" / "prefect.db").exists()


def test_passwords_are_in_no_command_and_in_no_file(guarded: Site) -> None:
    passwords = (_PASSWORD.encode(), _LOGIN[1].encode())
    commands = [_command(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    assert not any(password in command for command in commands for password in passwords)
    told = guarded.operate("down").split()
    assert told == ["stopped", "worker-cpu", "stopped", "worker-gpu", "stopped", "server"]
    kept = [path for path in guarded.home.rglob("*") if path.is_file()]
    holding = [p.name for p in kept if any(password in p.read_bytes() for password in passwords)]
    assert holding == []


def test_a_database_that_does_not_let_us_in(database: str | None, tmp_path: Path) -> None:
    if database is None:
        pytest.skip("PostgreSQL is not installed")
    wrong = database.replace(_PASSWORD, "wrong")
    site = Site(tmp_path / "home", {"DESIGN_DATABASE": wrong})
    with pytest.raises(AssertionError, match="cannot be used") as caught:
        site.operate("server")
    assert "ada:***@127.0.0.1" in str(caught.value)
    assert "password authentication failed" in str(caught.value)


def _numbers(database: str) -> dict[str, int]:
    engine = sa.create_engine(database.replace("://", "+pg8000://", 1))
    tables = ("prefect.flow_run", "public.runs")
    with engine.connect() as connection:
        found = {
            name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in tables
        }
    engine.dispose()
    return found


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""

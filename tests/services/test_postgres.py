"""Both servers on one PostgreSQL database."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tasks.servers.prefect_server import free_port
from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

_PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A PostgreSQL cluster of our own, with an empty database and a password."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed")
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


def test_a_campaign_on_postgresql(
    database: str, tmp_path: Path, small: dict[str, Any], undisturbed: Any
) -> None:
    site = Site(tmp_path / "home", {"DESIGN_DATABASE": database})
    try:
        for what in ("server", "deploy", "worker-cpu", "worker-gpu"):
            site.operate(what)
        run = site.submit(small)
        site.wait_for_state(run, "COMPLETED", seconds=400)
        folder = site.published("small")
        for name in ("candidates.parquet", "candidates.csv"):
            assert (folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()
        site.assert_quiet()
        assert _numbers(database) == {"prefect.flow_run": 3, "public.runs": 6}
        # The password is in the environment of the servers, not in their commands or files.
        commands = [_command(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        assert not any(_PASSWORD.encode() in command for command in commands)
    finally:
        site.operate("down")
    kept = [path for path in site.home.rglob("*") if path.is_file()]
    assert [path.name for path in kept if _PASSWORD.encode() in path.read_bytes()] == []
    assert not (site.home / "mlflow" / "mlflow.db").exists()
    assert not (site.home / "prefect" / "prefect.db").exists()


def test_a_database_that_does_not_let_us_in(database: str, tmp_path: Path) -> None:
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

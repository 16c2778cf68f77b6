"""Servers and workers as a group has them, on hosts of their own.

Two addresses, no shared folder, an object store, one PostgreSQL database and a login. Where
PostgreSQL is not installed the servers use their files, and its tests are skipped.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import sqlalchemy as sa

from tasks.servers.prefect_server import free_port
from tests.services.site import Site

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

_HERE, _FRONT = "10.213.1.1", "10.213.1.2"
_SERVER, _GPU = "10.213.2.1", "10.213.2.2"
_STORE_PORT = 5123
_KEYS = {
    "AWS_ACCESS_KEY_ID": "ada",
    "AWS_SECRET_ACCESS_KEY": "of-the-store-alone",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_LOGIN = ("ada", "correct-horse-battery")
_PASSWORD = "staple-of-the-database"


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str]]:
    """Two network namespaces that reach each other; this process reaches the first."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    first, second = f"design-a-{os.getpid()}", f"design-b-{os.getpid()}"
    mine, link = f"dsa{os.getpid()}", f"dsb{os.getpid()}"
    set_up = [
        f"netns add {first}",
        f"netns add {second}",
        f"link add {mine} type veth peer name front netns {first}",
        f"link add {link} netns {first} type veth peer name back netns {second}",
        f"addr add {_HERE}/24 dev {mine}",
        f"link set {mine} up",
        f"-n {first} addr add {_FRONT}/24 dev front",
        f"-n {first} addr add {_SERVER}/24 dev {link}",
        f"-n {second} addr add {_GPU}/24 dev back",
        *(f"-n {first} link set {device} up" for device in ("lo", "front", link)),
        *(f"-n {second} link set {device} up" for device in ("lo", "back")),
        f"route add {_SERVER} via {_FRONT}",
    ]
    try:
        for command in set_up:
            done = subprocess.run(
                ["ip", *command.split()], check=False, capture_output=True, text=True
            )
            if done.returncode != 0:
                pytest.skip(f"no network namespaces here: ip {command}: {done.stderr.strip()}")
        yield first, second
    finally:
        for name in (first, second):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def store(hosts: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An S3 server on the first host, with an empty bucket."""
    file = tmp_path_factory.mktemp("store") / "store.log"
    command = ["ip", "netns", "exec", hosts[0], sys.executable, "-W", "ignore", "-m", "moto.server"]
    with file.open("wb") as log:
        server = subprocess.Popen(
            [*command, "-H", _SERVER, "-p", str(_STORE_PORT)], stdout=log, stderr=log
        )
    address = f"http://{_SERVER}:{_STORE_PORT}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.put(f"{address}/designs", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, file.read_text()
                time.sleep(0.2)
        yield f"s3://designs/results?scheme=http&endpoint_override={_SERVER}:{_STORE_PORT}"
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def database(hosts: tuple[str, str]) -> Iterator[str | None]:
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
    with (folder / "data" / "pg_hba.conf").open("a") as file:
        file.write("host all all 10.213.1.0/24 scram-sha-256\n")
    options = f"-p {port} -c listen_addresses={_HERE} -c unix_socket_directories={folder}"
    run("pg_ctl", "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://ada:{_PASSWORD}@{_HERE}:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


class _Group(NamedTuple):
    """The servers and the worker for CPUs, and the host of the worker for GPUs."""

    front: Site
    back: Site


@pytest.fixture(scope="module")
def group(
    hosts: tuple[str, str],
    store: str,
    database: str | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[_Group]:
    """Servers and workers on both hosts."""
    homes = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    settings = {
        "DESIGN_HOST": _SERVER,
        "DESIGN_STORE": store,
        "DESIGN_LOGIN": ":".join(_LOGIN),
        **({} if database is None else {"DESIGN_DATABASE": database}),
        **_KEYS,
    }
    front = Site(homes[0], settings, _SERVER, _on(hosts[0], hidden=homes[1]))
    # The second host does not know the database.
    settings = {name: value for name, value in settings.items() if name != "DESIGN_DATABASE"}
    settings |= {
        "PREFECT_API_URL": f"http://{_SERVER}:{front.ports['PREFECT_UI_PORT']}/api",
        "MLFLOW_TRACKING_URI": f"http://{_SERVER}:{front.ports['MLFLOW_UI_PORT']}",
    }
    back = replace(front, home=homes[1], settings=settings, prefix=_on(hosts[1], hidden=homes[0]))
    try:
        for what in ("server", "deploy", "worker-cpu"):
            front.operate(what)
        back.operate("worker-gpu")
        yield _Group(front, back)
    finally:
        back.operate("down")
        front.operate("down")


def test_both_servers_ask_for_the_login_on_their_address_alone(group: _Group) -> None:
    prefect, mlflow = group.front.servers
    for address in (prefect, mlflow):
        assert address.startswith(f"http://{_SERVER}:")
    for port in group.front.ports.values():
        assert _connect(group.front, _SERVER, port) == 0
        assert _connect(group.front, "127.0.0.1", port) == errno.ECONNREFUSED
    addresses = {
        "POST": f"{prefect}/deployments/filter",
        "GET": f"{mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0",
    }
    logins = {None: 401, ("ada", "wrong"): 401, ("bob", _LOGIN[1]): 401, _LOGIN: 200}
    for method, address in addresses.items():
        for login, expected in logins.items():
            answer = httpx.request(
                method, address, json={}, auth=login, trust_env=False, timeout=60
            )
            assert answer.status_code == expected, (address, login)


def test_a_campaign_over_two_hosts_on_postgresql(
    database: str | None,
    group: _Group,
    small: dict[str, Any],
    undisturbed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Commands and workers bring the login; what it makes is what a command on files makes."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", _LOGIN[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", _LOGIN[1])
    front, here, there = group.front, group.front.home, group.back.home
    run = front.submit(small)
    front.wait_for_state(run, "COMPLETED", seconds=600)
    folder = front.published("small")
    for name in ("candidates.parquet", "candidates.csv", "rejected.parquet"):
        assert (folder / name).read_bytes() == (undisturbed.folder / name).read_bytes(), name
    front.assert_quiet()
    # Trained and sampled on the one, scored and chosen on the other, which fetched the rest.
    made = {path.parts[-3] for path in there.glob("stages/*/*/manifest.json")}
    assert {"train", "plan", "sample-shard", "samples"} <= made
    assert not made & {"score", "select", "report"}
    for path in here.glob("stages/sample*/*/manifest.json"):
        twin = there / path.relative_to(here)
        assert path.stat().st_mtime_ns > twin.stat().st_mtime_ns
    assert not list(there.glob("campaigns/*"))
    # The checkpoints went through the MLflow server.
    members = [r for r in front.mlflow_runs() if r.info.run_name.startswith("predictor")]
    assert len(members) == 2
    for member in members:
        found = front.tracking.list_artifacts(member.info.run_id, "checkpoints")
        assert len(found) == small["training"]["checkpoints"]
    if database is not None:
        assert _numbers(database) == {"prefect.flow_run": 3, "public.runs": 6}
        assert not (here / "mlflow" / "mlflow.db").exists()
        assert not (here / "prefect" / "prefect.db").exists()


def test_passwords_are_in_no_command_and_in_no_file(group: _Group) -> None:
    passwords = (_PASSWORD.encode(), _LOGIN[1].encode())
    commands = [_command(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    assert not any(password in command for command in commands for password in passwords)
    printed = group.back.operate("down").split() + group.front.operate("down").split()
    assert printed[1::2] == ["worker-gpu", "worker-cpu", "server"]
    kept = [p for site in group for p in site.home.rglob("*") if p.is_file()]
    holding = [p.name for p in kept if any(password in p.read_bytes() for password in passwords)]
    assert holding == []


def test_a_database_that_does_not_let_us_in(database: str | None, tmp_path: Path) -> None:
    if database is None:
        pytest.skip("PostgreSQL is not installed")
    wrong = database.replace(_PASSWORD, "wrong")
    site = Site(tmp_path / "home", {"DESIGN_DATABASE": wrong})
    with pytest.raises(AssertionError, match="cannot be used") as caught:
        site.operate("server")
    assert f"ada:***@{_HERE}" in str(caught.value)
    assert "password authentication failed" in str(caught.value)


def _connect(site: Site, address: str, port: int) -> int:
    """Return the error number of a connection from the site's own host, 0 for none."""
    script = f"import socket, sys; sys.exit(socket.socket().connect_ex(({address!r}, {port})))"
    return subprocess.run([*site.prefix, sys.executable, "-c", script], check=False).returncode


def _on(host: str, hidden: Path) -> tuple[str, ...]:
    """Return what runs a command on a host that cannot see the other one's folder."""
    script = f'mount -t tmpfs none "{hidden}" && exec "$@"'
    return ("ip", "netns", "exec", host, "sh", "-c", script, "sh")


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

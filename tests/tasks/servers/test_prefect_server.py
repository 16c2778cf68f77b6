"""The server of a command: found, announced, and gone when the command is."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tasks.installation.faults import MachineError
from tasks.installation.settings import REPOSITORY, Settings
from tasks.servers.prefect_server import (
    Announcement,
    announce,
    free_port,
    running_server,
    server_variables,
    wait_until_healthy,
    withdraw,
)


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def healthy() -> Iterator[str]:
    """The address of a server that says it is well."""
    with HTTPServer(("127.0.0.1", 0), _Health) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return Settings(home=tmp_path)


def test_an_announced_server_is_used_while_it_answers(settings: Settings, healthy: str) -> None:
    assert running_server(settings) is None
    servers = Announcement(address=healthy, tracking="http://127.0.0.1:9")
    announce(settings, servers)
    assert running_server(settings) == servers
    assert server_variables(settings) == {"PREFECT_API_URL": healthy}
    withdraw(settings)
    withdraw(settings)
    assert running_server(settings) is None


def test_a_server_that_has_gone_is_not_used(settings: Settings) -> None:
    announce(settings, Announcement(f"http://127.0.0.1:{free_port()}/api", "http://127.0.0.1:9"))
    assert running_server(settings) is None


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"add'])
def test_an_announcement_that_says_nothing(settings: Settings, content: bytes) -> None:
    announce(settings, Announcement("http://127.0.0.1:9/api", "http://127.0.0.1:9"))
    (settings.home / "prefect" / "server.json").write_bytes(content)
    assert running_server(settings) is None


def test_a_server_that_is_configured_comes_first(
    settings: Settings, healthy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(settings, Announcement(healthy, "http://127.0.0.1:9"))
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect:4200/api")
    assert server_variables(settings) == {"PREFECT_API_URL": "http://prefect:4200/api"}


def test_waiting_ends_with_an_answer_or_an_error(healthy: str) -> None:
    wait_until_healthy(healthy, timeout_seconds=5)
    address = f"http://127.0.0.1:{free_port()}/api"
    with pytest.raises(MachineError, match=rf"no Prefect server answers at {address}"):
        wait_until_healthy(address, timeout_seconds=0.2)


def test_a_wanted_port_is_given_when_it_is_free() -> None:
    wanted = free_port()
    assert free_port(wanted) == wanted
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", wanted))
        taken.listen()
        other = free_port(wanted)
    assert other not in (0, wanted)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_servers_on_a_new_database_end_with_their_input_and_by_nothing_else(tmp_path: Path) -> None:
    # A killed process closes its end of the pipe, whatever the server is doing: here, starting to
    # import, and making the database.
    for begun in (lambda: True, (tmp_path / "prefect.db").exists):
        with start(free_port(), tmp_path) as server:
            while not begun():
                assert server.poll() is None
                time.sleep(0.01)
            assert server.stdin is not None
            server.stdin.close()
            assert server.wait(timeout=90) == 0

    # Two at once do not collide, and one that was broken off is no obstacle.
    addresses = [(port := free_port(), f"http://127.0.0.1:{port}/api") for _ in range(2)]
    servers = [start(port, tmp_path) for port, _ in addresses]
    try:
        for _, address in addresses:
            wait_until_healthy(address, timeout_seconds=180)
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            servers[0].send_signal(sent)
        # It leaves signals to its command.
        with pytest.raises(subprocess.TimeoutExpired):
            servers[0].wait(timeout=1)
        wait_until_healthy(addresses[0][1], timeout_seconds=30)
    finally:
        for server in servers:
            server.communicate(timeout=60)
    assert [server.returncode for server in servers] == [0, 0]


def start(port: int, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tasks.servers.prefect_server", str(port)],
        stdin=subprocess.PIPE,
        cwd=REPOSITORY,
        env={"PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"},
    )

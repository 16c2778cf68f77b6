"""A Prefect server that lives as long as the command that needs it.

Prefect's own temporary server outlives a killed parent and keeps the database
busy; this one reads its standard input and ends when that closes.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import httpx
from filelock import FileLock

from tasks.installation.faults import MachineError
from tasks.installation.files import last_line, rotate_log, write_atomically
from tasks.installation.settings import Settings

_START_TIMEOUT_SECONDS = 240
_STOP_TIMEOUT_SECONDS = 5
_STARTED: dict[str, subprocess.Popen[bytes]] = {}
"""The servers that this process has started, by their addresses."""


class Announcement(NamedTuple):
    """Where the long-lived servers of this installation answer."""

    address: str
    """The Prefect server's API."""
    tracking: str
    """The MLflow server."""


def announce(settings: Settings, servers: Announcement) -> None:
    """Leave the addresses of long-lived servers for the commands that come later."""
    write_atomically(_announcement(settings), json.dumps(servers._asdict()).encode())


def withdraw(settings: Settings) -> None:
    """Take back what ``announce`` said."""
    _announcement(settings).unlink(missing_ok=True)


def running_server(settings: Settings) -> Announcement | None:
    """Return the addresses of the announced servers if the Prefect server answers."""
    try:
        servers = Announcement(**json.loads(_announcement(settings).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return servers if _healthy(servers.address) else None


def server_variables(settings: Settings) -> dict[str, str]:
    """Return what leads to a server: the one that is configured, running, or started here.

    One that is started here asks for a login that only this process and its children know. It ends
    with this process, after Prefect has sent its last logs: its senders are drained before the
    functions that ``atexit`` calls.
    """
    if configured := os.environ.get("PREFECT_API_URL"):
        return {"PREFECT_API_URL": configured}
    if running := running_server(settings):
        return {"PREFECT_API_URL": running.address}
    port = free_port()
    login = f"command:{secrets.token_urlsafe(18)}"
    log = Path(os.environ["PREFECT_HOME"]) / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate_log(log)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module, no user input
            [sys.executable, "-m", "tasks.servers.prefect_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={
                **os.environ,
                "PREFECT_UI_ENABLED": "0",
                "PREFECT_SERVER_API_AUTH_STRING": login,
            },
        )
    atexit.register(_stop, process)
    address = f"http://127.0.0.1:{port}/api"
    _STARTED[address] = process
    return {"PREFECT_API_URL": address, "PREFECT_API_AUTH_STRING": login}


def wait_until_healthy(address: str, timeout_seconds: float = _START_TIMEOUT_SECONDS) -> None:
    """Return when the server answers; raise MachineError when it does not."""
    deadline = time.monotonic() + timeout_seconds
    while not _healthy(address):
        started = _STARTED.get(address)
        if started is not None and started.poll() is not None:
            log = Path(os.environ["PREFECT_HOME"]) / "server.log"
            raise MachineError(
                f"the Prefect server ended at once: {last_line(log)}; see {log}, and `make doctor` "
                "for its database"
            )
        if time.monotonic() > deadline:
            raise MachineError(
                f"no Prefect server answers at {address}: start it, or unset PREFECT_API_URL for "
                "one that lives as long as the command"
            )
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - started with a pipe
    process.stdin.close()
    try:
        process.wait(2 * _STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _healthy(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _announcement(settings: Settings) -> Path:
    return settings.home / "prefect" / "server.json"


def free_port(wanted: int = 0) -> int:
    """Return a free port of this machine: the wanted one, else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


def _serve(port: int) -> None:
    import uvicorn

    from tasks.servers.application import application

    # Ctrl-C and `timeout` signal all processes of a command. A command that is interrupted tells
    # the server so first, and would wait for one that is gone.
    for unheard in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(unheard, signal.SIG_IGN)
    server = uvicorn.Server(
        uvicorn.Config(
            lambda: application(port),
            factory=True,
            host="127.0.0.1",
            port=port,
            log_level="error",
        )
    )
    # Where it is not the main thread uvicorn leaves signals alone.
    thread = threading.Thread(target=server.run, daemon=True)
    # Two that migrate a new database at once would both make its tables, and one would fail.
    starting = FileLock(Path(os.environ["PREFECT_HOME"]) / "start.lock")
    starting.acquire()
    thread.start()
    while thread.is_alive() and not _parent_has_gone():
        if server.started:
            starting.release()
    server.should_exit = True
    thread.join(_STOP_TIMEOUT_SECONDS)
    os._exit(0)


def _parent_has_gone() -> bool:
    """Return whether standard input is closed, after a moment in which nothing happened."""
    ready, _, _ = select.select([sys.stdin], [], [], 0.2)
    return bool(ready) and not sys.stdin.buffer.read(1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))

"""The Prefect and the MLflow page on this installation's results, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

import httpx

from tasks.environment import prepare_environment
from tasks.prefect_server import announce, free_port, withdraw
from tasks.settings import Settings

__all__ = ["main"]

_START_TIMEOUT_SECONDS = 180
_PREFECT_PORT = 4200
_MLFLOW_PORT = 5000


def main() -> int:
    """Start both servers on loopback, print their addresses and wait; stop both at the end."""
    settings = Settings()
    prepare_environment(settings)
    from tasks.tracking import prepare_tracking

    prepare_tracking(settings)
    prefect_page = f"http://127.0.0.1:{_port('PREFECT_UI_PORT', _PREFECT_PORT)}"
    mlflow_page = f"http://127.0.0.1:{_port('MLFLOW_UI_PORT', _MLFLOW_PORT)}"
    log = settings.home / "prefect" / "pages.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)
    servers: list[subprocess.Popen[bytes]] = []
    try:
        servers.append(
            _start(["prefect", "server", "start", "--port", prefect_page.rsplit(":", 1)[1]], log)
        )
        servers.append(_start(_mlflow_command(settings, mlflow_page), log, _MLFLOW_ENVIRONMENT))
        _say("starting the Prefect and MLflow pages ...")
        _wait(f"{prefect_page}/api/health", servers[0], log)
        _wait(f"{mlflow_page}/health", servers[1], log)
        announce(settings, f"{prefect_page}/api")
        _say(f"Prefect  {prefect_page}\nMLflow   {mlflow_page}\nCtrl-C ends both")
        while all(server.poll() is None for server in servers):
            time.sleep(0.5)
        _say(f"a server has ended; see {log}")
    except KeyboardInterrupt:
        _say("stopping")
        return 0
    except RuntimeError as error:
        _say(f"error: {error}")
    finally:
        withdraw(settings)
        for server in servers:
            _stop(server)
    return 1


_MLFLOW_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def _mlflow_command(settings: Settings, page: str) -> list[str]:
    return [
        "mlflow", "server", "--host", "127.0.0.1", "--port", page.rsplit(":", 1)[1],
        "--workers", "1",
        "--backend-store-uri", os.environ["MLFLOW_TRACKING_URI"],
        "--artifacts-destination", (settings.home / "mlflow" / "artifacts").as_uri(),
    ]  # fmt: skip


def _start(
    command: Sequence[str], log: os.PathLike[str], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    with open(log, "ab") as output:  # noqa: PTH123 - any path-like
        # A session of its own, so that Ctrl-C reaches this process only and it stops both in turn.
        return subprocess.Popen(  # noqa: S603 - fixed commands, no user input
            [sys.executable, "-m", *command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )


def _wait(address: str, server: subprocess.Popen[bytes], log: os.PathLike[str]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the server for {address} ended at once; see {os.fspath(log)}")
        try:
            if httpx.get(address, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(
        f"no answer at {address} in {_START_TIMEOUT_SECONDS} s; see {os.fspath(log)}"
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _port(variable: str, usual: int) -> int:
    """Return the port that a variable names, else the usual one, else any that is free."""
    return int(os.environ.get(variable) or free_port(usual))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    sys.exit(main())

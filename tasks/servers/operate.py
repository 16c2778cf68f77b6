"""What an operator does: start servers and workers, register deployments, stop all of it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from designlib.types import InputError
from tasks.installation.environment import prepare_environment
from tasks.installation.faults import exit_code
from tasks.installation.settings import Settings
from tasks.servers import pages
from tasks.servers.login import login_text, make_login
from tasks.servers.prefect_server import Announcement, running_server
from tasks.servers.services import is_running, start, stop_all

_SERVER_SECONDS = 180.0
_WORKER_SECONDS = 60.0


def main(arguments: list[str] | None = None) -> int:
    """Do one of the operator's commands; return the exit code."""
    commands: dict[str, Callable[[Settings], None]] = {
        "server": _server,
        "deploy": _deploy,
        "worker-cpu": lambda settings: _worker(settings, "cpu"),
        "worker-gpu": lambda settings: _worker(settings, "gpu"),
        "down": _down,
    }
    parser = argparse.ArgumentParser(prog="python -m tasks.servers.operate", description=__doc__)
    parser.add_argument("what", choices=list(commands))
    chosen = parser.parse_args(arguments)
    return exit_code(lambda: commands[chosen.what](Settings()))


def _server(settings: Settings) -> None:
    if not is_running(settings, pages.SERVICE):
        if make_login(settings):
            _say(login_text(settings))
            prepare_environment(settings)
        _say("starting the Prefect and the MLflow server ...")
        start(
            settings, pages.SERVICE, ["tasks.servers.pages"],
            lambda: running_server(settings) is not None, _SERVER_SECONDS,
        )  # fmt: skip
    servers = _servers(settings)
    _say(
        f"Prefect  {servers.address.removesuffix('/api')}\nMLflow   {servers.tracking}\n"
        f"log      {settings.home / 'services' / 'server.log'}\n`make down` ends both"
    )


def _deploy(settings: Settings) -> None:
    _use_servers(settings)
    from tasks.servers.deploy import deploy
    from tasks.servers.workers import gpu_workers

    for line in deploy(sum(bool(device) for device in gpu_workers().values())):
        _say(line)


def _worker(settings: Settings, pool: str) -> None:
    _use_servers(settings)
    from tasks.servers.workers import cpu_worker_name, gpu_workers, heard_of

    wanted = gpu_workers() if pool == "gpu" else {cpu_worker_name(): ""}
    if pool == "gpu" and not any(wanted.values()):
        _say(
            "This machine has no usable GPU: the worker of the GPU pool computes on the CPU. "
            "Campaigns with `device: cuda` fail on it."
        )
    began = datetime.now(UTC)
    start(
        settings, f"worker-{pool}", ["tasks.servers.workers", pool],
        lambda: set(wanted) <= heard_of(pool, since=began), _WORKER_SECONDS,
    )  # fmt: skip
    for name, devices in wanted.items():
        where = f"GPU {devices}" if devices else "the CPU"
        _say(f"worker {name} takes runs from pool {pool} and computes on {where}")


def _down(settings: Settings) -> None:
    for name in stop_all(settings) or ["nothing was running"]:
        _say(f"stopped {name}" if " " not in name else name)


def _use_servers(settings: Settings) -> None:
    """Set the addresses of the servers in the environment, for Prefect and for what is started."""
    servers = _servers(settings)
    os.environ["PREFECT_API_URL"] = servers.address
    os.environ["MLFLOW_TRACKING_URI"] = servers.tracking
    prepare_environment(settings)


def _servers(settings: Settings) -> Announcement:
    """Return the servers that the environment names, else those that run here."""
    named = os.environ.get("PREFECT_API_URL"), os.environ.get("MLFLOW_TRACKING_URI")
    running = running_server(settings)
    address = named[0] or (running.address if running else None)
    tracking = named[1] or (running.tracking if running else None)
    if address is None or tracking is None:
        raise InputError(
            "no server is running here: `make server` starts one; for servers elsewhere set "
            "PREFECT_API_URL and MLFLOW_TRACKING_URI"
        )
    return Announcement(address, tracking)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    sys.exit(main())

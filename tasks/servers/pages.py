"""The Prefect and the MLflow server of this installation, with their pages, until Ctrl-C."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
import threading
import time
from contextlib import suppress

import httpx

from tasks.installation.environment import prepare_environment
from tasks.installation.faults import MachineError, exit_code
from tasks.installation.files import write_atomically
from tasks.installation.settings import Settings
from tasks.servers.database import mlflow_database, prefect_database, prepare_database
from tasks.servers.login import login_text, make_login
from tasks.servers.prefect_server import Announcement, announce, free_port, withdraw
from tasks.servers.services import Service, claim

SERVICE = "server"
_START_TIMEOUT_SECONDS = 180
_PREFECT_PORT = 4200
_MLFLOW_PORT = 5000
_SWEEP_SECONDS = 10.0


def main() -> int:
    """Start both servers, print their addresses and wait; stop both at the end."""
    return exit_code(_run)


def _run() -> None:
    settings = Settings()
    made = make_login(settings)
    prepare_environment(settings)
    if made and settings.credentials:
        _say(login_text(settings))
    with suppress(KeyboardInterrupt), claim(settings, SERVICE) as service:
        try:
            _serve(settings, service)
        finally:
            withdraw(settings)


def _serve(settings: Settings, service: Service) -> None:
    prepare_database(settings)
    host = settings.host
    prefect_port = _port("PREFECT_UI_PORT", _PREFECT_PORT)
    mlflow_port = _port("MLFLOW_UI_PORT", _MLFLOW_PORT)
    prefect_page, mlflow_page = f"http://{host}:{prefect_port}", f"http://{host}:{mlflow_port}"
    _say("starting the Prefect and MLflow pages ...")
    servers = {
        f"{prefect_page}/api/health": (
            ["tasks.servers.guard", host, str(prefect_port)],
            {
                "PREFECT_UI_API_URL": f"{prefect_page}/api",
                "PREFECT_API_URL": f"{prefect_page}/api",
                "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": prefect_page,
                **prefect_database(settings),
                **_prefect_login(settings),
            },
        ),
        f"{mlflow_page}/health": (
            _mlflow_command(settings, mlflow_port),
            {
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                **mlflow_database(settings),
                **_mlflow_login(settings),
            },
        ),
    }
    running = {address: service.run(*server) for address, server in servers.items()}
    for address, process in running.items():
        _wait(address, process)
    announce(settings, Announcement(address=f"{prefect_page}/api", tracking=mlflow_page))
    _say(f"Prefect  {prefect_page}\nMLflow   {mlflow_page}")
    housekeeping = threading.Thread(
        target=_keep_house,
        args=(f"{prefect_page}/api", mlflow_page, settings.credentials),
        daemon=True,
    )
    housekeeping.start()
    while True:
        for address, process in running.items():
            if process.poll() is not None:
                _say(f"the server for {address} has ended; it is started again")
                service.end(process)
                time.sleep(settings.restart_seconds)
                running[address] = service.run(*servers[address])
        service.rest()


def _keep_house(prefect_api: str, mlflow: str, login: tuple[str, str] | None) -> None:
    """End the MLflow runs of flow runs that are over, again and again."""
    from tasks.tracking.housekeeping import end_orphaned_runs

    while True:
        time.sleep(_SWEEP_SECONDS)
        for name in end_orphaned_runs(prefect_api, mlflow, login):
            _say(f"ended the MLflow run {name!r}: its flow run is over")


def _mlflow_command(settings: Settings, port: int) -> list[str]:
    return [
        "mlflow", "server", "--host", settings.host, "--port", str(port),
        *(["--app-name", "basic-auth"] if settings.credentials else []),
        # By default it answers to names of this machine only.
        "--allowed-hosts", ",".join(f"{name}:*" for name in settings.server_names),
        "--workers", "1", "--uvicorn-opts", "--log-level warning",
        # Clients send files through the server, so that no folder has to be shared with it.
        "--default-artifact-root", "mlflow-artifacts:/",
        "--artifacts-destination", (settings.home / "mlflow" / "artifacts").as_uri(),
    ]  # fmt: skip


def _prefect_login(settings: Settings) -> dict[str, str]:
    """Return what makes the Prefect server ask for the login."""
    if settings.credentials is None:
        return {}
    return {"PREFECT_SERVER_API_AUTH_STRING": ":".join(settings.credentials)}


def _mlflow_login(settings: Settings) -> dict[str, str]:
    """Return what makes the MLflow server ask for the login; passwords stay out of files."""
    if settings.credentials is None:
        return {}
    name, password = settings.credentials
    # MLflow keeps the password of the first start; another login has users of its own.
    digest = hashlib.sha256(f"{name}:{password}".encode()).hexdigest()[:8]
    users = settings.home / "mlflow" / f"users-{digest}.db"
    config = settings.home / "mlflow" / "login.ini"
    content = (
        f"[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///{users}\n"
        # To compare a password is slow on purpose, and this one holds as long as the server runs.
        "auth_cache_ttl_seconds = 3600\n"
    )
    write_atomically(config, content.encode())
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_AUTH_ADMIN_USERNAME": name,
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
    }


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise MachineError(f"the server for {address} ended at once; its messages are above")
        try:
            if httpx.get(address, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise MachineError(f"no answer at {address} in {_START_TIMEOUT_SECONDS} s")


def _port(variable: str, usual: int) -> int:
    """Return the port that a variable names, else the usual one, else any that is free."""
    return int(os.environ.get(variable) or free_port(usual))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command's answer


if __name__ == "__main__":
    sys.exit(main())

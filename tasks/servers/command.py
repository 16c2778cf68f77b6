"""Running a flow from the command line, with the servers it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TypeVar

from prefect.context import refresh_global_settings_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.installation.clock import command_clock
from tasks.installation.settings import Settings
from tasks.servers.prefect_server import server_address, wait_until_healthy
from tasks.tracking.tracking import end_open_runs, prepare_tracking

__all__ = ["run_command"]

T = TypeVar("T")


def run_command(run: Callable[[], T]) -> T:
    """Return what ``run`` returns, with Prefect and MLflow at hand.

    Servers named by PREFECT_API_URL and MLFLOW_TRACKING_URI are used; otherwise a Prefect server
    lives as long as the command, and MLflow writes to its local database. Creating the databases
    counts as set-up. Runs of MLflow that an interruption leaves open are ended.
    """
    settings = Settings()
    with command_clock() as clock:
        address = server_address(settings)
        new = not (settings.home / "mlflow" / "ready").exists()
        with clock.setting_up() if new else nullcontext():
            # The server migrates its own database meanwhile.
            prepare_tracking(settings)
            wait_until_healthy(address)
        with temporary_settings({PREFECT_API_URL: address}), _inherited(address):
            try:
                return run()
            except KeyboardInterrupt:
                with suppress(Exception):
                    end_open_runs()
                raise


@contextmanager
def _inherited(address: str) -> Iterator[None]:
    """Tell threads and processes that are started meanwhile the server.

    Settings for this context alone do not reach them, and they would start servers of their own.
    """
    name = PREFECT_API_URL.name
    before = os.environ.get(name)
    os.environ[name] = address
    refresh_global_settings_context()
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
        refresh_global_settings_context()

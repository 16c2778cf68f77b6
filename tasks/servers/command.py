"""Running a flow from the command line, with the servers it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeVar

from prefect.context import refresh_global_settings_context
from prefect.settings import temporary_settings

from tasks.installation.clock import command_clock
from tasks.installation.settings import Settings
from tasks.servers.prefect_server import server_variables, wait_until_healthy
from tasks.tracking.tracking import end_open_runs, prepare_tracking

T = TypeVar("T")


def run_command(run: Callable[[], T]) -> T:
    """Return what ``run`` returns, with Prefect and MLflow at hand.

    Servers named by PREFECT_API_URL and MLFLOW_TRACKING_URI are used; otherwise a Prefect server
    lives as long as the command, and MLflow writes to its local database. Creating the databases
    counts as set-up. Runs of MLflow that an interruption leaves open are ended.
    """
    settings = Settings()
    with command_clock() as clock:
        variables = server_variables(settings)
        new = not (settings.home / "mlflow" / "ready").exists()
        with clock.setting_up() if new else nullcontext():
            # The server migrates its own database meanwhile.
            prepare_tracking(settings)
            wait_until_healthy(variables["PREFECT_API_URL"])
        with temporary_settings(dict[Any, str](variables)), _inherited(variables):
            try:
                return run()
            except KeyboardInterrupt:
                with suppress(Exception):
                    end_open_runs()
                raise


@contextmanager
def _inherited(variables: Mapping[str, str]) -> Iterator[None]:
    """Tell threads and processes that are started meanwhile the server.

    Settings for this context alone do not reach them, and they would start servers of their own.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    refresh_global_settings_context()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        refresh_global_settings_context()

"""Environment of the servers and clients that run on this machine: quiet, local, offline.

Imported before Prefect and MLflow, which read these variables once. What is set
outside always wins, so a worker or a shared server is configured as usual.
"""

from __future__ import annotations

import getpass
import os
import time
import warnings
from contextlib import suppress
from pathlib import Path

from tasks.installation.settings import Settings

PROCESS_STARTED = time.time()
"""When this process began to import the project, in seconds since the epoch."""


def prepare_environment(settings: Settings) -> None:
    """Set the defaults of this installation: variables that are not set, and who reads its files.

    Databases that an earlier release left readable by others are closed.
    """
    mask = int(settings.umask, 8)
    os.umask(mask)
    for database in settings.home.glob("*/*.db"):
        with suppress(OSError):
            database.chmod(database.stat().st_mode & ~mask)
    for name, value in {
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_WARNINGS": "false",
        "DO_NOT_TRACK": "1",
        # Nothing is ever unpickled: what flows hand each other is JSON.
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "false",
        # 2 + 4 + ... + 128 s: a server that is restarted breaks off no run.
        "PREFECT_CLIENT_MAX_RETRIES": "7",
        # The shortest that Prefect allows, so that a lost run is soon told from a long one.
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_TRACKING_URI": tracking_uri(settings),
        # Predictors are small: one thread each, and several at once.
        "OMP_NUM_THREADS": "1",
    }.items():
        os.environ.setdefault(name, value)
    _fill_in_user(settings)
    for name in ("no_proxy", "NO_PROXY"):
        # Servers of this machine are behind no proxy.
        direct = dict.fromkeys([*os.environ.get(name, "").split(","), "localhost", "127.0.0.1"])
        os.environ[name] = ",".join(filter(None, direct))
    if settings.credentials is not None:
        name, password = settings.credentials
        os.environ.setdefault("PREFECT_API_AUTH_STRING", f"{name}:{password}")
        os.environ.setdefault("MLFLOW_TRACKING_USERNAME", name)
        os.environ.setdefault("MLFLOW_TRACKING_PASSWORD", password)
    # Importing Prefect would make its folder. Bad input must leave nothing behind, so the folder
    # is made when a run starts.
    warnings.filterwarnings("ignore", message="Failed to create the Prefect home directory")
    # MLflow's hints on input examples, data set sources and integer columns: all on purpose here.
    warnings.filterwarnings("ignore", category=UserWarning, module="mlflow")


def _fill_in_user(settings: Settings) -> None:
    """Give a user whom the system does not know, as in containers, a name and a home."""
    try:
        Path.home()
        getpass.getuser()
    except (RuntimeError, KeyError, OSError):
        os.environ.setdefault("HOME", str(settings.home))
        os.environ.setdefault("USER", f"user-{os.getuid()}")


def tracking_uri(settings: Settings) -> str:
    """Return the address of this installation's own MLflow database."""
    return f"sqlite:///{settings.home / 'mlflow' / 'mlflow.db'}"
